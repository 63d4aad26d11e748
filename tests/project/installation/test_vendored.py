"""Third-party files that the portal serves are the ones that were fetched, with their licence and origin."""

import hashlib
from pathlib import Path

import pytest

VENDOR = Path(__file__).resolve().parents[3] / "static/vendor"
FOLDERS = sorted(path for path in VENDOR.iterdir() if path.is_dir())


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_file_is_as_its_checksum_says(folder: Path):
    sums = dict(reversed(line.split()) for line in (folder / "SHA256SUMS").read_text().splitlines())
    assert {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in sums} == sums
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert files == {*sums, "SHA256SUMS", "ORIGIN"}
    assert "LICENSE" in sums


def test_the_page_loads_the_vendored_htmx(client, db):
    page = client.get("/login/").content.decode()
    assert '<script src="/static/vendor/htmx/htmx.min.js" defer>' in page
    assert "django_htmx/" not in page
