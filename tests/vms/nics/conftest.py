"""VMs for the tests of NICs."""

import pytest

from tests.support.making import make_foreign_network, make_hypervisor, make_network, make_running, make_vm
from vms.models import VM


@pytest.fixture
def vm(db, enqueued) -> VM:
    """Runs with NICs on two networks."""
    hypervisor = make_hypervisor()
    make_foreign_network(hypervisor)
    make_network(hypervisor)
    vm = make_vm(hypervisor)
    make_running(vm, ("default", "52:54:00:00:00:08", "vnet1"), ("net1", "52:54:00:80:00:01", "vnet2"))
    return vm
