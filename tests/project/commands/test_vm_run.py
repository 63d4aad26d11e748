"""The command that runs VMs, with Virter's flags."""

import pytest
from django.core.management.base import CommandError
from django.utils import timezone

from tests.project.commands.running_commands import run
from tests.support.making import make_image, make_network, make_vm
from virterweb.hypervisors.models import HypervisorStatus
from virterweb.people import cli
from vms.models import VM

pytestmark = pytest.mark.integration


def test_vm_run_accepts_virters_short_flags(lab, enqueued):
    make_image(lab)
    make_network(lab)
    run(
        *("vm", "run", "alma-8", "--id", "8", "-n", "mine", "-m", "2G", "-d", "name=d,size=1G"),
        *("-i", "type=network,source=net1", "-u", "mira", "-w", "-c", "/var/log/consoles", "--no-wait"),
    )
    vm = VM.objects.get()
    assert (vm.name, vm.memory, vm.ssh_user, vm.wait_ssh) == ("mine", 2048, "mira", True)
    assert (vm.console_dir, vm.disks.get().name, vm.nics.count()) == ("/var/log/consoles", "d", 2)


def test_vm_run_accepts_virters_flags(lab):
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


def test_vm_run_waits_for_the_first_poll_of_a_hypervisor_that_has_just_been_registered(lab, monkeypatch):
    statuses = HypervisorStatus.objects.filter(hypervisor=lab)
    statuses.update(observed_at=None)

    def poll(seconds: float) -> None:
        make_image(lab)
        statuses.update(observed_at=timezone.now())

    monkeypatch.setattr(cli.time, "sleep", poll)
    assert run("vm", "run", "alma-8", "--id", "8", "--no-wait") == "alma-8-8\n"


@pytest.mark.parametrize("unreachable_since", [None, timezone.now()])
def test_vm_run_does_not_wait_forever_for_a_hypervisor_that_nobody_can_poll(lab, monkeypatch, unreachable_since):
    HypervisorStatus.objects.filter(hypervisor=lab).update(observed_at=None, unreachable_since=unreachable_since)
    monkeypatch.setattr(cli, "NO_WORKER_TIMEOUT", 0.3)
    with pytest.raises(CommandError, match="This hypervisor has no image alma-8"):
        run("vm", "run", "alma-8", "--id", "8", "--no-wait")


def test_several_vms_are_run_with_ids_in_sequence(lab):
    make_image(lab)
    assert run("vm", "run", "alma-8", "--id", "8", "--count", "2", "--name", "web", "--no-wait") == "web-8\nweb-9\n"
    assert list(VM.objects.values_list("number", flat=True)) == [8, 9]


def test_without_a_count_the_name_is_the_name_and_with_one_it_has_the_id(lab):
    make_image(lab)
    assert run("vm", "run", "alma-8", "--id", "8", "--name", "web", "--no-wait") == "web\n"
    assert run("vm", "run", "alma-8", "--id", "9", "--count", "1", "--name", "web-9", "--no-wait") == "web-9-9\n"


def test_several_vms_have_their_own_vnc_ports_and_are_waited_for_by_ssh(lab):
    make_image(lab)
    run("vm", "run", "alma-8", "--id", "8", "--count", "2", "--vnc", "--wait-ssh", "--no-wait")
    assert list(VM.objects.values_list("vnc_port", "wait_ssh", "console_log")) == [
        (6008, True, True),
        (6009, True, True),
    ]


def test_several_vms_are_run_all_or_none(lab):
    make_image(lab)
    make_vm(lab, "other", 9)
    with pytest.raises(CommandError, match="--id: ID 9 is taken"):
        run("vm", "run", "alma-8", "--id", "8", "--count", "3", "--no-wait")
    assert VM.objects.count() == 1


def test_the_flag_of_a_nic_sets_the_guest_network_configuration(lab):
    make_image(lab)
    make_network(lab)
    nic = "type=network,source=net1,guest=static,guest-addresses=10.255.0.9/24+fd00::9/64,dns=none,default-route=no"
    run("vm", "run", "alma-8", "--id", "8", "--nic", nic, "--guest-network", "portal", "--no-wait")
    vm = VM.objects.get()
    desired = {"mode": "static", "addresses": ["10.255.0.9/24", "fd00::9/64"], "use_dns": False, "default_route": False}
    assert (vm.guest_network, vm.nics.get(position=1).guest) == ("portal", desired)
    mac = vm.nics.get(position=1).mac
    run("vm", "nic", "change", "alma-8-8", mac, "--guest", "dhcp", "--guest-addresses", "", "--no-wait")
    assert vm.nics.get(position=1).guest == {"mode": "dhcp", "use_dns": False, "default_route": False}


def test_an_architecture_is_chosen_by_virters_name(lab):
    make_image(lab)
    HypervisorStatus.objects.update(archs=["x86_64", "aarch64"])
    run("vm", "run", "alma-8", "--id", "8", "--arch", "arm64", "--no-wait")
    assert VM.objects.get().arch == "aarch64"
    with pytest.raises(CommandError, match=r"--arch: .* has no emulator for s390x\. .* are: x86_64, aarch64\."):
        run("vm", "run", "alma-8", "--id", "9", "--arch", "s390x", "--no-wait")
