"""The OpenSSH configuration of the VMs."""

import subprocess
from shutil import which

import pytest

from tests.support.making import make_hypervisor, make_lease, make_running, make_vm
from tests.vms.addresses.inventory.inventory_of_vms import make_stranger, run
from vms.addresses.inventory import guests, known_hosts, ssh_config
from vms.models import VM


def test_ssh_has_a_block_for_each_managed_vm_with_an_address(lab, vm):
    web = make_vm(lab, "web", 9)
    make_running(web, ("default", "52:54:00:00:00:09", "vnet3"))
    make_vm(lab, "silent", 10, host_key_public="ssh-rsa BBBB")
    make_stranger(lab, "stranger", ("default", "52:54:00:00:00:0b", "vnet4"))
    for mac, ip in (("52:54:00:00:00:09", "192.168.122.9"), ("52:54:00:00:00:0b", "192.168.122.11")):
        make_lease(lab.networks.get(name="default"), mac, ip)
    found = guests(VM.objects.all())
    assert ssh_config(found) == (
        "Host alma-8-8\n    HostName 192.168.122.8\n    User alma\n    HostKeyAlias alma-8-8\n\n"
        "Host web\n    HostName 192.168.122.9\n    User root\n    HostKeyAlias web\n"
    )
    assert known_hosts(found) == "alma-8-8 ssh-rsa AAAA\nsilent ssh-rsa BBBB\n"


def test_ssh_uses_the_names_of_the_inventory(lab, vm):
    make_vm(make_hypervisor("lab-2"))
    found = guests(VM.objects.all())
    assert "Host alma-8-8.lab-1\n" in ssh_config(found)
    assert "HostKeyAlias alma-8-8.lab-1\n" in ssh_config(found)
    assert known_hosts(found) == "alma-8-8.lab-1 ssh-rsa AAAA\n"


@pytest.mark.parametrize("name", ["two words", "*", "a?", "!a", 'a"b', "a\nProxyCommand id", "#a"])
def test_a_name_that_ssh_does_not_allow_is_replaced_by_a_comment(lab, vm, name):
    VM.objects.update(name=name)
    (line,) = ssh_config(guests(VM.objects.all())).splitlines()
    assert line == f"# Left out, for this cannot be written as a Host: {name!a}"


@pytest.mark.skipif(not which("ssh"), reason="needs OpenSSH's client")
def test_ssh_reads_the_blocks(lab, vm, tmp_path):
    VM.objects.filter(pk=make_vm(lab, "web", 9).pk).update(name='a"b')
    make_lease(lab.networks.get(name="default"), "52:54:00:00:00:09", "192.168.122.9")
    make_running(VM.objects.get(number=9), ("default", "52:54:00:00:00:09", "vnet3"))
    path = tmp_path / "config"
    path.write_text(run("--ssh-config"))
    assert "# Left out" in path.read_text()
    read = subprocess.run(["ssh", "-G", "-F", path, "alma-8-8"], capture_output=True, text=True, check=True).stdout
    assert {"hostname 192.168.122.8", "user alma", "hostkeyalias alma-8-8"} < set(read.splitlines())
