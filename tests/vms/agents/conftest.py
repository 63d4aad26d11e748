"""A running VM with several NICs, and guests that answer."""

import pytest

from tests.support.asking import asked_instead
from tests.support.making import make_foreign_network, make_hypervisor, make_lease, make_running, make_vm
from tests.vms.agents.asked_guests import BRIDGED, MAC, PLAIN, WITH_AGENT, WITHOUT_DHCP, Guests
from vms.models import NICStatus, VMStatus


@pytest.fixture
def guests(monkeypatch) -> Guests:
    return asked_instead(monkeypatch, Guests())


@pytest.fixture
def vm(db, enqueued):
    """Return a running VM with NICs on a DHCP network, on a network in bridge mode, and on a host bridge."""
    hypervisor = make_hypervisor()
    make_foreign_network(hypervisor)
    make_foreign_network(hypervisor, WITHOUT_DHCP)
    vm = make_vm(hypervisor)
    make_lease, make_running(vm, ("default", MAC, "vnet0"), ("plain", PLAIN, "vnet1"), ("br9", BRIDGED, "vnet2"))
    NICStatus.objects.filter(mac=BRIDGED).update(kind="bridge")
    VMStatus.objects.update(document=WITH_AGENT)
    return vm
