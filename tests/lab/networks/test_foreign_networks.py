"""Networks created outside the portal, on a real libvirt: adoption and editing keep everything else as it is."""

import contextlib
from collections.abc import Iterator

import libvirt
import pytest
from lab import Lab

from networks import sync
from networks.changes.forms.network import NetworkForm
from networks.changes.merge import as_text
from networks.definition.events import Event
from networks.models import Network
from tests.networks.sync.test_foreign_networks import FOREIGN, canonical
from tests.support.making import make_hypervisor
from virterweb.hypervisors.gateway.connection import Connection, start_event_loop

pytestmark = pytest.mark.lab

# By prefix they are written by netmask at the next change of more than a description.
DESCRIBED = ("title", "description")


@pytest.fixture(scope="module")
def gateway(lab: Lab) -> Iterator[Connection]:
    start_event_loop()
    connection = Connection(1, lab.uri)
    yield connection
    connection.close()


@pytest.fixture(params=FOREIGN)
def found(request, host: libvirt.virConnect) -> Iterator[libvirt.virNetwork]:
    """Defined, and started if this host can."""
    document = FOREIGN[request.param].replace("<uuid>{uuid}</uuid>", "")
    try:
        network = host.networkDefineXML(document)
    except libvirt.libvirtError as problem:
        pytest.skip(f"libvirt stores no such network: {problem}")
    with contextlib.suppress(libvirt.libvirtError):
        network.create()
    yield network
    if network.isActive():
        network.destroy()
    network.undefine()


def test_a_description_changes_nothing_else_in_libvirt(db, enqueued, lab, gateway, found):
    hypervisor = make_hypervisor(uri=lab.uri)
    before = [canonical(found.XMLDesc(flags), *DESCRIBED) for flags in (libvirt.VIR_NETWORK_XML_INACTIVE, 0)]
    sync.observe(hypervisor, gateway)
    network = Network.objects.shown().get(uuid=found.UUIDString())
    network.adopt()
    form = NetworkForm(
        {**as_text(NetworkForm(network=network, user=None)), "description": "Edited"}, network=network, user=None
    )
    assert form.errors == {}
    steps = network.plan(form.wanted())
    assert [step.verb.value for step in steps] == ["define"]
    network.change(Event.CHANGED, document=form.wanted().document, accepted=[step.as_json() for step in steps])
    sync.push(Network.objects.shown().get(pk=network.pk), gateway)
    after = [canonical(found.XMLDesc(flags), *DESCRIBED) for flags in (libvirt.VIR_NETWORK_XML_INACTIVE, 0)]
    assert after == before
