"""After a restart of the host, VMs that ran are distinguished from stopped ones, and started by the setting."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from tests.support.driver import Driver
from tests.support.making import make_hypervisor, make_network, make_running, make_vm
from virterweb.hypervisors.models import Hypervisor
from virterweb.messages import Message
from vms import sync
from vms.definition.events import Event
from vms.models import VM, Interruption, VMRevision
from vms.sync import polling, restart

pytestmark = pytest.mark.integration

NAMES = ("one", "two", "three", "four", "five")
OFF = "<test:runstate>5</test:runstate>"
NIC = "<devices><interface type='network'><source network='net1'/></interface></devices>"
NAMESPACE = "xmlns:test='http://libvirt.org/schemas/domain/test/1.0'"
START = Hypervisor.AfterRestart.START


class Host:
    """A hypervisor with five VMs that run and that the portal manages."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.hypervisor = make_hypervisor()
        for number, name in enumerate(NAMES, start=21):
            make_running(make_vm(self.hypervisor, name, number))
        self.boot(off=False)
        self.poll()

    def boot(self, *, off: bool = True) -> None:
        """Start libvirt again: it does not know how its domains stopped."""
        domains = "".join(
            f"<domain type='test' {NAMESPACE}><name>{vm.name}</name><uuid>{vm.uuid_text}</uuid>"
            f"<memory>1024</memory><os><type>hvm</type></os>"
            f"{OFF if off else ''}{NIC if vm.name == 'one' else ''}</domain>"
            for vm in VM.objects.all()
        )
        self.file.write_text(f"<node>{domains}</node>")
        self.connection = Driver(1, f"test://{self.file}")

    def poll(self, *, restarted: bool = False) -> None:
        """Poll the hypervisor; with `restarted`, this finds that the host has restarted since the last poll."""
        hypervisor = Hypervisor.objects.select_related("status").get()
        if restarted:
            hypervisor.status.observed_at = timezone.now() - timedelta(minutes=1)
            hypervisor.status.has_restarted = True
        polling.observe(hypervisor, self.connection)

    def push(self) -> None:
        """Have a worker carry out what was requested."""
        for vm in VM.objects.overdue().select_related("hypervisor", "status"):
            vm.status.write(generation=vm.generation, **sync.push(vm, self.connection))

    def restart(self) -> None:
        self.boot()
        self.poll(restarted=True)

    def shut_down(self, *names: str) -> None:
        """Have guests shut down, and poll."""
        for name in names:
            self.connection.power.shut_down(vm(name).uuid_text, name)
        self.poll()

    def running(self) -> list[str]:
        return sorted(each.name for each in self.connection.domains.all() if each.state == "running")

    def interruptions(self) -> dict[str, Interruption | None]:
        return {vm.name: vm.interruption for vm in VM.objects.select_related("status").order_by("number")}


@pytest.fixture
def host(db, enqueued, tmp_path) -> Host:
    return Host(tmp_path / "host.xml")


def vm(name: str) -> VM:
    return VM.objects.select_related("hypervisor", "status").get(name=name)


def requested() -> list[str]:
    return list(
        VMRevision.objects.filter(event=Event.STARTED_AGAIN).order_by("pk").values_list("desired__name", flat=True)
    )


def test_a_vm_that_ran_when_its_host_restarted_says_so(host):
    host.restart()
    assert host.interruptions() == dict.fromkeys(NAMES, Interruption.HOST)
    assert requested() == []


def test_a_vm_that_ran_when_only_libvirt_restarted_says_so(host):
    host.boot()
    host.poll()
    assert host.interruptions() == dict.fromkeys(NAMES, Interruption.LIBVIRT)
    host.poll(restarted=False)
    assert host.interruptions() == dict.fromkeys(NAMES, Interruption.LIBVIRT)


def test_a_vm_that_others_stopped_is_just_off(host):
    host.connection.power.force_off(vm("one").uuid_text, "one")
    host.poll()
    assert host.interruptions()["one"] is None
    host.restart()
    assert host.interruptions() == dict.fromkeys(NAMES, Interruption.HOST) | {"one": None}


def test_a_guest_that_shut_down_shortly_before_the_restart_is_distinguished_and_not_started(host):
    Hypervisor.objects.update(after_restart=START)
    host.shut_down("one", "two")
    VM.objects.get(name="two").status.write(interrupted_at=timezone.now() - timedelta(minutes=15))
    assert host.interruptions()["one"] is None
    host.restart()
    assert host.interruptions()["one"] == Interruption.SHUTDOWN
    assert host.interruptions()["two"] is None
    assert not {"one", "two"} & set(requested())


@pytest.mark.parametrize("poll_first", [True, False])
def test_a_vm_that_the_portal_shut_down_shortly_before_the_restart_is_just_off(host, poll_first):
    vm("one").ask_power("shutdown")
    host.connection.power.shut_down(vm("one").uuid_text, "one")
    if poll_first:
        host.poll()
    host.push()
    host.restart()
    assert host.interruptions()["one"] is None


