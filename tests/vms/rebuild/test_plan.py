"""The plan to rebuild a hypervisor lists what is defined and started, and why an object is skipped."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError
from django.utils import timezone

from tests.project.commands.running_commands import run
from tests.support.making import make_foreign_network, make_hypervisor, make_network, make_vm, record_volume
from virterweb.hypervisors.models import Hypervisor, HypervisorStatus, ReadingProblem
from virterweb.messages import Message
from virterweb.people import cli
from vms.management.commands.hypervisor import Command, plan_text
from vms.models import VM, Volume
from vms.rebuild.plan import carry_out, plan

pytestmark = pytest.mark.integration

POOL = "/pool"
BOOT, LAYER = "virter:work:web", "virter:layer:1"


@pytest.fixture
def lab(db, enqueued) -> Hypervisor:
    hypervisor = make_hypervisor()
    volume(hypervisor, LAYER)
    return hypervisor


@pytest.fixture
def web(lab) -> VM:
    """A VM that libvirt has lost, and whose volumes are there."""
    vm = lost(make_vm(lab, "web", 21, console_log=False))
    volume(lab, BOOT, LAYER)
    volume(lab, f"{BOOT}-cidata")
    return vm


def volume(lab: Hypervisor, name: str, backing: str = "") -> None:
    record_volume(lab, name, path=f"{POOL}/{name}", backing=f"{POOL}/{backing}" if backing else "")


def lost(desired):
    """Record that libvirt has had an object, and has it no longer."""
    desired.status.write(made_at=timezone.now(), present=False, generation=desired.generation)
    return desired


def rows(lab: Hypervisor, *, start: bool = False) -> list[str]:
    return [" ".join(line.split()) for line in plan_text(plan(lab, start=start)).splitlines()[1:]]


def test_what_libvirt_has_lost_is_defined_networks_first(lab, web):
    lost(make_network(lab, "net1", "10.1.0.1/24"))
    lost(make_network(lab, "net2", "10.2.0.1/24", active=False))
    assert rows(lab) == ["network net1 define and start", "network net2 define", "VM web define"]


def test_vms_that_should_run_are_started_only_on_request(lab, web):
    assert rows(lab, start=True) == ["VM web define and start"]
    VM.objects.update(running=False)
    assert rows(lab, start=True) == ["VM web define"]


def test_a_network_that_should_be_active_is_started(lab):
    network = make_network(lab)
    network.status.write(made_at=timezone.now(), present=True, active=False)
    assert rows(lab) == ["network net1 start"]
    network.status.write(active=True)
    assert rows(lab) == []


def test_what_is_unmanaged_being_deleted_or_not_made_yet_is_not_in_the_plan(lab):
    make_network(lab, "new", "10.1.0.1/24")
    make_vm(lab, "new", 22)
    lost(make_vm(lab, "goes", 23)).remove()
    lost(make_network(lab, "goes", "10.2.0.1/24")).remove()
    lost(make_vm(lab, "stranger", 24, managed=False, generation=0))
    assert rows(lab) == []


@pytest.mark.parametrize("missing", [BOOT, f"{BOOT}-cidata"])
def test_a_vm_without_one_of_its_volumes_is_skipped(lab, web, missing):
    Volume.objects.filter(name=missing).delete()
    assert rows(lab) == [f"VM web skip missing volumes: default/{missing}"]


def test_a_vm_whose_disk_is_an_overlay_on_a_missing_layer_is_skipped(lab, web):
    Volume.objects.filter(name=LAYER).delete()
    assert rows(lab) == [f"VM web skip missing volumes: {POOL}/{LAYER}"]


def test_layers_and_disks_outside_the_pool_are_not_checked(lab, web):
    Volume.objects.filter(name=BOOT).update(backing="/elsewhere/base")
    web.disks.create(name="data", size=1, pool="other")
    assert rows(lab) == ["VM web define"]


def test_no_vm_is_defined_while_the_pool_cannot_be_read(lab, web):
    reason = {"kind": ReadingProblem.Kind.POOL, "within": "default", "reason": Message.external("no such pool")}
    ReadingProblem.objects.create(hypervisor=lab, **reason)
    assert rows(lab) == ["VM web skip the pool default cannot be read: no such pool"]


def test_objects_whose_names_others_use_are_skipped(lab, web):
    lost(make_network(lab, "default", "10.3.0.1/24"))
    make_foreign_network(lab)
    other = make_vm(lab, "web", None, managed=False, generation=0)
    other.status.write(present=True)
    network, vm = rows(lab)
    assert network.startswith("network default skip libvirt has another network with this name.")
    assert vm.startswith("VM web skip libvirt has another VM with this name.")


def test_what_libvirt_has_again_when_the_plan_is_confirmed_is_left_as_it_is(lab, web):
    network = lost(make_network(lab, "net1", "10.1.0.1/24"))
    steps = plan(lab, start=True)
    for desired in (network, web):
        type(desired.status).objects.filter(desired=desired).update(present=True)
    for step in steps:
        carry_out(step, None)
    for desired in (network, web):
        assert type(desired).objects.get().generation == desired.generation


def test_the_others_are_rebuilt_if_one_is_deleted_when_the_plan_is_confirmed(lab, web, monkeypatch):
    monkeypatch.setattr(cli, "NO_WORKER_TIMEOUT", 0.2)
    network = lost(make_network(lab, "net1", "10.1.0.1/24"))
    gone = lost(make_network(lab, "net2", "10.2.0.1/24"))
    steps = plan(lab, start=True)
    type(gone).objects.filter(pk=gone.pk).delete()
    command = Command(stdout=StringIO())
    command.user = None
    with pytest.raises(CommandError):
        command._carry_out(lab, steps)
    assert "network net2: failed: " in command.stdout.getvalue()
    assert type(network).objects.get().generation > network.generation
    assert VM.objects.get().generation > web.generation


def test_without_a_worker_the_command_says_that_the_state_of_libvirt_is_unknown(lab, monkeypatch):
    monkeypatch.setattr(cli, "NO_WORKER_TIMEOUT", 0.2)
    with pytest.raises(CommandError, match="the worker is not running, so the current state of libvirt is unknown"):
        run("hypervisor", "rebuild", "lab-1", "--yes")


def test_a_hypervisor_that_cannot_be_reached_is_not_rebuilt(lab, web):
    soon = timezone.now() + timedelta(minutes=1)  # a poll that began after the command
    HypervisorStatus.objects.update(began_at=soon, error=Message.external("connection refused"))
    with pytest.raises(CommandError, match="lab-1 cannot be polled: connection refused"):
        run("hypervisor", "rebuild", "lab-1", "--yes")


def test_only_operators_rebuild(lab, member):
    with pytest.raises(CommandError, match="Only operators may do this"):
        run("hypervisor", "rebuild", "lab-1", "--user", "otto")
