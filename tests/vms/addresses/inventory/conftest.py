"""A hypervisor with a running VM for the inventory."""

import pytest

from tests.support.making import make_foreign_network, make_hypervisor, make_lease, make_network, make_running, make_vm
from tests.vms.addresses.inventory.inventory_of_vms import ACCESS, SECOND
from vms.models import VM


@pytest.fixture
def lab(db, enqueued):
    hypervisor = make_hypervisor()
    make_foreign_network(hypervisor)
    make_network(hypervisor)
    return hypervisor


@pytest.fixture
def vm(lab) -> VM:
    """Return a running VM with a leased address on default and a second NIC on net1."""
    vm = make_vm(lab, ssh_user="alma", host_key_public="ssh-rsa AAAA\n")
    make_running(vm, ("default", ACCESS, "vnet1"), ("net1", SECOND, "vnet2"))
    make_lease(lab.networks.get(name="default"), ACCESS, "192.168.122.8", "alma-8-8")
    return vm
