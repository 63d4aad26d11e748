import libvirt
import pytest

from tests.vms.snapshots.snapped_vm import DOMAIN, World
from virterweb.hypervisors.connections.pool import connected, disconnect


@pytest.fixture
def world(db, tmp_path, enqueued):
    """A VM of others, off, on libvirt's test driver."""
    found = World(tmp_path)
    with connected(-found.hypervisor.pk, found.hypervisor.uri) as connection:
        found.connection = connection
        found.host.storagePoolDefineXML(
            "<pool type='dir'><name>pool</name><target><path>/pool</path></target></pool>"
        ).create()
        found.define(DOMAIN)
        yield found
    disconnect()


@pytest.fixture
def domain(world) -> libvirt.virDomain:
    return world.domain
