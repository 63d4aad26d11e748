"""A network that libvirt has lost is recreated with its former bridge name and MAC address, which guests may know."""

import pytest
from django.utils import timezone

from networks.models import Network
from tests.support.making import agree, make_foreign_network, make_hypervisor, make_network
from virterweb.hypervisors.models import Hypervisor

BRIDGE, MAC = "virbr7", "52:54:00:00:00:77"


@pytest.fixture
def lab(db, enqueued) -> Hypervisor:
    return make_hypervisor()


@pytest.fixture
def lost(lab) -> Network:
    """A network whose bridge and MAC libvirt had chosen."""
    network = make_network(lab)
    agree(network)
    had = network.document.replace("</network>", f"<bridge name='{BRIDGE}'/><mac address='{MAC}'/></network>")
    network.status.write(made_at=timezone.now(), present=False, document=had, bridge=BRIDGE)
    return Network.objects.select_related("hypervisor", "status").get()


def recreated(network: Network) -> str:
    """Return the document that a revert defines."""
    return network.plan(overwrite=True)[0].xml


def test_a_recreated_network_has_its_former_bridge_and_mac(lost):
    assert BRIDGE not in lost.full_document
    assert BRIDGE in recreated(lost)
    assert MAC in recreated(lost)


def test_a_bridge_name_that_another_network_uses_by_now_is_left_to_libvirt(lab, lost):
    make_foreign_network(lab, bridge=BRIDGE)
    assert BRIDGE not in recreated(lost)
    assert MAC in recreated(lost)
