"""A hypervisor whose default network a running VM uses."""

import pytest

from networks.models import Network
from tests.portal.problems.observed_network import run
from tests.support.making import make_foreign_network, make_hypervisor
from vms.models import VM


@pytest.fixture
def lab(db, enqueued):
    return make_hypervisor()


@pytest.fixture
def default(lab) -> Network:
    return make_foreign_network(lab)


@pytest.fixture
def vm(lab, default) -> VM:
    """Return a VM that runs on default without problems."""
    return run(lab, "alma-8", 8)
