"""A hypervisor and a network for the tests of commands."""

import pytest

from networks.definition.events import Event
from networks.models import Network
from tests.project.commands.running_commands import again
from tests.support.making import agree, make_foreign_network, make_hypervisor, make_network, make_running, make_vm


@pytest.fixture
def lab(db, enqueued):
    hypervisor = make_hypervisor()
    make_foreign_network(hypervisor)
    return hypervisor


@pytest.fixture
def made(lab) -> Network:
    """Return a managed network that libvirt has as desired, with a running VM."""
    network = make_network(lab, "net1", "10.1.0.1/24", spec={"bridge": "virbr1"})
    network.note(Event.ADDED, result="done")
    agree(network)
    network.status.write(
        **{"present": True, "active": True, "autostart": True, "document": network.full_document},
        **{"generation": network.generation, "made_at": network.created_at},
    )
    make_running(make_vm(lab), ("net1", "52:54:00:80:00:08", "vnet1"))
    return again(network)


@pytest.fixture
def drifted(made) -> Network:
    found = made.full_document.replace("10.1.0.254", "10.1.0.99")
    made.status.write(document=found, autostart=False, drift="does not start with the host")
    return again(made)
