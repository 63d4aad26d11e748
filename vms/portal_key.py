"""The portal's own SSH key pair, with which it looks whether guests can be logged in to. Kept in its data folder."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings
from paramiko import RSAKey


def load() -> RSAKey:
    """The key, made at the first call; two processes starting at once agree on one."""
    path = settings.DATA_DIR / "ssh-key"
    if not path.exists():
        _make(path)
    return RSAKey.from_private_key_file(str(path))


def authorized_line() -> str:
    """The public key as a line of a guest's authorized keys."""
    key = load()
    return f"{key.get_name()} {key.get_base64()} virterweb"


def _make(path: Path) -> None:
    """RSA, which guests of every age and policy take. Written whole under another name first: nobody reads half."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=3072)
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            file.write(text)
        with suppress(FileExistsError):  # another process was quicker, and its key counts
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
