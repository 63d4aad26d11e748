"""A change that libvirt refuses: what was in force stays so, here and there, and what was typed is kept as a draft."""

import pytest
from lxml import html

from networks.definition.document.parse import parse
from networks.definition.spec import HostSpec
from networks.models import Network
from networks.reservations.reservations import reserve
from tests.networks.changes.edit_form.edited_networks import open_form, save
from tests.networks.sync.push.conftest import lab, raw
from tests.networks.sync.push.pushed_networks import again, push
from tests.support.making import make_network
from virterweb.hypervisors.desired.state import State
from virterweb.hypervisors.gateway.found import Refused
from virterweb.hypervisors.gateway.nouns.networks import Networks
from virterweb.messages import Message

__all__ = ["lab", "raw"]  # fixtures


@pytest.fixture
def network(lab, raw) -> Network:
    return push(make_network(lab))


def refuse_start(monkeypatch) -> None:
    """Let libvirt refuse the next start, as a host may; the test driver starts everything."""
    start, refused = Networks.start, []

    def refusing(self: Networks, uuid: str, name: str) -> None:
        if not refused:
            refused.append(name)
            raise Refused(Message.external(f"Could not start network {name}: no such MTU here"), "Cannot set MTU")
        start(self, uuid, name)

    monkeypatch.setattr(Networks, "start", refusing)


def refuse_definition(monkeypatch) -> None:
    """Let libvirt refuse an MTU of 9000: the test driver takes nearly every definition."""
    define = Networks.define

    def refusing(self: Networks, document: str, name: str) -> None:
        if "9000" in document:
            raise Refused(Message.external(f"Could not define network {name}: no such MTU here"), "Cannot set MTU")
        define(self, document, name)

    monkeypatch.setattr(Networks, "define", refusing)


def change(page, network: Network, **fields: str) -> Network:
    assert save(page, network, **fields).status_code == 302
    return push(again(network))


def test_a_definition_that_libvirt_refuses_changes_nothing(page, network, raw, monkeypatch):
    before, found = network.full_document, raw.networkLookupByName("net1").XMLDesc()
    refuse_definition(monkeypatch)
    network = change(page, network, mtu="9000")
    assert (network.state, network.full_document) == (State.READY, before)
    assert raw.networkLookupByName("net1").XMLDesc() == found
    assert parse(network.status.draft).mtu == 9000
    assert str(network.status.draft_error) == "Could not define network net1: no such MTU here"


def test_a_change_that_cannot_start_is_rolled_back(page, network, raw, monkeypatch):
    before, found = network.full_document, raw.networkLookupByName("net1").XMLDesc()
    refuse_start(monkeypatch)
    network = change(page, network, mtu="9000", domain="lab.test")
    assert (network.state, network.full_document) == (State.READY, before)
    assert raw.networkLookupByName("net1").isActive()
    assert raw.networkLookupByName("net1").XMLDesc() == found
    assert str(network.status.draft_error) == "Could not start network net1: no such MTU here"
    assert [(one.result, str(one.error)) for one in network.revisions.all()[:2]] == [
        ("done", ""),
        ("failed", str(network.status.draft_error)),
    ]


def test_other_changes_work_afterwards(page, network, monkeypatch):
    refuse_start(monkeypatch)
    network = change(page, network, mtu="9000")
    reserve(network, [HostSpec(mac="52:54:00:00:00:08", ip="10.255.0.8")], None)
    network = push(again(network))
    assert network.state == State.READY
    assert [entry.ip for entry in network.found_hosts.all()] == ["10.255.0.8"]
    assert network.status.draft


def test_a_refused_change_is_shown_as_a_draft_to_correct(page, network, monkeypatch):
    refuse_start(monkeypatch)
    network = change(page, network, mtu="9000", domain="lab.test")
    for address in ("", "edit/"):
        note = html.fromstring(page.get(f"{network.get_absolute_url()}{address}").content.decode())
        said = " ".join(note.get_element_by_id("draft").text_content().split())
        assert said.startswith("libvirt refused the last change: Could not start network net1: no such MTU here")
        assert "Cannot set MTU" in said
    shown = open_form(page, network)
    assert (shown["mtu"], shown["domain"]) == ("9000", "lab.test")
    network = change(page, network, mtu="1400")
    assert (network.state, network.spec.mtu, network.spec.domain) == (State.READY, 1400, "lab.test")
    assert network.status.draft == ""


def test_a_draft_can_be_discarded(page, network, monkeypatch):
    refuse_start(monkeypatch)
    network = change(page, network, mtu="9000")
    assert page.post(f"{network.get_absolute_url()}edit/discard/").status_code == 302
    assert again(network).status.draft == ""
    assert open_form(page, network)["mtu"] == ""


def test_a_refused_reservation_is_no_draft(network, monkeypatch):
    def refuse(self: Networks, uuid: str, update: object, what: str) -> None:
        raise Refused(Message.external("Could not add it"))

    monkeypatch.setattr(Networks, "update", refuse)
    reserve(network, [HostSpec(mac="52:54:00:00:00:08", ip="10.255.0.8")], None)
    network = push(again(network))
    assert (network.state, network.status.draft) == (State.FAILED, "")
