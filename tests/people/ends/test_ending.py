"""At its end a VM is shut down and a network stopped; after the grace period they are deleted."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from networks.models import Network
from tests.people.ends.conftest import days_left, pass_time, work
from tests.support.making import make_network, make_running, make_vm
from tests.support.teams import make_team
from virterweb.activity.models import Entry
from virterweb.hypervisors.desired.refusals import InvalidTransition
from virterweb.hypervisors.models import HypervisorStatus
from virterweb.people.ends import chore
from virterweb.people.models import LastDefinition
from vms.models import VM

pytestmark = pytest.mark.integration


@pytest.fixture
def running(vm):
    """Let the VM run, with its end tomorrow."""
    vm.ask_power("start")
    make_running(vm)
    vm.refresh_from_db()
    vm.status.refresh_from_db()
    pass_time(13)
    return vm


def turn_off(vm: VM) -> None:
    vm.status.write(power="off", generation=VM.objects.get(pk=vm.pk).generation)


def test_a_vm_is_shut_down_at_its_end_and_not_before(running):
    before = running.generation
    work()
    assert (VM.objects.get().running, VM.objects.get().generation) == (True, before)
    pass_time(1)
    work()
    vm = VM.objects.get()
    assert (vm.running, vm.power_verb, vm.removed_at) == (False, "shutdown", None)
    assert vm.power_generation == vm.generation > before
    deleted = f"{timezone.localtime(vm.deleted_from):%Y-%m-%d %H:%M}"
    assert vm.revisions.first().what == f"stopped because of its end date, to be deleted on {deleted}"
    work()
    assert VM.objects.get().generation == vm.generation  # it is done once


def test_it_is_deleted_after_the_grace_period_and_its_definition_stays(running, browse):
    pass_time(1)
    work(running)
    turn_off(running)
    pass_time(6.9)
    work(running)
    assert VM.objects.get().removed_at is None
    pass_time(0.2)
    work()
    vm = VM.objects.get()
    assert vm.removed_at
    assert vm.revisions.first().event == "deleted at end"
    vm.delete()
    kept = LastDefinition.objects.get()
    assert (kept.name, kept.hypervisor) == ("vm-1", "lab")
    assert "vm-1" in kept.values["document"]
    page = browse("otto").get("/activity/").content.decode()
    entry = Entry.objects.get(event="deleted at end")
    assert f'href="/activity/{entry.pk}/definition/"' in page
    shown = browse("rita").get(f"/activity/{entry.pk}/definition/").content.decode()
    assert "&lt;name&gt;vm-1&lt;/name&gt;" in shown
    assert browse("gina").get(f"/activity/{entry.pk}/definition/").status_code == 404


def test_what_has_ended_cannot_be_started_until_it_is_extended(running, browse):
    pass_time(1)
    work(running)
    turn_off(running)
    answer = browse("otto").post("/vms/lab/vm-1/start/", follow=True).content.decode()
    assert "vm-1 ended on" in answer
    assert "Extend it before you start it. Its owner otto or an operator can extend it." in answer
    assert VM.objects.get().running is False
    answer = browse("otto").post("/vms/lab/vm-1/extend/", follow=True).content.decode()
    assert "Start it to use it again." in answer
    browse("otto").post("/vms/lab/vm-1/start/")
    assert VM.objects.get().running is True
    pass_time(8)
    work()
    assert VM.objects.get().removed_at is None


def test_a_vm_is_not_started_between_its_end_and_the_visit_of_a_worker(running, browse):
    pass_time(1)
    with pytest.raises(InvalidTransition, match="vm-1 ended on"):
        VM.objects.get().ask_power("start")


def test_a_vm_that_a_restart_of_the_host_interrupted_is_not_started_again_after_its_end(running):
    interrupted = {"interrupted": "host", "interrupted_power": VM.objects.get().power_generation}
    running.status.write(power="off", generation=running.generation, **interrupted)
    assert VM.objects.get().interruption
    pass_time(1)
    assert VM.objects.get().end_interruption(running=True) is False
    assert VM.objects.get().end_interruption(running=False) is True


def test_a_vm_that_was_started_outside_the_portal_is_stopped_again_instead_of_deleted(running, browse):
    pass_time(1)
    work(running)
    turn_off(running)
    running.status.write(power="running")
    page = browse("otto").get("/vms/lab/vm-1/").content.decode()
    assert "It was started outside the portal after its end date" in page
    pass_time(8)
    before = VM.objects.get().power_generation
    work(running)
    vm = VM.objects.get()
    assert (vm.removed_at, vm.running) == (None, False)
    assert vm.power_generation > before
    assert timezone.now() - vm.ended_at < timedelta(minutes=1)  # the grace period begins anew


def test_a_clock_that_jumps_ahead_does_not_shut_down_and_delete_at_once(running):
    pass_time(365)
    work(running)
    turn_off(running)
    work(running)
    vm = VM.objects.get()
    assert (vm.running, vm.removed_at) == (False, None)


def test_what_was_noted_while_the_clock_was_ahead_is_corrected(running):
    ahead = timezone.now() + timedelta(days=300)
    VM.objects.update(ended_at=ahead)
    work()
    vm = VM.objects.get()
    assert (vm.ended_at, vm.running) == (None, True)
    assert days_left(vm) == 1
    VM.objects.update(ended_at=ahead, ends_at=timezone.now() - timedelta(days=1))
    work()
    assert timezone.now() - VM.objects.get().ended_at < timedelta(minutes=1)


def test_an_unreachable_hypervisor_waits(running, lab):
    pass_time(1)
    HypervisorStatus.objects.filter(hypervisor=lab).update(unreachable_since=timezone.now())
    work()
    assert VM.objects.get().ended_at is None
    HypervisorStatus.objects.filter(hypervisor=lab).update(unreachable_since=None)
    work()
    assert VM.objects.get().ended_at


def test_an_unused_network_is_stopped_and_later_deleted(network):
    pass_time(14)
    work(network)
    found = Network.objects.get()
    assert (found.active, found.removed_at) == (False, None)
    with pytest.raises(InvalidTransition, match="Extend it before you start it"):
        found.change("started", active=True, requested=("active",))
    network.status.write(active=False)
    pass_time(7.1)
    work()
    found = Network.objects.get()
    assert (bool(found.removed_at), found.allow_disconnect) == (True, [])
    assert found.revisions.first().what.startswith("deletion requested because of its end date")
    assert "10.1.0.1" in LastDefinition.objects.get(kind="network").values["document"]


@pytest.mark.parametrize("found", [True, False], ids=["its NIC is found", "its NIC is only saved"])
def test_a_network_that_a_vm_uses_is_neither_stopped_nor_deleted(network, vm, lab, browse, found):
    VM.objects.filter(pk=vm.pk).update(ends_at=None)
    if found:
        make_running(vm, ("net1", "52:54:00:00:00:08", "vnet0"))
    else:
        vm.nics.create(position=1, source="net1", mac="52:54:00:00:00:18")
    pass_time(30)
    work()
    now = Network.objects.get(name="net1")
    assert (now.active, now.ended_at, now.removed_at) == (True, None, None)
    page = browse("otto").get("/networks/lab/net1/").content.decode()
    assert "It is not stopped while VMs have NICs on it. VMs with NICs now: 1." in page
    VM.objects.get(pk=vm.pk).delete()
    work()
    assert Network.objects.get(name="net1").active is False


def test_a_stopped_network_is_not_deleted_while_a_vm_has_a_nic_on_it(network, lab):
    pass_time(14)
    work(network)
    make_vm(lab, "late", 9).nics.create(position=1, source="net1", mac="52:54:00:00:00:19")
    pass_time(8)
    work()
    assert Network.objects.get(name="net1").removed_at is None


def test_the_access_network_of_a_hypervisor_stays(network, lab):
    type(lab).objects.update(access_network="net1")
    pass_time(30)
    work()
    assert Network.objects.get(name="net1").active is True


def test_a_refused_deletion_begins_the_grace_period_anew(network):
    pass_time(14)
    work(network)
    pass_time(8)
    work()
    found = Network.objects.get()
    found.withdraw_removal()
    found.status.write(generation=found.generation)
    work()
    found.refresh_from_db()
    assert found.removed_at is None
    assert timezone.now() - found.ended_at < timedelta(minutes=1)


def test_an_extended_network_is_started_again(network, browse):
    pass_time(14)
    work(network)
    browse("otto").post("/networks/lab/net1/extend/")
    found = Network.objects.get()
    assert found.ended_at is None
    found.change("started", active=True, requested=("active",))
    assert Network.objects.get().active is True


def test_a_problem_of_one_object_does_not_keep_the_others(running, network, monkeypatch, caplog):
    monkeypatch.setattr(Network, "stop_at_end", lambda *of: 1 / 0)
    pass_time(14)
    work()
    assert VM.objects.get().ended_at
    assert Network.objects.get().ended_at is None
    assert "the end date of network net1" in caplog.text


def test_the_commands_extend_with_the_rights_of_a_user(running, network, capsys):
    call_command("vm", "extend", "vm-1", "--user", "otto")
    assert f"vm-1 ends on {timezone.localtime(VM.objects.get().ends_at):%Y-%m-%d %H:%M}." in capsys.readouterr().out
    assert days_left(running) == 14
    call_command("vm", "extend", "vm-1", "--days", "20", "--user", "otto", "--hypervisor", "lab")
    assert days_left(running) == 20
    call_command("network", "extend", "net1", "--never", "--hypervisor", "lab")
    assert "net1 has no end date." in capsys.readouterr().out
    assert Network.objects.get().ends_at is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--user", "rita"), "You may not edit vm-1"),
        (("--user", "gina", "--hypervisor", "elsewhere"), "there is no VM vm-1"),
        (("--user", "otto", "--days", "31"), "--days: The end date of vm-1 cannot be later than"),
        (("--user", "otto", "--days", "x"), "--days: Enter a whole number."),
        (("--user", "otto", "--days", "0"), "--days: Ensure this value is greater than or equal to 1."),
        (("--user", "otto", "--until", "2020-01-01"), "--until: 2020-01-01 00:00 is in the past."),
        (("--user", "otto", "--until", "tomorrow"), "--until: Enter a date and a time"),
        (("--user", "otto", "--never"), "--never: vm-1 must have an end date"),
    ],
)
def test_a_refused_extension_prints_the_reason(running, words, said):
    with pytest.raises(Exception, match=said):
        call_command("vm", "extend", "vm-1", *(() if "--hypervisor" in words else ("--hypervisor", "lab")), *words)
    assert days_left(running) == 1


def test_an_object_without_an_end_needs_one_to_be_extended(running):
    VM.objects.update(ends_at=None)
    with pytest.raises(Exception, match=r"vm-1 has no end date\. Choose one\."):
        call_command("vm", "extend", "vm-1", "--hypervisor", "lab")


def test_an_earlier_deletion_that_was_refused_does_not_show_the_definition_of_later_owners(running, browse, users, lab):
    pass_time(1)
    work(running)
    turn_off(running)
    pass_time(8)
    work()
    vm = VM.objects.get()
    vm.withdraw_removal()
    refused = Entry.objects.get(event="deleted at end")
    blue = make_team("blue", {users["gina"]: "user"}, on=lab, others="")
    vm.hand_over(users["gina"], blue, None)
    work(vm)
    pass_time(8)
    work()
    VM.objects.get().delete()
    last = Entry.objects.exclude(pk=refused.pk).get(event="deleted at end")
    for name, entry, is_shown in (("otto", refused, False), ("gina", refused, False), ("gina", last, True)):
        address = f"/activity/{entry.pk}/definition/"
        assert browse(name).get(address).status_code == (200 if is_shown else 404)
        assert (address in browse(name).get("/activity/").content.decode()) == is_shown


def test_many_networks_that_stay_do_not_keep_others_from_ending(running, lab, red, monkeypatch):
    monkeypatch.setattr(chore, "AT_ONCE", 2)
    for number in range(4):
        kept = make_network(lab, f"kept{number}", f"10.9.{number}.1/24", team=red)
        running.nics.create(position=number + 1, source=kept.name, mac=f"52:54:00:09:00:0{number}")
    free = make_network(lab, "free", "10.8.0.1/24", team=red)
    pass_time(14)
    Network.objects.filter(pk=free.pk).update(ends_at=timezone.now() - timedelta(hours=1))
    for _ in range(100):
        work()
        if Network.objects.get(pk=free.pk).ended_at:
            break
    assert Network.objects.get(pk=free.pk).ended_at
    assert not Network.objects.filter(name__startswith="kept", ended_at__isnull=False).exists()
