"""A network that libvirt has, and an operator."""

import pytest

from networks.models import Network
from tests.networks.changes.pages.change_pages import again, make_made
from tests.support.making import make_hypervisor, make_network


@pytest.fixture
def lab(db, enqueued):
    return make_hypervisor()


@pytest.fixture
def network(lab) -> Network:
    return make_made(make_network(lab, "net1", "10.1.0.1/24", spec={"bridge": "virbr1"}))


@pytest.fixture
def staff(client, operator):
    """Return the test client of an operator."""
    client.force_login(operator)
    return client


@pytest.fixture
def drifted(network) -> Network:
    found = network.full_document.replace('end="10.1.0.254"', 'end="10.1.0.99"')
    network.status.write(document=found, autostart=False, drift="does not start with the host")
    return again(network)
