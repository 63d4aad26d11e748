"""Networks and a VM to search for."""

from urllib.parse import quote

import pytest

from networks.models import Network
from tests.portal.search.search_results import MAC, NET1, OTHER
from tests.support.making import make_foreign_network, make_hypervisor, make_running, make_vm
from vms.models import VM


@pytest.fixture
def lab(db, enqueued):
    return make_hypervisor()


@pytest.fixture
def default(lab) -> Network:
    return make_foreign_network(lab)


@pytest.fixture
def net1(lab) -> Network:
    return make_foreign_network(lab, NET1)


@pytest.fixture
def vm(lab, default, net1) -> VM:
    """Return a running VM with a NIC on default and one on net1."""
    vm = make_vm(lab)
    make_running(vm, ("default", MAC, "vnet1"), ("net1", OTHER, "vnet2"))
    return vm


@pytest.fixture
def ask(page):
    return lambda text, more="": page.get(f"/search/?q={quote(text)}{more}")
