"""A hypervisor, a network, a clock and polls for the tests of leases."""

from collections.abc import Iterator
from pathlib import Path

import libvirt
import pytest
from django.utils import timezone

from networks.models import Lease, Network
from tests.networks.leases.polled_leases import EMPTY, START, Clock, Recorder, found
from tests.support.making import make_foreign_network, make_hypervisor
from virterweb.hypervisors.connections.pool import connected, disconnect
from virterweb.hypervisors.models import Hypervisor


@pytest.fixture
def clock(monkeypatch) -> type[Clock]:
    Clock.at = START
    monkeypatch.setattr(timezone, "datetime", Clock)
    return Clock


@pytest.fixture
def lab(db, enqueued) -> Hypervisor:
    return make_hypervisor()


@pytest.fixture
def network(lab) -> Network:
    return make_foreign_network(lab)


@pytest.fixture
def record(network) -> Recorder:
    return Recorder(network=network)


@pytest.fixture
def empty_lab(db, enqueued, tmp_path: Path) -> Iterator[Hypervisor]:
    """Yield an empty hypervisor of libvirt's test driver."""
    path = tmp_path / "host.xml"
    path.write_text(EMPTY)
    yield make_hypervisor(uri=f"test://{path}")
    disconnect()


@pytest.fixture
def raw(empty_lab) -> libvirt.virConnect:
    """Return the libvirt connection of the portal, for changes outside the portal."""
    with connected(empty_lab.pk, empty_lab.uri) as connection:
        return connection.session.libvirt


@pytest.fixture
def asked(network, record) -> Lease:
    """Return a lease whose release was requested."""
    record(found())
    Lease.objects.update(release_asked_at=Clock.at)
    return Lease.objects.get()
