"""Reservations that are added and deleted by Virter's IDs."""

import pytest

from networks.definition.spec import HostSpec
from tests.networks.reservations.pages.reservation_pages import (
    EIGHT,
    MAC,
    NAMED,
    OTHER_MAC,
    SIX_ONLY,
    at,
    found,
    pushed,
    reserved,
    said,
)
from tests.support.making import make_foreign_network


def test_entries_are_added_and_deleted_by_virters_ids(post, net, enqueued):
    assert post(at(net, "host_ids"), {"id": "8", "count": "2"}).url == at(net)
    two = {HostSpec(mac=MAC, ip="10.5.0.8"), HostSpec(mac=OTHER_MAC, ip="10.5.0.9")}
    assert (reserved(net), enqueued) == (two, pushed(net))
    post(at(net, "host_ids"), {"id": "9", "count": "5", "remove": "1"})
    assert (reserved(net), enqueued) == ({HostSpec(mac=MAC, ip="10.5.0.8")}, pushed(net))
    post(at(net, "host_ids"), {"id": "9", "count": "1"})
    assert (reserved(net), enqueued) == (two, pushed(net))


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ({"id": "7", "count": "2"}, f"ID 8 already has a DHCP reservation: {MAC}."),
        ({"id": "10", "count": "1"}, "ID 10: 10.5.0.10 is already taken."),
        ({"id": "1", "count": "1"}, "ID 1: 10.5.0.1 is already taken."),
        ({"id": "255", "count": "1"}, "ID 255 has no address in 10.5.0.0/24."),
        ({"id": "16777216", "count": "1"}, "First ID: Ensure this value is less than or equal to 16777215."),
        ({"id": "-1", "count": "1"}, "First ID: Ensure this value is greater than or equal to 1."),
        ({"id": "11", "count": "0"}, "Count: Ensure this value is greater than or equal to 1."),
        ({"id": "11", "count": "65537"}, "Count: Ensure this value is less than or equal to 65536."),
        ({"id": "11", "count": "1000"}, "ID 255 has no address in 10.5.0.0/24."),
        ({}, "First ID: This field is required."),
    ],
    ids=lambda value: " ".join(value.values()) if isinstance(value, dict) else None,
)
def test_unavailable_ids_are_refused_before_any_change(post, net, enqueued, typed, problem):
    found(net, EIGHT, NAMED)
    answer = post(at(net, "host_ids"), typed)
    assert (answer.url, said(answer)) == (at(net), problem)
    assert (reserved(net), enqueued) == ({EIGHT, NAMED}, [])


def test_a_network_without_ipv4_has_no_ids(post, lab, enqueued):
    network = make_foreign_network(lab, SIX_ONLY)
    answer = post(at(network, "host_ids"), {"id": "8", "count": "1"})
    assert (said(answer), enqueued) == ("six has no IPv4 block for DHCP reservations.", [])
