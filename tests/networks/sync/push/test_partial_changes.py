"""A change pushes only what it changes; drift stays."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import libvirt
import pytest

from networks.definition.document.compare import differences
from networks.definition.document.edit import edit
from networks.definition.events import Event
from networks.definition.spec import DNSHostSpec, HostSpec, PortGroupSpec
from networks.models import Network
from networks.reservations import reservations as hosts
from tests.networks.sync.push.pushed_networks import OTHERS, OUTSIDE, again, change, push, redefine, stored
from tests.support.making import make_network
from virterweb.hypervisors.desired.state import State
from virterweb.hypervisors.gateway.nouns.networks import Networks
from virterweb.hypervisors.sync import observe

pytestmark = pytest.mark.integration


LIVE, CONFIG = libvirt.VIR_NETWORK_UPDATE_AFFECT_LIVE, libvirt.VIR_NETWORK_UPDATE_AFFECT_CONFIG


def changes_of(network: Network) -> dict[str, Callable[[], object]]:
    """Return every partial change, by name, with its expected effect on libvirt's document."""
    edited = {
        "title": {"title": "T"},
        "MTU": {"mtu": 9000},
        "DNS host": {"dns_hosts": (DNSHostSpec(ip="10.255.0.5", names=("managed",)),)},
        "port group": {"port_groups": (PortGroupSpec(name="managed"),)},
    }
    return {
        "reservation": lambda: hosts.reserve(network, [HostSpec(mac="52:54:00:00:00:08", ip="10.255.0.8")], None),
        "IDs": lambda: network.reserve_ids(8, 1),
        "autostart": lambda: network.change(Event.AUTOSTART, autostart=False),
        **{name: partial(change_in_form, network, **values) for name, values in edited.items()},
    }


def change_in_form(network: Network, **fields: object) -> None:
    network.change(Event.CHANGED, document=edit(network.full_document, replace(network.spec, **fields)))


@pytest.mark.parametrize("what", ["reservation", "IDs", "autostart", "title", "MTU", "DNS host", "port group"])
@pytest.mark.parametrize("outside", OUTSIDE)
def test_a_change_pushes_only_its_fields_and_keeps_drift(lab, raw, what, outside):
    # The test driver takes no new definition while it runs.
    network = push(make_network(lab, active=what != "MTU"))
    redefine(raw, *OUTSIDE[outside], active=what != "MTU")
    before = stored(raw)
    observe(lab.pk)
    changes_of(again(network))[what]()
    network = push(network)
    assert str(network.status.error) == ""
    expected = {
        "reservation": ["DHCP reservation of 10.255.0.1/24 52:54:00:00:00:08 10.255.0.8 was added outside the portal"],
        "MTU": [f"MTU: found 9000, expected {'1400' if outside == 'their MTU' else 'none'}"],
        "DNS host": ["DNS host 10.255.0.5 managed was added outside the portal"],
        "port group": ["Port group managed was added outside the portal"],
    }
    expected["IDs"] = expected["reservation"]
    assert [str(one) for one in differences(before, stored(raw))] == expected.get(what, [])
    assert raw.networkLookupByName("net1").autostart() == (what != "autostart")
    portal_wins = what == "MTU" and outside == "their MTU"  # the portal's change comes last
    assert network.state == (State.READY if portal_wins else State.DRIFTED)


def test_entries_that_were_deleted_outside_the_portal_are_not_restored_by_other_changes(lab, raw):
    network = push(make_network(lab))
    network.reserve_ids(13, 1)
    push(network)
    found = raw.networkLookupByName("net1")
    found.update(2, 4, -1, "<host mac='52:54:00:00:00:0d' ip='10.255.0.13'/>", LIVE | CONFIG)
    for number in (14, 15):
        again(network).reserve_ids(number, 1)
        network = push(network)
        assert "10.255.0.13" not in stored(raw)
        assert "DHCP reservation of 10.255.0.1/24 52:54:00:00:00:0d 10.255.0.13 is missing" in network.status.drifts
    network.reserve_ids(13, 1)  # yet it is when somebody asks for it
    assert push(network).state == State.READY
    assert "10.255.0.13" in stored(raw)


def test_deleted_entries_of_an_unmanaged_network_are_not_restored(lab, raw):
    raw.networkDefineXML(OTHERS).create()
    observe(lab.pk)
    network = Network.objects.get(name="others")
    network.reserve_ids(5, 1)
    push(network)
    found = raw.networkLookupByName("others")
    found.update(2, 4, -1, "<host mac='52:54:00:00:00:05' ip='10.5.0.5'/>", LIVE | CONFIG)
    again(network).reserve_ids(6, 1)
    push(network)
    document = found.XMLDesc()
    assert "10.5.0.6" in document
    assert "10.5.0.5" not in document


def test_several_changes_are_pushed_together_and_drift_stays(lab, raw):
    network = push(make_network(lab))
    redefine(raw, *OUTSIDE["their domain"])
    observe(lab.pk)
    for what in ("reservation", "port group", "DNS host", "autostart"):
        changes_of(again(network))[what]()
    network = push(network)
    document = stored(raw)
    assert all(each in document for each in ("10.255.0.8", "'managed'", ">managed<", "<domain name='external'/>"))
    assert network.status.drifts == ["Domain: found external, expected none"]


def test_a_killed_push_is_completed_and_drift_stays(lab, raw, monkeypatch):
    network = push(make_network(lab))
    redefine(raw, *OUTSIDE["their domain"])
    observe(lab.pk)
    changes_of(again(network))["port group"]()
    changes_of(again(network))["reservation"]()

    class Killed(BaseException):
        pass

    update, calls = libvirt.virNetwork.update, []

    def killed(*args: object) -> int:
        calls.append(args)
        if len(calls) == 2:
            raise Killed
        return update(*args)

    with monkeypatch.context() as patch:
        patch.setattr(libvirt.virNetwork, "update", killed)
        with pytest.raises(Killed):
            push(network)
    network = push(network)
    document = stored(raw)
    assert all(each in document for each in ("10.255.0.8", "'managed'", "<domain name='external'/>"))
    assert network.status.drifts == ["Domain: found external, expected none"]


def test_a_killed_restart_is_completed(lab, raw, monkeypatch):
    network = push(make_network(lab))

    class Killed(BaseException):
        pass

    def killed(*args: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Networks, "start", killed)
        with pytest.raises(Killed):
            change(network, mtu=9000)
    assert not raw.networkLookupByName("net1").isActive()
    assert str(push(network).status.error) == ""
    assert raw.networkLookupByName("net1").isActive()
