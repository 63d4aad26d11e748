"""The list of VMs filters and sorts by the states that its rows show."""

from datetime import timedelta
from itertools import product

import pytest
from django.utils import timezone

from tests.support.making import make_hypervisor, make_vm
from virterweb.hypervisors.desired.state import State
from virterweb.messages import Message
from vms.models import SSH_TIMEOUT, VM, SSHCheck, VMStatus

FAILED = Message.external("refused")
REASON = {"reason": Message("ssh.no_address")}
UNTRIED = {"reason": Message("tcp.no_route", address="10.0.0.1")}
READY, NEW, OLD = timedelta(0), timedelta(0), 2 * SSH_TIMEOUT
CHECKS = (
    None,
    (NEW, {}, READY),
    (NEW, {}),
    (NEW, REASON),
    (OLD, REASON),
    (OLD, UNTRIED),
    (NEW, UNTRIED),
    (OLD, {}),
    (SSH_TIMEOUT / 2, REASON),
)


def add_check(vm: VM, age: timedelta, values: dict, ready: timedelta | None = None) -> None:
    now = timezone.now()
    SSHCheck.objects.create(vm=vm, since=now - age, ready_at=None if ready is None else now - ready, **values)


@pytest.fixture
def lab(db):
    """Have a VM in each combination of what decides its state."""
    lab = make_hypervisor()
    cases = product(
        (True, False),
        (None, timezone.now()),
        (0, 1),
        ("", "{}"),
        ("running", "off"),
        (True, False),
        (None, (NEW, REASON)),
    )
    for number, (managed, removed, done, drift, power, present, check) in enumerate(cases):
        for error, tries in ((Message(), 0), (FAILED, 0), (FAILED, 2)):
            vm = make_vm(lab, f"vm-{number}-{tries}{bool(error)}", None, managed=managed, wait_ssh=True)
            VM.objects.filter(pk=vm.pk).update(removed_at=removed, generation=2)
            values = {"drift": drift, "power": power, "present": present, "error": error, "tries": tries}
            saved = power == "off" and present
            VMStatus.objects.filter(desired=vm).update(generation=1 + done, saved=saved, **values)
            if check:
                add_check(vm, *check)
    return lab


def codes(vms) -> list[tuple[str, str, str]]:
    return [(vm.state_code, vm.shown_code, vm.power_code) for vm in vms]


def shown(vms) -> list[tuple[str, str, str]]:
    return [(vm.state.value, vm.shown_state.value, vm.power_beside.value if vm.power_beside else "") for vm in vms]


def test_the_database_knows_the_state_that_each_row_shows(lab):
    vms = list(VM.objects.shown().with_shown_state())
    assert codes(vms) == shown(vms)
    assert {vm.state_code for vm in vms} == set(State)


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("waits", [True, False])
def test_the_database_knows_which_vms_wait_for_ssh(db, check, waits):
    vm = make_vm(make_hypervisor(), "web", None, wait_ssh=waits)
    VMStatus.objects.filter(desired=vm).update(generation=vm.generation, present=True, power="running")
    if check:
        add_check(vm, *check)
    vms = list(VM.objects.shown().with_shown_state())
    assert codes(vms) == shown(vms)
