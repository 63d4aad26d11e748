"""A pool that cannot be read is not an empty one: what is known stays, and comes back under the same rows."""

from datetime import timedelta

import libvirt
import pytest
from django.utils import timezone

from tests.support.making import make_hypervisor, make_vm, record_volume
from virterweb.hypervisors.connections.pool import connected, disconnect
from virterweb.hypervisors.gateway.found import PoolUnreadable
from virterweb.hypervisors.models import HypervisorStatus, ReadingProblem
from virterweb.hypervisors.sync import observe
from vms.images import sync as image_sync
from vms.models import Image, Volume
from vms.run.removal import delete_volumes

EMPTY = """<node><cpu><mhz>1000</mhz><model>i686</model><active>1</active><nodes>1</nodes><sockets>1</sockets>
<cores>1</cores><threads>1</threads></cpu><memory>1000000</memory></node>"""
POOL = "<pool type='dir'><name>default</name><target><path>/pool</path></target></pool>"
VOLUME = "<volume><name>{}</name><capacity>1048576</capacity><target><format type='qcow2'/></target></volume>"
TAGS = ("virter:tag:alma-8", "virter:tag:debian-12")


@pytest.fixture
def lab(db, tmp_path, enqueued):
    path = tmp_path / "host.xml"
    path.write_text(EMPTY)
    yield make_hypervisor(uri=f"test://{path}")
    disconnect()


@pytest.fixture
def pool(lab) -> libvirt.virStoragePool:
    """A pool with two images of Virter's and a further volume, as they were read."""
    with connected(lab.pk, lab.uri) as connection:
        pool = connection.session.libvirt.storagePoolDefineXML(POOL)
    pool.create()
    for name in (*TAGS, "mine"):
        pool.createXML(VOLUME.format(name))
    poll(lab)
    return pool


def poll(lab) -> None:
    """A poll that reads the pool."""
    HypervisorStatus.objects.update(stale_at=timezone.now())
    observe(lab.pk)


def known() -> tuple[dict[str, int], dict[str, int]]:
    return dict(Image.objects.values_list("name", "pk")), dict(Volume.objects.values_list("name", "pk"))


def reasons() -> list[str]:
    return [str(problem) for problem in ReadingProblem.objects.all()]


@pytest.mark.parametrize("how", ["inactive", "missing", "fails"])
def test_a_pool_that_cannot_be_read_makes_nothing_vanish(lab, pool, page, monkeypatch, how):
    vm = make_vm(lab, image=Image.objects.get(name="alma-8"))
    before = known()
    with monkeypatch.context() as patch:
        if how == "fails":

            def refuse(pool: libvirt.virStoragePool, flags: int = 0) -> list:
                raise libvirt.libvirtError("cannot open directory '/pool': Input/output error")

            patch.setattr(libvirt.virStoragePool, "listAllVolumes", refuse)
        else:
            pool.destroy()
        if how == "missing":
            pool.undefine()
        poll(lab)
        assert known() == before
        vm.refresh_from_db()
        assert vm.image.name == "alma-8"
        assert len(reasons()) == 1
        assert reasons()[0].startswith("Pool default cannot be read: ")
        shown = " ".join(page.get("/images/").content.decode().split())
        assert "Pool default cannot be read since" in shown
        assert "The table shows what it held at <time" in shown
        assert "Pool default" in page.get("/").content.decode()
    if how == "missing":
        with connected(lab.pk, lab.uri) as connection:
            pool = connection.session.libvirt.storagePoolDefineXML(POOL)
    if how != "fails":
        pool.create()
        for name in (*TAGS, "mine"):
            if name not in [volume.name() for volume in pool.listAllVolumes()]:
                pool.createXML(VOLUME.format(name))
    poll(lab)
    assert known() == before
    assert reasons() == []


def test_volumes_missing_from_a_read_pool_are_removed_except_images_of_vms(lab, pool, page):
    vm = make_vm(lab, image=Image.objects.get(name="alma-8"))
    image = vm.image
    for volume in pool.listAllVolumes():
        volume.delete()
    poll(lab)
    assert not Volume.objects.exists()
    assert list(Image.objects.all()) == [image]
    assert "gone since" in page.get("/images/").content.decode()
    assert "alma-8</option>" not in page.get("/vms/run/").content.decode()
    pool.createXML(VOLUME.format(TAGS[0]))
    poll(lab)
    vm.refresh_from_db()
    assert vm.image == image
    assert Image.objects.get().status.gone_at is None


def test_a_gone_image_is_forgotten_with_the_last_vm_that_was_made_from_it(lab, pool):
    vm = make_vm(lab, image=Image.objects.get(name="alma-8"))
    for volume in pool.listAllVolumes():
        volume.delete()
    poll(lab)
    vm.delete()
    poll(lab)
    assert not Image.objects.exists()


def test_a_pool_is_read_seldom_but_soon_again_when_it_could_not_be(lab, pool, monkeypatch):
    read = []
    monkeypatch.setattr(image_sync, "record_volumes", lambda hypervisor, host: read.append(1))

    def poll(**status: object) -> int:
        read.clear()
        HypervisorStatus.objects.update(stale_at=None, due_at=None, **status)
        observe(lab.pk)
        return len(read)

    now = timezone.now()
    just, before = now - timedelta(seconds=10), now - timedelta(seconds=70)
    assert poll(volumes_tried_at=just, volumes_read_at=just) == 0
    assert poll(volumes_tried_at=before, volumes_read_at=before) == 1
    assert poll(volumes_tried_at=just, volumes_read_at=before) == 1
    assert poll(volumes_tried_at=now, volumes_read_at=before) == 0
    assert poll(volumes_tried_at=now + timedelta(days=1), volumes_read_at=before) == 1, "the clock was put back"
    assert poll(volumes_tried_at=None, volumes_read_at=None) == 1


def test_nothing_is_deleted_because_a_pool_cannot_be_read(lab, pool):
    vm = make_vm(lab)
    record_volume(lab, vm.boot_volume, path="/pool/x")
    pool.destroy()
    with (
        connected(lab.pk, lab.uri) as connection,
        pytest.raises(PoolUnreadable, match="the pool default is not active"),
    ):
        delete_volumes(vm, connection)
    assert Volume.objects.filter(name=vm.boot_volume).exists()
    pool.undefine()
    with connected(lab.pk, lab.uri) as connection:
        delete_volumes(vm, connection)  # there is no pool that could still hold them
