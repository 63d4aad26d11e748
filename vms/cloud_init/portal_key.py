"""The portal's own SSH key pair, kept in its data folder, for checking whether SSH to guests works."""

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from paramiko import RSAKey


def load() -> "RSAKey":
    """Return the key, created at the first call; two processes starting at once agree on one."""
    from paramiko import RSAKey

    path = settings.DATA_DIR / "ssh-key"
    if not path.exists():
        _make(path)
    return RSAKey.from_private_key_file(str(path))


def authorized_line() -> str:
    """Return the public key as a line of a guest's authorized keys."""
    key = load()
    return f"{key.get_name()} {key.get_base64()} virterweb"


def _make(path: Path) -> None:
    """Create an RSA key, which guests of every age and policy accept.

    It is written completely under another name first, then renamed: no reader gets a part of it.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=3072)
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            file.write(text)
        with suppress(FileExistsError):  # another process has created the key
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
