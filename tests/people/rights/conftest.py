"""A hypervisor with networks and VMs of two members."""

import pytest
from django.utils import timezone

from networks.definition.events import Event
from tests.support.making import make_foreign_network, make_hypervisor, make_image, make_network, make_running, make_vm
from tests.support.teams import make_team


@pytest.fixture
def lab(db, enqueued):
    hypervisor = make_hypervisor("lab", dnsmasq_options="log-dhcp")
    make_foreign_network(hypervisor)
    make_image(hypervisor)
    return hypervisor


@pytest.fixture
def network(lab, member):
    """Return a network of the member."""
    network = make_network(lab, "net1", "10.1.0.1/24", owner=member, spec={"forward_mode": "nat"})
    network.note(Event.ADDED, member, result="done")
    network.status.write(generation=1, made_at=timezone.now(), present=True, active=True, autostart=True)
    network.status.write(document=network.full_document)
    return network


@pytest.fixture
def network_of_another(lab, operator):
    """Return a network of another team."""
    return make_network(lab, "rich", "10.2.0.1/24", owner=operator, team=make_team("rich"))


@pytest.fixture
def vm(lab, member):
    vm = make_vm(lab, "alma-8-8", 8, owner=member)
    make_running(vm, ("default", "52:54:00:00:00:08", "vnet0"))
    return vm
