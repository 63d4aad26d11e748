"""The samples for nginx and Caddy, and the image, say what the portal needs."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from django.conf import settings

from tests.support.servers import nginx

pytestmark = pytest.mark.integration

DEPLOY = settings.BASE_DIR / "deploy"
NGINX, CADDY = nginx.SAMPLE, DEPLOY / "proxy/Caddyfile"


def test_nginx_accepts_the_sample(tmp_path: Path):
    command = [nginx.program(), "-t", "-q", "-p", str(tmp_path), "-c", str(nginx.configuration(tmp_path, {}))]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not shutil.which("caddy"), reason="caddy is not installed")
def test_caddy_accepts_the_sample():
    command = ["caddy", "validate", "--adapter", "caddyfile", "--config", str(CADDY)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "line",
    [
        "proxy_buffering off;",
        "proxy_request_buffering off;",
        "client_max_body_size 0;",
        "proxy_set_header Upgrade $http_upgrade;",
        "proxy_set_header Connection $connection_upgrade;",
        "proxy_set_header X-Forwarded-Proto $scheme;",
        "proxy_set_header X-Forwarded-For $remote_addr;",
    ],
)
def test_nginx_passes_on_live_updates_consoles_uploads_and_the_scheme(line):
    assert line in NGINX.read_text()


def test_the_proxies_keep_the_metrics_to_this_machine():
    assert re.search(r"location = /metrics \{\s+deny all;", NGINX.read_text())
    assert "respond /metrics 403" in CADDY.read_text()


def test_the_image_has_everything_that_the_installer_installs():
    steps = (DEPLOY / "Containerfile").read_text()
    installer = (DEPLOY / "install.py").read_text()
    parts = re.findall(r'"([\w.-]+)"', "".join(re.findall(r"^PARTS .*$", installer, re.MULTILINE)))
    copied = " ".join(re.findall(r"^COPY (?!--from)(.*) \S+$", steps, re.MULTILINE)).split()
    assert set(parts) - {"deploy"} <= set(copied)
    assert all((settings.BASE_DIR / each).exists() for each in copied)
    assert "\nUSER virterweb\n" in steps
    assert "/health/live" in steps
