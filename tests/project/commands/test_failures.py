"""Commands that are refused or fail print the reason."""

from datetime import timedelta

import pytest
from django.core.management.base import CommandError
from django.utils import timezone

from networks.models import Network
from tests.project.commands.running_commands import run
from tests.support.making import make_hypervisor, make_image, make_network
from virterweb.hypervisors.models import HypervisorStatus
from virterweb.messages import Message
from virterweb.people import cli
from vms.models import VM

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("network", "add", "default"), "NAME: lab-1 already has a network default."),
        (("network", "add", "net1", "-n", "10.255.0.0/24"), "--network-cidr: This is the address of the block"),
        (("network", "add", "net1", "--dhcp"), "--dhcp: DHCP needs a block"),
        (("network", "list-attached", "none"), "there is no network none"),
        (("network", "ls", "--hypervisor", "none"), "there is no hypervisor none"),
        (("network", "host", "add", "--id", "300"), "ID 300 has no address in 192.168.122.0/24"),
        (("vm", "run", "none", "--id", "8"), "IMAGE: This hypervisor has no image none."),
        (("vm", "run", "alma-8", "--id", "255"), "--id: ID 255 has no address"),
        (("vm", "run", "alma-8", "--id", "8", "--nic", "source=net1"), "--nic source=net1: enter type="),
        (
            ("vm", "run", "alma-8", "--id", "8", "--nic", "type=network,source=x"),
            "--nic: This hypervisor has no network x",
        ),
        (("vm", "run", "alma-8", "--id", "8", "--nic", "type=network,source=x,bus=y"), "unknown key bus"),
        (("vm", "run", "alma-8", "--id", "8", "--guest-network", "x"), "--guest-network: Select a valid choice"),
        (
            ("vm", "run", "alma-8", "--id", "8", "--nic", "type=bridge,source=br0,guest=static"),
            "--nic: Enter an address with its prefix",
        ),
        (("vm", "run", "alma-8", "--id", "8", "--disk", "size=1G"), "enter name= and size="),
        (("vm", "run", "alma-8", "--id", "8", "--disk", "name=a,size=0"), "--disk: Enter a size from 1 MiB"),
        (("vm", "run", "alma-8", "--id", "8", "--disk", "name=a,size=1G,bus=usb"), "--disk: Select a valid choice"),
        (("vm", "run", "alma-8", "--id", "8", "--count", "0"), "--count: Ensure this value is greater"),
        (("vm", "run", "alma-8", "--id", "8", "--count", "2", "--vnc-port", "99"), "--vnc-port: Several VMs cannot"),
        (("vm", "run", "alma-8", "--id", "8", "--memory", "lots"), "lots is not a size"),
        (("vm", "run", "alma-8", "--id", "8", "--memory", "0"), "--memory: Ensure this value is greater"),
        (("vm", "run", "alma-8", "--id", "8", "--vnc-port", "70000"), "--vnc-port: "),
        (("vm", "run", "alma-8", "--id", "8", "--vnc-bind-ip", "here"), "--vnc-bind-ip: "),
        (("vm", "run", "alma-8", "--id", "8", "--console", "here"), "--console: An absolute path."),
        (("vm", "run", "alma-8", "--id", "8", "--user", "a b"), "--user: Enter a user name."),
        (("vm", "run", "alma-8", "--id", "8", "--user-data", "/nowhere"), "--user-data: "),
        (("vm", "nic", "add", "none", "type=network,source=default"), "there is no VM none"),
    ],
)
def test_a_refused_command_prints_the_reason_and_saves_nothing(lab, words, said):
    make_image(lab)
    with pytest.raises(CommandError) as refused:
        run(*words)
    assert said in str(refused.value)
    assert not Network.objects.filter(managed=True).exists()
    assert not VM.objects.exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"#!/bin/sh\n# gr\xfcn\n", "--user-data: Line 2 has bytes that are not valid UTF-8."),
        (b"#cloud-config\na:\n\tb: 1\n", "--user-data: Line 3 is indented with a tab"),
        (b"#" * 2**20, "--user-data: It has 1,048,576 bytes"),
        (b"#!/bin/sh\n\0", "--user-data: Line 2 has a null byte"),
    ],
    ids=["no UTF-8", "tab", "1 MB", "null"],
)
def test_user_data_that_no_guest_can_use_is_refused(lab, tmp_path, content, said):
    make_image(lab)
    file = tmp_path / "user-data"
    file.write_bytes(content)
    with pytest.raises(CommandError) as refused:
        run("vm", "run", "alma-8", "--id", "8", "--user-data", str(file))
    assert said in str(refused.value)
    assert not VM.objects.exists()


def test_with_two_hypervisors_one_must_be_named(lab):
    make_hypervisor("lab-2")
    with pytest.raises(CommandError, match="choose one with --hypervisor: lab-1, lab-2"):
        run("network", "add", "net1")
    run("network", "add", "net1", "--hypervisor", "lab-2", "--no-wait")
    assert "Hypervisor" in run("network", "ls").splitlines()[0]


def test_a_failed_change_ends_the_wait_with_its_reason(lab, monkeypatch):
    network = make_network(lab)
    network.status.write(
        generation=99, error=Message.external("Not deleted: this would disconnect alma-8-8."), detail="in use"
    )
    with pytest.raises(CommandError, match="Not deleted: this would disconnect alma-8-8") as failed:
        run("network", "rm", "net1")
    assert "in use" in str(failed.value)


def test_without_a_worker_the_wait_ends_and_the_saved_definition_is_kept(lab, monkeypatch):
    monkeypatch.setattr(cli, "NO_WORKER_TIMEOUT", 0.5)
    HypervisorStatus.objects.update(due_at=timezone.now() - timedelta(minutes=1))
    with pytest.raises(CommandError, match="the worker is not running"):
        run("network", "add", "net1")
    assert Network.objects.get(name="net1").state == "pending"
