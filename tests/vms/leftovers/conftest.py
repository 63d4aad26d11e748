"""A hypervisor with a pool, in libvirt's test driver."""

import libvirt
import pytest

from tests.support.making import make_hypervisor
from tests.vms.leftovers.volumes import EMPTY, make_pool
from virterweb.hypervisors.connections.pool import connected, disconnect


@pytest.fixture
def lab(db, tmp_path, enqueued):
    path = tmp_path / "host.xml"
    path.write_text(EMPTY)
    yield make_hypervisor(uri=f"test://{path}", pool="pool")
    disconnect()


@pytest.fixture
def host(lab) -> libvirt.virConnect:
    with connected(lab.pk, lab.uri) as connection:
        host = connection.session.libvirt
    make_pool(host, "pool")
    return host
