"""Reservations that are added, changed and deleted in libvirt."""

from dataclasses import replace

import pytest

from networks.reservations.reservations import entries
from tests.networks.reservations.entries.reserved_entries import (
    BYSTANDERS,
    EIGHT,
    NINE,
    SIX,
    TEN,
    by_others,
    desired,
    element,
    four,
    named,
    saved_entries,
    settled,
    six,
    states,
    take_away,
    texts,
)
from virterweb.hypervisors.sync import observe

pytestmark = pytest.mark.integration


def test_an_entry_is_added_reserved_and_deleted(network, push):
    hosts = [EIGHT, four(9, name="", lease=0), SIX, TEN]
    desired(network, *hosts)
    assert states(network) == {host.ip: "being added" for host in hosts}
    assert push() == texts(*hosts)
    assert states(network) == {host.ip: "reserved" for host in hosts}
    assert take_away(network, *hosts) == hosts
    assert states(network) == {host.ip: "being removed" for host in hosts}
    assert push() == set()
    assert (states(network), saved_entries(network)) == ({}, set())


CHANGES = {
    "nothing": (four(20), four(20)),
    "address": (four(21), four(21, ip="10.5.0.121")),
    "name": (four(22), four(22, name="renamed")),
    "name taken away": (four(23), four(23, name="")),
    "address and name": (four(24), four(24, ip="10.5.0.124", name="both")),
    "lease time": (four(25), four(25, lease=3600)),
    "guest": (four(26), four(26, mac="52:54:00:00:00:f6")),
    "everything": (four(27), four(127, lease=0)),
    "MAC instead of the name": (named(28), four(28)),
    "name instead of the MAC": (four(29), named(29)),
    "address of a name": (named(30), named(30, ip="10.5.0.130")),
    "name at an address": (named(31), named(31, name="other-name")),
    "IPv6 address": (six(32), six(32, ip="fd00:5::132")),
    "IPv6 name": (six(33), six(33, name="sechs")),
    "DUID": (six(34), six(34, duid="00:04:77:88")),
    "name instead of the DUID": (six(35), six(35, duid="")),
}


def test_a_changed_entry_remains_one_entry(network, push):
    desired(network, *(was for was, _ in CHANGES.values()))
    push()
    for was, host in CHANGES.values():
        desired(network, host, was=was.ip)
    expected = {host.ip: "being added" for was, host in CHANGES.values() if was != host}
    expected |= {was.ip: "being removed" for was, host in CHANGES.values() if was.ip != host.ip}
    assert states(network) == expected | {"10.5.0.20": "reserved"}
    hosts = [host for _, host in CHANGES.values()]
    assert push() == texts(*hosts)
    assert states(network) == {host.ip: "reserved" for host in hosts}
    assert saved_entries(network) == (texts(*hosts) if network.managed else set())


def test_an_entry_from_outside_the_portal_is_kept_changed_and_deleted(network, raw, push):
    alone, renamed, moved, handed, gone = hosts = [four(number) for number in range(40, 45)]
    for host in hosts:
        by_others(raw, "add", element(host))
    observe(network.hypervisor_id)
    shown = "added outside" if network.managed else "reserved"
    assert states(network) == {host.ip: shown for host in hosts}
    changed = {
        renamed: replace(renamed, name="renamed-here"),
        moved: replace(moved, ip="10.5.0.142"),
        handed: replace(handed, mac="52:54:00:00:00:f3"),
    }
    for was, host in changed.items():
        desired(network, host, was=was.ip)
    assert take_away(network, gone) == [gone]
    assert states(network) == {
        **{alone.ip: shown, gone.ip: "being removed", moved.ip: "being removed"},
        **{host.ip: "being added" for host in changed.values()},
    }
    assert push() == texts(alone, *changed.values())
    assert states(network) == {alone.ip: shown} | {host.ip: "reserved" for host in changed.values()}


def test_an_entry_that_is_restored_before_a_push_is_not_deleted(network, push):
    hosts = {EIGHT: "10.5.0.18", SIX: "fd00:5::16", TEN: "10.5.0.20"}
    desired(network, *hosts)
    push()
    for host, ip in hosts.items():
        desired(network, replace(host, ip=ip), was=host.ip)
        desired(network, host, was=ip)
    assert texts(*entries(network).values()) - BYSTANDERS.keys() == texts(*hosts)
    assert settled(network, push) == texts(*hosts)


def test_an_entry_that_was_never_in_libvirt_is_deleted_without_a_push(network, push):
    desired(network, EIGHT, SIX)
    take_away(network, EIGHT, SIX)
    assert EIGHT.ip not in entries(network)
    assert settled(network, push) == set()


def test_an_address_passes_to_another_guest_before_a_push(network, push):
    desired(network, EIGHT, SIX)
    push()
    take_away(network, EIGHT, SIX)
    heirs = replace(NINE, ip=EIGHT.ip), six(9, ip=SIX.ip)
    desired(network, *heirs)
    assert states(network) == {EIGHT.ip: "being added", SIX.ip: "being added"}
    assert settled(network, push) == texts(*heirs)
    assert states(network) == {EIGHT.ip: "reserved", SIX.ip: "reserved"}


def test_an_address_that_was_reassigned_and_given_up_before_a_push_is_free(network, push):
    desired(network, EIGHT)
    push()
    take_away(network, EIGHT)
    desired(network, replace(NINE, ip=EIGHT.ip))
    assert take_away(network, EIGHT) == [replace(NINE, ip=EIGHT.ip)]
    assert states(network) == {EIGHT.ip: "being removed"}
    assert EIGHT.ip not in entries(network)
    desired(network, four(11, ip=EIGHT.ip))
    assert push() == texts(four(11, ip=EIGHT.ip))
