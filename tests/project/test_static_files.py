"""Browsers keep style sheets and scripts for ever, and get every page compressed."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

pytestmark = pytest.mark.integration

STATIC = re.compile(r"{% static ['\"]([^'\"]+)['\"] %}")
NAMED = re.compile(r"""(?:from|import|url)\s*\(?\s*["']?(\.{0,2}/?[\w./-]+\.(?:js|css|svg))\b""")
HASHED = re.compile(r"\.[0-9a-f]{12}\.\w+$")
ASK = """
import json
from django.test import Client
client = Client(headers={"accept-encoding": "gzip"})
kept = [client.get(url) for url in URLS]
print(json.dumps([[each.status_code, each["Cache-Control"], each.get("Content-Encoding", "")] for each in kept]))
"""


def manage(data: Path, *words: str) -> str:
    environment = {**os.environ, "VIRTERWEB_DATA": str(data)}
    command = [sys.executable, "manage.py", *words]
    return subprocess.run(
        command, cwd=settings.BASE_DIR, env=environment, check=True, capture_output=True, text=True
    ).stdout


@pytest.fixture(scope="module")
def collected(tmp_path_factory) -> Path:
    data = tmp_path_factory.mktemp("data")
    manage(data, "collectstatic", "--no-input")
    return data / "static"


def names(folder: Path) -> dict[str, str]:
    (manifest,) = folder.glob("names-*.json")
    return json.loads(manifest.read_text())["paths"]


def test_each_file_that_a_template_names_has_a_name_by_its_content(collected):
    known = names(collected)
    templates = (path.read_text() for path in (settings.BASE_DIR / "templates").rglob("*.html"))
    named = {name for text in templates for name in STATIC.findall(text)}
    assert "js/main.js" in named
    assert sorted(named - known.keys()) == []
    assert all(HASHED.search(known[name]) for name in named)


def test_scripts_and_style_sheets_name_each_other_by_content(collected):
    known = names(collected)
    for name in (each for each in known if each.startswith(("js/", "css/"))):
        path = collected / known[name]
        for other in NAMED.findall(path.read_text()):
            assert HASHED.search(other), f"{name} names {other}"
            assert (path.parent / other).is_file(), f"{name} names {other}"


def test_browsers_keep_them_for_ever_and_get_them_compressed(collected):
    urls = [f"/static/{names(collected)[name]}" for name in ("js/main.js", "icons.svg", "vendor/htmx/htmx.min.js")]
    answers = json.loads(manage(collected.parent, "shell", "--no-imports", "-c", f"URLS = {urls}\n{ASK}"))
    assert answers == [[200, "max-age=315360000, public, immutable", "gzip"]] * len(urls)


def test_a_second_collection_does_nothing(collected):
    before = {path: path.stat().st_mtime_ns for path in collected.rglob("*")}
    assert manage(collected.parent, "collectstatic", "--no-input", "--unless-done") == ""
    assert {path: path.stat().st_mtime_ns for path in collected.rglob("*")} == before


@pytest.mark.parametrize("path", ["/networks/", "/networks/add/", "/addresses.json", "/activity/"])
def test_pages_and_tables_are_compressed_and_kept_by_no_proxy(page, path):
    answer = page.get(path, headers={"accept-encoding": "gzip"}, follow=True)
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-cache, private"
    assert len(answer.content) < 200 or answer["Content-Encoding"] == "gzip"
