"""The SSH key of the portal."""

import paramiko
import pytest

from tests.vms.guests.ssh.ssh_guest import running_vm
from virterweb.hypervisors.models import Secret
from vms.cloud_init import portal_key, seed
from vms.definition import cloud_init

pytestmark = pytest.mark.integration


@pytest.mark.django_db
def test_the_key_of_the_portal_is_created_once_and_kept_in_the_database(tmp_path, settings):
    settings.DATA_DIR = tmp_path
    own_key = portal_key.load()
    assert portal_key.load().get_base64() == own_key.get_base64()
    assert Secret.objects.get().value.startswith("-----BEGIN OPENSSH PRIVATE KEY-----")
    assert list(tmp_path.iterdir()) == []
    assert portal_key.authorized_line() == f"ssh-rsa {own_key.get_base64()} virterweb"


def test_the_key_in_the_data_folder_of_an_earlier_version_stays_the_portals(own_key, kept_key, tmp_path, settings):
    assert own_key.get_base64() == paramiko.RSAKey.from_private_key_file(str(kept_key)).get_base64()
    settings.DATA_DIR = tmp_path
    assert portal_key.load().get_base64() == own_key.get_base64()


@pytest.mark.django_db
def test_only_a_vm_that_is_waited_for_has_the_key_of_the_portal(own_key, enqueued):
    vm = running_vm()
    assert portal_key.authorized_line().encode() in seed.files(vm)["user-data"]
    vm.wait_ssh = False
    assert b"virterweb" not in seed.files(vm)["user-data"]
    assert cloud_init.iso(seed.files(vm))
