"""The samples for nginx and Caddy, and the image, say what the portal needs."""

import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings

pytestmark = pytest.mark.integration

DEPLOY = settings.BASE_DIR / "deploy"
NGINX, CADDY = DEPLOY / "proxy/nginx.conf", DEPLOY / "proxy/Caddyfile"


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Write a certificate for lab.example and its key, and return their paths."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "lab.example")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    encoding, kind = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (folder / "key").write_bytes(key.private_bytes(encoding, kind, serialization.NoEncryption()))
    (folder / "certificate").write_bytes(certificate.public_bytes(encoding))
    return folder / "certificate", folder / "key"


def nginx_for(folder: Path) -> Path:
    """Write a whole configuration of nginx that includes the sample, and return its path."""
    certificate, key = make_certificate(folder)
    sample = NGINX.read_text()
    sample = sample.replace("/etc/ssl/certs/lab.example.pem", str(certificate))
    sample = sample.replace("/etc/ssl/private/lab.example.key", str(key))
    (folder / "virterweb.conf").write_text(sample)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")  # of temporary files
    paths = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    http = f"http {{ access_log off; {paths} include {folder}/virterweb.conf; }}"
    (folder / "nginx.conf").write_text(f"pid {folder}/pid; error_log stderr; events {{}} {http}")
    return folder / "nginx.conf"


@pytest.mark.skipif(not shutil.which("nginx"), reason="nginx is not installed")
def test_nginx_accepts_the_sample(tmp_path: Path):
    command = ["nginx", "-t", "-q", "-p", str(tmp_path), "-c", str(nginx_for(tmp_path))]
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
