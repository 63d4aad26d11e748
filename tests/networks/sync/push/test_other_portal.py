"""Two portals on one hypervisor: drift names the other portal, and its mark is no difference by itself."""

import pytest

from networks.definition.events import Event
from networks.models import Network
from tests.networks.sync.push.pushed_networks import again, change, push, stored
from tests.support.making import make_network
from virterweb.hypervisors.connections.identity import own_mark, portal_id
from virterweb.hypervisors.connections.pool import connected
from virterweb.hypervisors.desired.state import State
from virterweb.hypervisors.gateway.marks import NAMESPACE, Mark
from virterweb.hypervisors.sync import observe

pytestmark = pytest.mark.integration

URL = "https://<b>two</b>.example"
THEIRS = Mark(id="1234-abcd", url=URL)
HOST = "<host mac='52:54:00:aa:00:01' ip='10.255.0.77'/>"


@pytest.fixture
def portal(lab) -> Mark:
    with connected(lab.pk, lab.uri) as connection:
        connection.session.mark = own_mark()
    return own_mark()


def defined_by(mark: Mark, raw, old: str = "", new: str = "") -> None:
    """Have another portal define the network."""
    found = raw.networkLookupByName("net1")
    document, was_active = found.XMLDesc(), found.isActive()
    if was_active:  # the test driver accepts a definition only while it is inactive
        found.destroy()
    raw.networkDefineXML(mark.marked(document.replace(old, new)))
    if was_active:
        found.create()


def test_the_mark_of_another_portal_is_no_difference_and_changes_nothing(lab, raw, portal, writes):
    network = push(make_network(lab))
    assert portal.id in stored(raw)
    document = again(network).status.document
    defined_by(THEIRS, raw)
    writes.clear()
    observe(lab.pk)
    network = push(again(network))
    assert (network.state, writes) == (State.READY, [])
    assert network.status.document == document or NAMESPACE not in network.status.document
    assert THEIRS.id in stored(raw), "it stays until the portal changes something"
    assert network.plan() == ()


def test_drift_names_the_portal_that_defined_the_network_last_until_this_one_does(lab, raw, portal, page):
    network = push(make_network(lab, active=False))
    defined_by(THEIRS, raw, "<ip ", "<mtu size='1400'/><ip ")
    observe(lab.pk)
    network = again(network)
    assert (network.state, network.status.drifts) == (State.DRIFTED, ["MTU: found 1400, expected none"])
    assert network.status.drift_text.endswith(
        f"Another portal was the last to define it: {URL}, which has the ID 1234-abcd."
    )
    shown = page.get(network.get_absolute_url()).content.decode()
    assert "https://&lt;b&gt;two&lt;/b&gt;.example" in shown
    assert "<b>two" not in shown
    network.change(Event.REVERTED, overwrite=True)
    assert push(again(network)).state == State.READY
    assert (portal.id in stored(raw), THEIRS.id in stored(raw)) == (True, False)


@pytest.mark.parametrize("mark", [THEIRS, Mark(id="x", host="machine2"), Mark(id="x"), None])
def test_a_fight_names_the_other_portal_or_another_program(lab, raw, portal, page, mark):
    network = push(make_network(lab, on_drift="put back"))
    for _ in range(4):
        if mark:
            defined_by(mark, raw)
        raw.networkLookupByName("net1").setAutostart(False)
        observe(lab.pk)
        network = push(again(network))
    assert network.contested
    shown = " ".join(page.get(network.get_absolute_url()).content.decode().split())
    assert ("another portal changed it again each time" in shown) == bool(mark)
    assert ("another program changed it again each time" in shown) == (not mark)
    said = {THEIRS: URL, None: ""}.get(mark, "its worker runs on machine2" if mark and mark.host else "the ID x")
    assert said in network.status.drift_text
    assert portal_id() not in network.status.drift_text


def test_a_change_of_one_entry_leaves_the_mark_as_well(lab, raw, portal, writes):
    network = push(make_network(lab, active=False))
    defined_by(THEIRS, raw, "</dhcp>", f"{HOST}</dhcp>")
    observe(lab.pk)
    writes.clear()
    again(network).change(Event.REVERTED, overwrite=True)
    assert push(network).state == State.READY
    assert writes == ["update", "networkDefineXML"]
    assert (HOST in stored(raw), portal.id in stored(raw), THEIRS.id in stored(raw)) == (False, True, False)


def test_nothing_takes_over_a_mark(lab, raw, portal, page):
    network = push(make_network(lab))
    defined_by(THEIRS, raw, "<ip ", "<mtu size='1400'/><ip ")
    observe(lab.pk)
    again(network).accept_found()
    network = push(again(network))
    assert network.state == State.READY
    observe(lab.pk)
    pasted = THEIRS.marked(network.full_document.replace("1400", "1300"))
    again(network).change(Event.CHANGED, document=pasted)
    network = push(again(network))
    assert (network.state, network.plan(), network.spec.mtu) == (State.READY, (), 1300)
    Network.objects.update(on_drift="ask")
    network.release()
    observe(lab.pk)
    again(network).adopt()
    network = change(again(network), domain="lab.test")
    assert network.state == State.READY
    texts = [network.full_document, network.agreed, network.status.document, network.status.stored]
    texts += [page.get(f"{network.get_absolute_url()}{part}").content.decode() for part in ("xml/", "copies/", "")]
    assert not [text for text in texts if NAMESPACE in text]
