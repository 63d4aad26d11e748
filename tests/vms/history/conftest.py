"""A VM with a history."""

import pytest

from tests.support.making import make_foreign_network, make_hypervisor, make_image, make_network, make_vm
from vms.models import VM, Image

from .restoring import nic


@pytest.fixture
def lab(db, enqueued):
    hypervisor = make_hypervisor()
    make_foreign_network(hypervisor)
    make_image(hypervisor)
    return hypervisor


@pytest.fixture
def network(lab, user):
    return make_network(lab, owner=user)


@pytest.fixture
def vm(lab, network, member) -> VM:
    """The member's own, with a second NIC; and all of it is recorded."""
    vm = make_vm(lab, owner=member, image=Image.objects.get())
    vm.add_nic(nic())
    return vm