def test_a_stop_that_is_carried_out_after_the_restart_and_before_the_first_poll_is_not_undone(host):
    vm("one").ask_power("shutdown")
    host.boot()
    host.push()
    host.poll(restarted=True)
    assert host.interruptions() == dict.fromkeys(NAMES, Interruption.HOST) | {"one": None}


def test_a_vm_whose_stop_was_requested_before_the_restart_is_just_off(host):
    vm("one").ask_power("shutdown")
    host.restart()
    assert host.interruptions()["one"] is None


def test_a_change_that_is_pushed_before_the_first_poll_after_the_restart_hides_nothing(host):
    host.boot()
    vm("one").ask_again()
    host.push()
    host.poll(restarted=True)
    assert host.interruptions() == dict.fromkeys(NAMES, Interruption.HOST)


def test_a_vm_that_runs_again_is_not_interrupted(host):
    host.restart()
    host.connection.power.start(vm("one").uuid_text, "one")
    host.poll()
    assert host.interruptions()["one"] is None
    host.connection.power.force_off(vm("one").uuid_text, "one")
    host.poll()
    assert host.interruptions()["one"] is None


def test_the_vms_start_again_a_few_at_a_time_in_the_order_of_their_ids(host):
    Hypervisor.objects.update(after_restart=START)
    host.restart()
    assert requested() == ["one", "two", "three"]
    host.poll()
    assert requested() == ["one", "two", "three"], "they are not running yet"
    host.push()
    host.poll()
    assert requested() == list(NAMES)
    host.push()
    host.poll()
    assert host.running() == sorted(NAMES)
    assert len(requested()) == len(NAMES)


def test_vms_that_cannot_be_started_do_not_hold_up_the_others(host):
    Hypervisor.objects.update(after_restart=START)
    host.restart()
    for name in requested():
        for _ in range(restart.TRIES):
            vm(name).status.retry_later(Message.external("libvirt is busy"), timedelta(0))
    host.poll()
    assert requested() == list(NAMES)


def test_a_vm_that_somebody_stopped_is_not_started(host):
    Hypervisor.objects.update(after_restart=START)
    host.connection.power.force_off(vm("one").uuid_text, "one")
    host.poll()
    vm("two").ask_power("force-off")
    host.push()
    host.restart()
    for _ in range(3):
        host.push()
        host.poll()
    assert host.running() == ["five", "four", "three"]


def test_a_vm_that_is_stopped_after_it_was_started_again_stays_off(host):
    Hypervisor.objects.update(after_restart=START)
    host.restart()
    host.push()
    host.poll()
    host.push()
    host.connection.power.force_off(vm("one").uuid_text, "one")
    host.poll()
    host.push()
    assert "one" not in host.running()


def test_no_vm_starts_by_itself_after_a_restart_of_libvirt_alone(host):
    Hypervisor.objects.update(after_restart=START)
    host.boot()
    host.poll()
    assert requested() == []


def test_a_vm_waits_for_its_network_that_is_about_to_start(host):
    Hypervisor.objects.update(after_restart=START)
    network = make_network(host.hypervisor, "net1")
    host.restart()
    assert requested() == ["two", "three", "four"]
    host.push()
    host.poll()
    assert requested() == ["two", "three", "four", "five"]
    network.status.write(generation=network.generation, active=True)
    host.push()
    host.poll()
    assert requested() == ["two", "three", "four", "five", "one"]


@pytest.mark.parametrize("running", [True, False])
def test_one_of_two_people_decides_what_happens_to_an_interrupted_vm(host, member, user, running):
    host.restart()
    assert vm("one").end_interruption(running, user)
    assert not vm("one").end_interruption(not running, member)
    assert vm("one").running == running
    assert vm("one").interruption is None


@pytest.mark.parametrize("managed", [True, False])
def test_a_vm_whose_definition_is_accepted_or_adopted_while_it_is_off_stays_off(host, managed):
    if not managed:
        vm("one").release()
        host.poll()
    host.restart()
    vm("one").follow_found() if managed else vm("one").adopt()
    assert vm("one").interruption is None
    Hypervisor.objects.update(after_restart=START)
    for _ in range(3):
        host.poll()
        host.push()
    assert host.running() == sorted(set(NAMES) - {"one"})


def test_a_vm_that_others_have_started_is_not_stopped_by_leaving_it_off(host):
    host.restart()
    host.connection.power.start(vm("one").uuid_text, "one")
    vm("one").end_interruption(running=False)
    host.push()
    host.poll()
    assert host.running() == ["one"]


def test_a_vm_that_is_accepted_as_off_does_not_count_as_shut_down_by_the_next_restart(host):
    host.shut_down("one")
    vm("one").follow_found()
    host.push()
    host.restart()
    assert host.interruptions()["one"] is None
