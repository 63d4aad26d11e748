"""A hypervisor with one object of each kind."""

import pytest

from tests.project.hostile_input.hostile_values import DOMAIN, MAC, OTHER
from tests.support.making import (
    make_foreign_network,
    make_host,
    make_hypervisor,
    make_image,
    make_lease,
    make_network,
    make_running,
    make_vm,
)


@pytest.fixture
def lab(db, enqueued):
    """Return a hypervisor with one object of each kind."""
    hypervisor = make_hypervisor()
    default = make_foreign_network(hypervisor)
    net1 = make_network(hypervisor)
    net1.status.write(present=True, active=True, document=net1.full_document)
    make_lease(default, MAC, "192.168.122.8", "alma-8-8")
    make_host(net1, OTHER, "10.255.0.9")
    vm = make_vm(hypervisor, image=make_image(hypervisor))
    make_running(vm, ("default", MAC, "vnet1"))
    vm.status.write(document=DOMAIN)
    make_vm(hypervisor, "other", 9, managed=False)
    return hypervisor
