"""An SSH server in the place of a guest, and a VM that is waited for."""

from pathlib import Path

import paramiko
import pytest

from vms.cloud_init import portal_key


@pytest.fixture(scope="package")
def kept_key(tmp_path_factory) -> Path:
    """Return the file of an SSH key. It is created once, because that takes some time."""
    path = tmp_path_factory.mktemp("kept") / "ssh-key"
    paramiko.RSAKey.generate(2048).write_private_key_file(str(path))
    return path


@pytest.fixture
def own_key(db, settings, kept_key) -> paramiko.RSAKey:
    """Return the key of the portal, which it takes from its data folder."""
    settings.DATA_DIR = kept_key.parent
    return portal_key.load()
