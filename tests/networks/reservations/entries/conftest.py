"""Networks with reservations, in libvirt's test driver or only in the database."""

from collections.abc import Callable
from pathlib import Path

import libvirt
import pytest

from networks import sync
from networks.models import Network
from tests.networks.reservations.entries.reserved_entries import (
    BYSTANDERS,
    EMPTY,
    NETWORK,
    UUID,
    WRITERS,
    again,
    by_others,
    in_libvirt,
)
from tests.support.making import make_foreign_network, make_hypervisor
from virterweb.hypervisors.connections.pool import connected, disconnect
from virterweb.hypervisors.desired.carry_out import carry_out
from virterweb.hypervisors.sync import observe


@pytest.fixture
def lab(db, tmp_path: Path, enqueued):
    """Yield an empty hypervisor of libvirt's test driver."""
    path = tmp_path / "host.xml"
    path.write_text(EMPTY)
    yield make_hypervisor(uri=f"test://{path}")
    disconnect()


@pytest.fixture
def raw(lab) -> libvirt.virConnect:
    """Return the libvirt connection of the portal. Another connection sees another test driver."""
    with connected(lab.pk, lab.uri) as connection:
        return connection.session.libvirt


@pytest.fixture(params=["managed", "unmanaged"])
def network(request, lab, raw) -> Network:
    """Return a running network, managed or not, with DHCP reservations from outside the portal."""
    found = raw.networkDefineXML(NETWORK.format(uuid=UUID))
    found.setAutostart(True)
    found.create()
    observe(lab.pk)
    network = Network.objects.shown().get(name="net1")
    if request.param == "managed":
        network.adopt()
    for xml in BYSTANDERS.values():
        by_others(raw, "add", xml)
    return network


@pytest.fixture
def restarts(raw, monkeypatch) -> list[str]:
    """Record libvirt's calls that do more to a network than change an entry of a list."""
    made = []
    for owner, name in WRITERS:
        call = getattr(owner, name)
        monkeypatch.setattr(owner, name, lambda *args, name=name, call=call: (made.append(name), call(*args))[1])
    return made


@pytest.fixture
def push(raw, network, restarts) -> Callable[[], set[str]]:
    """Return a function that pushes the network and returns the entries in libvirt except the bystanders.

    Those are untouched, and nothing was restarted.
    """

    def run() -> set[str]:
        carry_out(Network, network.pk, sync.push)
        now = again(network)
        assert (str(now.status.error), now.done, restarts) == ("", True, [])
        assert [
            step for revision in now.revisions.all() for step in revision.steps if "DHCP reservation" not in step
        ] == []
        found = in_libvirt(raw)
        assert found >= BYSTANDERS.keys()
        return found - BYSTANDERS.keys()

    return run


@pytest.fixture
def net(lab) -> Network:
    """Return a network as recorded from libvirt. libvirt itself does not have it."""
    return make_foreign_network(lab, NETWORK)
