"""Commands that start, stop, wait for, delete and take over VMs."""

import pytest
from django.core.management.base import CommandError
from django.utils import timezone

from tests.project.commands.running_commands import run
from tests.support.making import make_running, make_vm
from vms.models import VM

pytestmark = pytest.mark.integration


def test_vm_exists_has_the_exit_status_of_virter(lab):
    make_running(make_vm(lab))
    unmanaged = VM.objects.create(hypervisor=lab, name="external", managed=False, generation=0)
    make_running(unmanaged)
    run("vm", "exists", "alma-8-8")
    for name in ("none", "external"):
        with pytest.raises(SystemExit) as ended:
            run("vm", "exists", name)
        assert ended.value.code == 1
    VM.objects.filter(pk=unmanaged.pk).update(host_key_public="ssh-rsa AAAA", number=9)  # one of Virter's
    run("vm", "exists", "external")


def test_vm_host_key_prints_a_line_for_known_hosts(lab):
    make_vm(lab, host_key_public="ssh-rsa AAAA\n")
    make_vm(lab, "keyless", 9)
    assert run("vm", "host-key", "alma-8-8") == "192.168.122.8,alma-8-8,alma-8-8.test ssh-rsa AAAA\n"
    with pytest.raises(CommandError, match="the SSH host key of keyless is unknown"):
        run("vm", "host-key", "keyless")


def test_vm_wait_ready_names_what_it_cannot_wait_for(lab):
    make_vm(lab)
    with pytest.raises(CommandError, match="VMs that were run with --wait-ssh, not to alma-8-8"):
        run("vm", "wait-ready", "alma-8-8")


def test_vm_start_and_stop_request_the_power_state(lab, enqueued):
    vm = make_vm(lab)
    run("vm", "stop", "alma-8-8", "--no-wait")
    vm.refresh_from_db()
    assert (vm.running, vm.power_verb) == (False, "shutdown")
    run("vm", "stop", "alma-8-8", "--force", "--no-wait")
    vm.refresh_from_db()
    assert (vm.running, vm.power_verb) == (False, "force-off")
    run("vm", "start", "alma-8-8", "--no-wait")
    vm.refresh_from_db()
    assert (vm.running, vm.power_verb) == (True, "start")


def test_vm_rm_deletes_several_vms_even_if_one_cannot_be_deleted(lab, enqueued):
    make_running(make_vm(lab))
    make_running(make_vm(lab, "alma-8-9", 9))
    unmanaged = VM.objects.create(hypervisor=lab, name="external", managed=False, generation=0)
    virters = VM.objects.create(hypervisor=lab, name="virters-7", number=7, managed=False, generation=0)
    make_running(unmanaged)
    make_running(virters)
    with pytest.raises(
        CommandError, match="neither the portal nor Virter created external; adopt it with “vm adopt external”"
    ):
        run("vm", "rm", "none", "external", "alma-8-8", "virters-7", "alma-8-9", "--no-wait")
    assert set(VM.objects.exclude(removed_at=None).values_list("name", flat=True)) == {
        *("alma-8-8", "alma-8-9", "virters-7")
    }


def test_deleting_a_vm_that_does_not_exist_succeeds(lab):
    run("network", "rm", "none")
    run("vm", "rm", "none")


@pytest.mark.parametrize(
    ("verb", "status", "said"),
    [
        ("accept", {"document": ""}, "The definition of web has not been read yet"),
        ("revert", {}, "web matches its saved definition, so there is nothing to revert"),
        ("take-over", {}, "libvirt still has web"),
        ("take-over", {"present": False}, "libvirt has no other VM web"),
        ("persist", {}, "web is already persistent"),
    ],
)
def test_commands_for_outside_changes_of_a_vm_print_why_they_do_nothing(lab, verb, status, said):
    values = {"made_at": timezone.now(), "present": True, "persistent": True, **status}
    make_vm(lab, "web", 12).status.write(**values)
    with pytest.raises(CommandError, match=said):
        run("vm", verb, "web", "--no-wait")


def test_a_vm_that_was_recreated_outside_the_portal_is_taken_over(lab):
    make_vm(lab, "web", 12).status.write(made_at=timezone.now(), present=False)
    other = make_vm(lab, "web", None, managed=False, generation=0)
    other.status.write(present=True, document=f"<domain><name>web</name><uuid>{other.uuid}</uuid></domain>")
    run("vm", "take-over", "web", "--no-wait")
    assert VM.objects.get(name="web").uuid == other.uuid
