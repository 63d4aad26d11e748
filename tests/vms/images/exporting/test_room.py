"""An export is refused before a copy is made that might fill the pool, or whose file has no room in the data folder."""

from collections.abc import Iterator

import pytest

from tests.support.making import make_image
from tests.vms.images.test_pool import POOL, lab  # noqa: F401, a fixture
from virterweb.hypervisors.connections.pool import connected
from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import FoundVolume, Refused
from virterweb.web_server import spool
from vms.images.exporting.work import check_room
from vms.models import Image

GIB = 1024**3


@pytest.fixture
def image(lab) -> Image:  # noqa: F811
    return make_image(lab)


@pytest.fixture
def connection(image: Image) -> Iterator[Connection]:
    with connected(image.hypervisor_id, image.hypervisor.uri) as connection:
        connection.session.libvirt.storagePoolDefineXML(POOL).create()
        yield connection


def volume(capacity: int, allocation: int = 0) -> FoundVolume:
    sizes = f"<capacity>{capacity}</capacity><allocation>{allocation}</allocation>"
    return FoundVolume(name="disk", path="/pool/disk", document=f"<volume><name>disk</name>{sizes}<target/></volume>")


def test_a_disk_that_might_fill_the_pool_is_not_copied(connection, image):
    left = connection.pools.get("default").available
    assert left > GIB
    check_room(volume(left), image, connection)
    with pytest.raises(Refused, match=f"The pool default has {left:,} bytes left") as refused:
        check_room(volume(left + 1), image, connection)
    assert f"up to {left + 1:,} bytes" in str(refused.value)


def test_a_disk_whose_file_does_not_fit_in_the_data_folder_is_not_copied(connection, image, monkeypatch):
    monkeypatch.setattr(spool, "room", lambda: GIB)
    check_room(volume(2 * GIB, GIB), image, connection)
    with pytest.raises(Refused, match="too little room for a file of 1,073,741,825 bytes"):
        check_room(volume(2 * GIB, GIB + 1), image, connection)
