"""A running VM on a NAT network, with a leased address."""

import pytest

from tests.support.making import make_foreign_network, make_hypervisor, make_lease, make_running, make_vm
from vms.models import VM

MAC = "52:54:00:00:00:08"


@pytest.fixture
def lab(db, enqueued):
    hypervisor = make_hypervisor()
    make_foreign_network(hypervisor)
    return hypervisor


@pytest.fixture
def vm(lab) -> VM:
    vm = make_vm(lab, host_key_public="ssh-rsa AAAA\n")
    make_running(vm, ("default", MAC, "vnet1"))
    make_lease(lab.networks.get(name="default"), MAC, "192.168.122.8")
    return VM.objects.shown().get(pk=vm.pk)
