"""The command line: Virter's flags and tables over the same wishes, reasons on stderr, waiting for the worker."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from networks.models import Network
from tests.making import (
    make_foreign_network,
    make_hypervisor,
    make_image,
    make_lease,
    make_network,
    make_running,
    make_vm,
)
from virterweb.hypervisors.models import HypervisorStatus
from vms.models import VM


@pytest.fixture
def lab(db, pokes):
    hypervisor = make_hypervisor()
    make_foreign_network(hypervisor)
    return hypervisor


def run(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines()]


def test_network_ls_prints_virters_table(lab):
    make_network(lab)
    assert lines(run("network", "ls")) == [
        "Name                      Forward-Type  IP-Range          Domain  DHCP                           Bridge",
        "default (virter default)  nat           192.168.122.1/24  test    192.168.122.2-192.168.122.254  virbr0",
        "net1                                    10.255.0.1/24             10.255.0.2-10.255.0.254",
    ]


def test_list_attached_prints_virters_table(lab):
    make_lease(lab.networks.get(name="default"), "52:54:00:00:00:08", "192.168.122.8", "alma-8-8")
    make_running(make_vm(lab), ("default", "52:54:00:00:00:08", "vnet1"))
    assert lines(run("network", "list-attached", "default")) == [
        "VM        MAC                IP             Hostname  Host Device",
        "alma-8-8  52:54:00:00:00:08  192.168.122.8  alma-8-8  vnet1",
    ]


def test_vm_ls_prints_the_vms_as_last_observed(lab):
    make_running(make_vm(lab, image=make_image(lab)), ("default", "52:54:00:00:00:08", "vnet1"))
    assert lines(run("vm", "ls")) == [
        "Name      ID  State    Image   NICs  IP",
        "alma-8-8  8   running  alma-8  1",
    ]


def test_network_add_takes_virters_flags(lab):
    run(
        *("network", "add", "net1", "--dhcp", "--network-cidr", "10.255.0.1/24", "--domain", "lab.test"),
        *("--forward-mode", "nat", "--dhcp-id", "8", "--dhcp-count", "2", "--no-wait"),
    )
    network = Network.objects.get(name="net1")
    assert (network.forward_mode, network.domain, network.hosts.count()) == ("nat", "lab.test", 2)
    assert network.subnets.get().dhcp_end == "10.255.0.254"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("network", "add", "default"), "NAME: There is a network default on lab-1 already."),
        (("network", "add", "net1", "-n", "10.255.0.0/24"), "--network-cidr: This is the block itself"),
        (("network", "add", "net1", "--dhcp"), "--dhcp: DHCP needs a block"),
        (("network", "list-attached", "none"), "there is no network none"),
        (("network", "ls", "--hypervisor", "none"), "there is no hypervisor none"),
        (("network", "host", "add", "--id", "300"), "ID 300 has no address in 192.168.122.0/24"),
        (("vm", "run", "none", "--id", "8"), "IMAGE: There is no image none on this hypervisor."),
        (("vm", "run", "alma-8", "--id", "255"), "--id: ID 255 has no address"),
        (("vm", "run", "alma-8", "--id", "8", "--nic", "source=net1"), "--nic source=net1: give type="),
        (("vm", "run", "alma-8", "--id", "8", "--nic", "type=network,source=x"), "--nic: There is no network x"),
        (("vm", "run", "alma-8", "--id", "8", "--nic", "type=network,source=x,bus=y"), "bus is not known"),
        (("vm", "run", "alma-8", "--id", "8", "--disk", "size=1G"), "give name= and size="),
        (("vm", "run", "alma-8", "--id", "8", "--memory", "lots"), "lots is no size"),
        (("vm", "run", "alma-8", "--id", "8", "--vnc-port", "70000"), "--vnc-port: "),
        (("vm", "run", "alma-8", "--id", "8", "--vnc-bind-ip", "here"), "--vnc-bind-ip: "),
        (("vm", "run", "alma-8", "--id", "8", "--console", "here"), "--console: An absolute path."),
        (("vm", "run", "alma-8", "--id", "8", "--user", "a b"), "--user: A user’s name."),
        (("vm", "run", "alma-8", "--id", "8", "--user-data", "/nowhere"), "--user-data: "),
        (("vm", "nic", "add", "none", "type=network,source=default"), "there is no VM none"),
    ],
)
def test_what_is_refused_says_why_and_wishes_nothing(lab, words, said):
    make_image(lab)
    with pytest.raises(CommandError) as refused:
        run(*words)
    assert said in str(refused.value)
    assert not Network.objects.filter(managed=True).exists()
    assert not VM.objects.exists()


def test_vm_run_takes_virters_flags(lab):
    make_image(lab)
    make_network(lab)
    out = run(
        *("vm", "run", "alma-8", "--id", "8", "--nic", "type=network,source=net1", "--memory", "2G", "--vcpus", "2"),
        *("--disk", "name=data,size=1G,format=raw,bus=scsi,pool=fast", "--user", "alma", "--no-wait"),
        *("--vnc", "--vnc-bind-ip", "0.0.0.0", "--console", "/var/log/vms/"),
    )
    vm = VM.objects.get()
    assert out == "alma-8-8\n"
    assert (vm.memory, vm.vcpus, vm.ssh_user) == (2048, 2, "alma")
    assert list(vm.nics.values_list("source", flat=True)) == ["default", "net1"]
    assert (vm.vnc_port, vm.vnc_bind, vm.console_dir) == (6008, "0.0.0.0", "/var/log/vms")
    assert list(vm.disks.values_list("name", "size", "format", "bus", "pool")) == [
        ("data", 1024, "raw", "scsi", "fast")
    ]


def test_several_vms_are_run_with_ids_in_sequence(lab):
    make_image(lab)
    assert run("vm", "run", "alma-8", "--id", "8", "--count", "2", "--name", "web", "--no-wait") == "web-8\nweb-9\n"
    assert list(VM.objects.values_list("number", flat=True)) == [8, 9]


def test_removing_what_is_not_there_succeeds(lab):
    run("network", "rm", "none")
    run("vm", "rm", "none")


def test_nics_are_added_and_removed(lab):
    vm = make_vm(lab)
    mac = run("vm", "nic", "add", vm.name, "type=network,source=default", "--no-wait").strip()
    assert vm.nics.get(mac=mac).source == "default"
    run("vm", "nic", "rm", vm.name, mac.upper(), "--no-wait")
    assert vm.nics.get(mac=mac).removed_at
    with pytest.raises(CommandError, match="has no NIC 52:54:00:00:00:99"):
        run("vm", "nic", "rm", vm.name, "52:54:00:00:00:99")


def test_with_two_hypervisors_one_is_to_be_named(lab):
    make_hypervisor("lab-2")
    with pytest.raises(CommandError, match="say which with --hypervisor: lab-1, lab-2"):
        run("network", "add", "net1")
    run("network", "add", "net1", "--hypervisor", "lab-2", "--no-wait")
    assert "Hypervisor" in run("network", "ls").splitlines()[0]


def test_a_wish_that_fails_ends_the_wait_with_its_reason(lab, monkeypatch):
    network = make_network(lab)
    network.status.write(generation=99, error="Not removed: it would cut off alma-8-8.", detail="in use")
    with pytest.raises(CommandError, match="Not removed: it would cut off alma-8-8") as failed:
        run("network", "rm", "net1")
    assert "in use" in str(failed.value)


def test_without_a_worker_the_wait_is_given_up_and_the_wish_kept(lab):
    HypervisorStatus.objects.update(next_look=timezone.now() - timedelta(minutes=1))
    with pytest.raises(CommandError, match="the worker does not run"):
        run("network", "add", "net1")
    assert Network.objects.get(name="net1").state == "pending"


def test_setup_makes_one_operator_and_keeps_what_is_known(db, monkeypatch):
    monkeypatch.setenv("VIRTERWEB_ADMIN_PASSWORD", "given")
    assert "Operator account made" in run("setup", "--hypervisor", "lab=test:///default")
    assert run("setup", "--hypervisor", "lab=test:///default") == ""
    assert "Hypervisor lab is now at test:///other" in run("setup", "--hypervisor", "lab=test:///other")
