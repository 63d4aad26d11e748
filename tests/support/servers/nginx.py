"""The sample configuration of nginx, with a certificate of its own, for tests."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import prepare
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings

from tests.support.portal import free_port

SAMPLE = settings.BASE_DIR / "deploy/proxy/nginx.conf"
HOST = "lab.example"  # of the sample


def program() -> str:
    """Return the path of nginx; where it is not installed, of the one in Debian's package, which is only unpacked."""
    return shutil.which("nginx") or str(prepare.unpacked("nginx") / "usr/sbin/nginx")


def configuration(folder: Path, changes: dict[str, str]) -> Path:
    """Write a whole configuration that includes the sample with these changes, and return its path."""
    certificate, key = _make_certificate(folder)
    paths = {f"/etc/ssl/certs/{HOST}.pem": str(certificate), f"/etc/ssl/private/{HOST}.key": str(key)}
    sample = SAMPLE.read_text()
    for old, new in (paths | changes).items():
        assert old in sample, f"the sample has no {old}"
        sample = sample.replace(old, new)
    (folder / "virterweb.conf").write_text(sample)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")  # of temporary files
    temporary = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    http = f"http {{ access_log off; {temporary} include {folder}/virterweb.conf; }}"
    text = f"pid {folder}/pid; error_log stderr; daemon off; events {{}} {http}"
    (folder / "nginx.conf").write_text(text)
    return folder / "nginx.conf"


@contextmanager
def nginx_for(folder: Path, port: int, web_servers: list[str]) -> Iterator[None]:
    """Serve these web servers, each HOST:PORT, with TLS at a port of 127.0.0.1, as long as the context lasts."""
    changes = {
        "    listen 80;\n    listen [::]:80;": f"    listen 127.0.0.1:{free_port()};",
        "    listen 443 ssl;\n    listen [::]:443 ssl;": f"    listen 127.0.0.1:{port} ssl;",
        "    server 127.0.0.1:8000;": "".join(f"    server {each};\n" for each in web_servers),
        "proxy_set_header Host $host;": "proxy_set_header Host $host:$server_port;",  # the port is not 443 here
    }
    running = subprocess.Popen([program(), "-p", str(folder), "-c", str(configuration(folder, changes))])
    try:
        yield
    finally:
        running.terminate()
        running.wait(timeout=20)


def _make_certificate(folder: Path) -> tuple[Path, Path]:
    """Write a certificate for HOST and its key, and return their paths."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
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
