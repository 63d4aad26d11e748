"""An SSH server in the place of a guest, and a VM that is waited for."""

import shutil
from pathlib import Path

import paramiko
import pytest
from django.conf import settings as django_settings

from vms.cloud_init import portal_key


@pytest.fixture(scope="package")
def kept_key(tmp_path_factory) -> Path:
    """Return the file of a key of the portal. It is created once, because that takes some time."""
    folder = tmp_path_factory.mktemp("kept")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(django_settings, "DATA_DIR", folder)
        portal_key.load()
    return folder / "ssh-key"


@pytest.fixture
def own_key(tmp_path, settings, kept_key) -> paramiko.RSAKey:
    settings.DATA_DIR = tmp_path
    shutil.copy2(kept_key, tmp_path)
    return portal_key.load()
