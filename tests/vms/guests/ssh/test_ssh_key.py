"""The SSH key of the portal."""

import os
import stat
import subprocess
import sys

import pytest

from tests.vms.guests.ssh.ssh_guest import running_vm
from vms.cloud_init import portal_key, seed
from vms.definition import cloud_init

pytestmark = pytest.mark.integration


def test_the_key_of_the_portal_is_created_once_and_readable_only_by_its_user(tmp_path, settings):
    settings.DATA_DIR = tmp_path
    own_key, path = portal_key.load(), tmp_path / "ssh-key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert portal_key.load().get_base64() == own_key.get_base64()
    assert list(path.parent.iterdir()) == [path]
    assert portal_key.authorized_line() == f"ssh-rsa {own_key.get_base64()} virterweb"


def test_processes_that_start_at_once_agree_on_one_key(tmp_path):
    code = "import django; django.setup(); from vms.cloud_init import portal_key; print(portal_key.authorized_line())"
    environment = {**os.environ, "VIRTERWEB_DATA": str(tmp_path), "DJANGO_SETTINGS_MODULE": "virterweb.settings"}
    started = [
        subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert len({process.communicate()[0] for process in started}) == 1


@pytest.mark.django_db
def test_only_a_vm_that_is_waited_for_has_the_key_of_the_portal(own_key, enqueued):
    vm = running_vm()
    assert portal_key.authorized_line().encode() in seed.files(vm)["user-data"]
    vm.wait_ssh = False
    assert b"virterweb" not in seed.files(vm)["user-data"]
    assert cloud_init.iso(seed.files(vm))
