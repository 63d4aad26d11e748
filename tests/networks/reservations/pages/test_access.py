"""Reservations of networks that are being deleted, requests without login, and the history."""

import pytest

from networks.models import Network
from tests.networks.reservations.pages.reservation_pages import EIGHT, MAC, NINE, OTHER_MAC, at, found, reserved, table
from tests.support.making import make_lease, make_network

CHANGES = [
    ("host_add", {"mac": MAC, "ip": EIGHT.ip}),
    ("host_remove", {"ip": f"{NINE.ip} {NINE.guest}"}),
    ("host_paste", {"text": f"{MAC} 10.5.0.8"}),
    ("host_ids", {"id": "8", "count": "1"}),
    ("host_edit", {"mac": OTHER_MAC, "ip": "10.5.0.19"}),
    ("lease_reserve", {}),
    ("lease_release", {}),
]


def path_of(network: Network, name: str) -> str:
    lease = network.leases.first() or make_lease(network, MAC, EIGHT.ip)
    return at(network, name, *({"host_edit": [NINE.ip]}.get(name) or [lease.pk] * name.startswith("lease_")))


@pytest.mark.parametrize(("name", "typed"), CHANGES)
def test_a_network_that_is_being_deleted_is_not_changed(post, net, enqueued, name, typed):
    found(net, NINE)
    path = path_of(net, name)
    net.remove()
    assert post(path, typed).status_code == 404
    assert (reserved(net), enqueued) == ({NINE}, [])


def test_a_network_that_is_being_deleted_is_still_shown(page, net):
    found(net, NINE)
    net.remove()
    shown = page.get(at(net))
    assert table(shown, "hosts-table")[0][-1] == ""
    assert page.get(at(net, "addresses")).status_code == 200


def test_every_page_requires_a_login(client, net, enqueued):
    found(net, NINE)
    for name, typed in CHANGES:
        assert client.post(path_of(net, name), typed).url.startswith("/login/")
    for name in ("hosts", "host_add", "host_paste", "host_edit", "addresses", "leases"):
        assert client.get(path_of(net, name)).url.startswith("/login/")
    for suffix in ("csv", "json"):
        assert client.get(at(net, "hosts_table", suffix)).url.startswith("/login/")
    assert (reserved(net), enqueued) == ({NINE}, [])


def test_viewing_pages_changes_nothing(page, net):
    for name in ("host_remove", "host_ids", "lease_reserve", "lease_release"):
        assert page.get(path_of(net, name)).status_code == 405


def test_the_history_of_a_managed_network_names_the_user(post, lab, user):
    network = make_network(lab, "net1", "10.5.0.1/24")
    post(at(network, "host_add"), {"mac": MAC, "ip": EIGHT.ip, "name": "eight"})
    post(at(network, "host_edit", EIGHT.ip), {"mac": MAC, "ip": "10.5.0.18", "name": "eight"})
    post(at(network, "host_remove"), {"ip": f"10.5.0.18 {MAC}"})
    assert [(revision.what, revision.by) for revision in network.revisions.all()] == [
        ("DHCP reservations of 10.5.0.18 removed", user),
        ("DHCP reservation of 10.5.0.8 changed", user),
        ("10.5.0.8 reserved for eight", user),
    ]
