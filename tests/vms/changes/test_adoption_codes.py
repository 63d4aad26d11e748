"""A VM that cannot be adopted is refused by a code with parameters, independent of the wording."""

import pytest
from django.utils import timezone

from tests.support.making import make_hypervisor, make_running, make_vm
from tests.support.rewording import reworded  # noqa: F401
from virterweb.hypervisors.desired.refusals import InvalidTransition
from vms.models import VM
from vms.models.vm.adoption import VMRefusal


@pytest.fixture
def vm(db, enqueued) -> VM:
    vm = make_vm(make_hypervisor(), "web", 12)
    vm.status.write(made_at=timezone.now(), present=True, document="")
    return VM.objects.shown().get()


@pytest.mark.parametrize(
    ("verb", "present", "refusal"),
    [
        ("follow_found", True, VMRefusal.NOT_READ),
        ("adopt_replacement", True, VMRefusal.STILL_PRESENT),
        ("adopt_replacement", False, VMRefusal.NO_OTHER),
    ],
)
def test_accepting_a_vm_is_refused_by_a_code(vm, reworded, verb, present, refusal):  # noqa: F811
    reworded()
    vm.status.write(present=present)
    with pytest.raises(InvalidTransition) as refused:
        getattr(vm, verb)()
    assert (refused.value.refusal, str(refused.value)) == (refusal, "XXXX")


def test_an_id_that_a_managed_vm_has_is_named(vm):
    other = make_vm(vm.hypervisor, "other", 12, managed=False, generation=0)
    make_running(other)
    with pytest.raises(InvalidTransition) as refused:
        other.adopt()
    assert (refused.value.refusal, refused.value.message.params["number"]) == (VMRefusal.ID_TAKEN, 12)
    assert str(refused.value) == "The managed VM web already has the ID 12"
