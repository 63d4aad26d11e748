"""An empty hypervisor of libvirt's test driver."""

from pathlib import Path

import libvirt
import pytest

from tests.networks.sync.push.pushed_networks import EMPTY, WRITERS
from tests.support.making import make_hypervisor
from virterweb.hypervisors.connections.pool import connected, disconnect


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


@pytest.fixture
def writes(raw, monkeypatch) -> list[str]:
    """Record the names of libvirt's calls that change networks."""
    made = []

    def counted(name, call):
        return lambda *args: (made.append(name), call(*args))[1]

    for owner, name in WRITERS:
        monkeypatch.setattr(owner, name, counted(name, getattr(owner, name)))
    return made
