"""The list of VMs filters and sorts by the states that its rows show."""

from datetime import timedelta
from itertools import product

import pytest
from django.utils import timezone

from tests.support.making import make_hypervisor, make_vm
from virterweb.hypervisors.desired.state import State
from virterweb.messages import Message
from vms.models import SSH_TIMEOUT, VM, SSHCheck, VMStatus

NOW = timezone.now()
FAILED = Message.external("refused")
CHECKS = (
    None,
    {"ready_at": NOW},
    {"since": NOW},
    {"since": NOW, "reason": Message("ssh.no_address")},
    {"since": NOW - 2 * SSH_TIMEOUT, "reason": Message("ssh.no_address")},
    {"since": NOW - 2 * SSH_TIMEOUT},
)


@pytest.fixture
def lab(db):
    """Have a VM in each combination of what decides its state."""
    lab = make_hypervisor()
    cases = product((True, False), (None, NOW), (0, 1), ("", "{}"), ("running", "off"), (True, False), CHECKS[:4:3])
    for number, (managed, removed, done, drift, power, present, check) in enumerate(cases):
        for error, tries in ((Message(), 0), (FAILED, 0), (FAILED, 2)):
            vm = make_vm(lab, f"vm-{number}-{tries}{bool(error)}", None, managed=managed, wait_ssh=True)
            VM.objects.filter(pk=vm.pk).update(removed_at=removed, generation=2)
            values = {"drift": drift, "power": power, "present": present, "error": error, "tries": tries}
            saved = power == "off" and present
            VMStatus.objects.filter(desired=vm).update(generation=1 + done, saved=saved, **values)
            if check:
                SSHCheck.objects.create(vm=vm, **check)
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
        SSHCheck.objects.create(vm=vm, **check)
    vms = list(VM.objects.shown().with_shown_state())
    assert codes(vms) == shown(vms)


def test_a_check_that_has_just_begun_is_not_given_up(db):
    vm = make_vm(make_hypervisor(), "web", None, wait_ssh=True)
    VMStatus.objects.filter(desired=vm).update(generation=vm.generation, present=True, power="running")
    since = NOW - SSH_TIMEOUT + timedelta(minutes=1)
    SSHCheck.objects.create(vm=vm, since=since, reason=Message("ssh.no_address"))
    assert codes(VM.objects.with_shown_state())[0][1] == "waiting"
