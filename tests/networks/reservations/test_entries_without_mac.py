"""Reservations by name or DUID have no MAC; code that works by MAC ignores them."""

from networks.definition.addressing import id_of_mac
from networks.definition.spec import HostSpec
from networks.models import Network
from networks.sync import delete_hosts
from tests.support.making import make_hypervisor, make_network


class Nothing:
    """A hypervisor that has no network."""

    class networks:
        @staticmethod
        def get(uuid: str) -> None:
            return None


def test_an_empty_mac_has_no_id():
    assert id_of_mac("") is None


def test_deleting_entries_by_mac_leaves_those_without(db, enqueued):
    network: Network = make_network(make_hypervisor())
    network.hosts.create(name="kiosk", ip="10.255.0.5")
    network.hosts.create(mac="52:54:00:00:00:08", ip="10.255.0.8")
    delete_hosts(network, Nothing(), ["", "52:54:00:00:00:08"])
    assert [entry.spec() for entry in network.hosts.all()] == [HostSpec(name="kiosk", ip="10.255.0.5")]
