"""The portal's own SSH key pair, kept in the database, for checking whether SSH to guests works."""

from functools import cache
from io import StringIO
from typing import TYPE_CHECKING

from django.conf import settings

from virterweb.hypervisors.models import Secret

if TYPE_CHECKING:
    from paramiko import RSAKey


def load() -> "RSAKey":
    """Return the key, created by the first process that needs it."""
    return _read(Secret.kept("SSH key", settings.DATA_DIR / "ssh-key", _new))


def authorized_line() -> str:
    """Return the public key as a line of a guest's authorized keys."""
    key = load()
    return f"{key.get_name()} {key.get_base64()} virterweb"


@cache
def _read(text: str) -> "RSAKey":
    from paramiko import RSAKey

    return RSAKey.from_private_key(StringIO(text))


def _new() -> str:
    """Return a new RSA key, which guests of every age and policy accept."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=3072)
    form = serialization.PrivateFormat.OpenSSH
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()
