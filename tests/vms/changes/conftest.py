"""A VM in libvirt's test driver, and the portal that manages it."""

import pytest

from tests.support.driver import Driver
from tests.support.making import make_foreign_network, make_hypervisor, make_network
from tests.vms.changes.outside_changes import DOMAIN, POOL, Lab


@pytest.fixture
def lab(db, enqueued, tmp_path):
    hypervisor = make_hypervisor()
    make_foreign_network(hypervisor)
    make_network(hypervisor)
    file = tmp_path / "host.xml"
    networks = "".join(f"<network><name>{name}</name><bridge name='{name}'/></network>" for name in ("default", "net1"))
    file.write_text(f"<node>{networks}{POOL}{DOMAIN}</node>")
    connection = Driver(1, f"test://{file}")
    yield Lab(hypervisor, connection)
    connection.close()
