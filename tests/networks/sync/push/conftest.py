"""An empty hypervisor of libvirt's test driver."""

from pathlib import Path

import libvirt
import pytest

from tests.networks.sync.push.pushed_networks import EMPTY, WRITERS
from tests.support.making import make_hypervisor
from virterweb.hypervisors.connections.pool import connected, disconnect


@pytest.fixture
def lab(db, tmp_path: Path, pokes):
    """A hypervisor of the test driver, private to this process, with nothing in it."""
    path = tmp_path / "host.xml"
    path.write_text(EMPTY)
    yield make_hypervisor(uri=f"test://{path}")
    disconnect()


@pytest.fixture
def raw(lab) -> libvirt.virConnect:
    """libvirt as others use it: the connection that the portal has, for the test driver's is private to each."""
    with connected(lab.pk, lab.uri) as connection:
        return connection.session.libvirt


@pytest.fixture
def writes(raw, monkeypatch) -> list[str]:
    """The names of libvirt's calls that change networks, as they are made from here on."""
    made = []

    def counted(name, call):
        return lambda *args: (made.append(name), call(*args))[1]

    for owner, name in WRITERS:
        monkeypatch.setattr(owner, name, counted(name, getattr(owner, name)))
    return made
