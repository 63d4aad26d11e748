"""Networks to edit."""

import pytest

from networks.models import Network
from tests.networks.changes.edit_form.edited_networks import RICH, make_made
from tests.support.making import make_foreign_network, make_hypervisor, make_network
from virterweb.hypervisors.models import HypervisorStatus


@pytest.fixture
def lab(db, enqueued):
    hypervisor = make_hypervisor()
    make_foreign_network(hypervisor)
    HypervisorStatus.objects.update(routes=[["172.16.5.0/24", "eth0"], ["10.255.0.0/24", "virbr40"]])
    return hypervisor


@pytest.fixture
def rich(lab) -> Network:
    return make_made(lab, RICH, "rich")


@pytest.fixture
def plain(lab) -> Network:
    return make_made(lab, make_network(lab, "plain", "10.1.0.1/24").full_document, "plain")
