"""The pools of a hypervisor are recorded with their volumes; one that fails affects no other, and loses nothing."""

from datetime import timedelta

import libvirt
import pytest
from django.utils import timezone

from tests.support.making import make_image, make_vm
from tests.vms.leftovers.volumes import define, make_pool, make_volume, names, poll, unused
from virterweb.hypervisors.models import HypervisorStatus
from virterweb.messages import Message
from vms.models import StoragePool, Volume
from vms.pools import sync


def work() -> None:
    for pool in StoragePool.objects.to_read():
        sync.read(pool.pk)


def observed(lab) -> None:
    poll(lab)
    work()


def get(name: str) -> StoragePool:
    return StoragePool.objects.select_related("hypervisor__status").get(name=name)


def listed(name: str) -> set[str]:
    return {volume.name for volume in get(name).volumes.all()}


@pytest.fixture
def ssd(lab, host) -> libvirt.virStoragePool:
    """A second pool with a volume, as it was read."""
    make_pool(host, "ssd")
    make_volume(host, "data", pool="ssd")
    make_volume(host, "boot")
    observed(lab)
    return host.storagePoolLookupByName("ssd")


def test_all_pools_are_recorded_with_their_volumes(lab, ssd):
    assert [(pool.name, pool.active, pool.kind) for pool in StoragePool.objects.all()] == [
        ("pool", True, "dir"),
        ("ssd", True, "dir"),
    ]
    assert listed("pool") == {"boot"}
    assert listed("ssd") == {"data"}
    assert set(Volume.objects.of_images(lab).values_list("name", flat=True)) == {"boot"}
    pool = get("ssd")
    assert pool.capacity == ssd.info()[1]
    assert pool.available == ssd.info()[3]
    assert (pool.totals.count, pool.totals.capacity) == (1, 2**20)
    assert Volume.objects.get(name="data").allocation == ssd.storageVolLookupByName("data").info()[2]


def test_volumes_that_come_and_go_are_recorded_at_the_next_reading(lab, host, ssd):
    make_volume(host, "more", pool="ssd")
    ssd.storageVolLookupByName("data").delete()
    work()
    assert listed("ssd") == {"data"}, "it was just read"
    StoragePool.objects.update(due_at=None)
    work()
    assert listed("ssd") == {"more"}


def test_a_refresh_reads_at_once_and_is_then_done(lab, host, ssd):
    make_volume(host, "more", pool="ssd")
    get("ssd").request_refresh()
    work()
    assert listed("ssd") == {"data", "more"}
    assert get("ssd").refresh_asked_at is None
    make_volume(host, "another")
    get("pool").request_refresh()
    work()
    assert listed("pool") == {"boot", "another"}
    assert not StoragePool.objects.to_read().exists()


def test_a_refresh_that_is_requested_during_a_reading_is_not_lost(ssd, monkeypatch):
    get("ssd").request_refresh()
    refresh = libvirt.virStoragePool.refresh

    def slow(pool: libvirt.virStoragePool, flags: int = 0) -> int:
        StoragePool.objects.filter(name="ssd").update(refresh_asked_at=timezone.now() + timedelta(seconds=1))
        return refresh(pool, flags)

    read = sync.volumes.record
    monkeypatch.setattr(sync.volumes, "record", lambda *args: (slow(ssd), read(*args))[1])
    work()
    assert list(StoragePool.objects.to_read()) == [get("ssd")]


def test_an_inactive_pool_keeps_its_volumes_and_is_read_when_it_is_started(lab, host, ssd):
    capacity = get("ssd").capacity
    ssd.destroy()
    observed(lab)
    assert not get("ssd").active
    assert get("ssd").capacity == capacity
    assert listed("ssd") == {"data"}
    assert not StoragePool.objects.to_read().exists()
    ssd.create()
    make_volume(host, "new", pool="ssd")
    observed(lab)
    assert get("ssd").active
    assert "new" in listed("ssd")


def test_a_refresh_of_an_inactive_pool_ends(ssd):
    ssd.destroy()
    get("ssd").request_refresh()
    work()
    pool = get("ssd")
    assert (pool.active, pool.refresh_asked_at, str(pool.problem)) == (False, None, "")
    assert listed("ssd") == {"data"}


def test_a_pool_that_fails_affects_no_other_and_keeps_its_volumes(lab, host, ssd, monkeypatch):
    make_pool(host, "iso")
    make_volume(host, "installer.iso", pool="iso")
    every = libvirt.virStoragePool.listAllVolumes

    def refuse(pool: libvirt.virStoragePool, flags: int = 0) -> list:
        if pool.name() == "ssd":
            raise libvirt.libvirtError("cannot open directory '/ssd': Input/output error")
        return every(pool, flags)

    with monkeypatch.context() as patch:
        patch.setattr(libvirt.virStoragePool, "listAllVolumes", refuse)
        StoragePool.objects.update(due_at=None)
        observed(lab)
    assert "Input/output error" in str(get("ssd").problem)
    assert listed("ssd") == {"data"}
    assert listed("iso") == {"installer.iso"}
    assert str(get("iso").problem) == ""
    StoragePool.objects.update(due_at=None)
    work()
    assert str(get("ssd").problem) == ""


def test_a_pool_that_libvirt_no_longer_has_is_forgotten_unless_something_needs_it(lab, host, ssd):
    vm = make_vm(lab, image=make_image(lab))
    vm.disks.create(name="data", size=1, pool="ssd")
    ssd.destroy()
    ssd.undefine()
    observed(lab)
    assert get("ssd").gone_at
    assert listed("ssd") == {"data"}
    vm.disks.all().delete()
    observed(lab)
    assert not StoragePool.objects.filter(name="ssd").exists()
    make_pool(host, "ssd")
    observed(lab)
    assert get("ssd").gone_at is None


def test_a_volume_says_what_uses_it(lab, host, ssd):
    define(host, "web", "/ssd/data")
    make_volume(host, "over", backing="/pool/base", pool="ssd")
    make_volume(host, "base")
    StoragePool.objects.update(due_at=None)
    observed(lab)
    assert str(Volume.objects.get(name="data").used_by) == "The VM web uses it."
    observed(lab)
    assert str(Volume.objects.get(name="base").used_by) == "The volume over is an overlay on it."
    assert not Volume.objects.unused().filter(name="base").exists()
    assert names(host) == {"boot", "base"}


def test_a_pool_that_becomes_the_one_for_images_is_listed_once(lab, ssd):
    lab.pool = "ssd"
    lab.save()
    observed(lab)
    assert listed("ssd") == {"data"}
    assert set(Volume.objects.of_images(lab).values_list("name", flat=True)) == {"data"}
    StoragePool.objects.update(due_at=None)
    work()
    assert listed("pool") == {"boot"}


def test_volumes_of_every_pool_of_files_are_unused_until_something_uses_them(lab, host, ssd):
    assert unused() == {"boot", "data"}
    define(host, "web", "/ssd/data")
    StoragePool.objects.update(due_at=None)
    observed(lab)
    assert unused() == {"boot"}


def test_devices_are_not_said_to_be_unused(lab, ssd):
    """VMs may name them by paths that the portal does not know, such as those in /dev/mapper."""
    StoragePool.objects.filter(name="ssd").update(kind="logical", due_at=None)
    work()
    assert unused() == {"boot"}


@pytest.mark.parametrize(
    "state",
    [
        {"active": False},
        {"gone_at": timezone.now()},
        {"problem": Message("pool.inactive", pool="ssd")},
        {"problem": Message("pool.unreadable_volumes", count=1, name="x", reason=Message.external("odd"))},
    ],
)
def test_a_pool_that_cannot_be_read_has_no_unused_volumes(ssd, state):
    StoragePool.objects.filter(name="ssd").update(**state)
    assert unused() == {"boot"}


def test_an_overlay_that_cannot_be_read_still_uses_what_is_beneath(lab, host, ssd, monkeypatch):
    make_volume(host, "above", backing="/ssd/data", pool="ssd")
    StoragePool.objects.update(due_at=None)
    observed(lab)
    assert unused() == {"above", "boot"}
    document = libvirt.virStorageVol.XMLDesc

    def refuse(volume: libvirt.virStorageVol, flags: int = 0) -> str:
        if volume.name() == "above":
            raise libvirt.libvirtError("it cannot be read")
        return document(volume, flags)

    monkeypatch.setattr(libvirt.virStorageVol, "XMLDesc", refuse)
    StoragePool.objects.update(due_at=None)
    work()
    assert str(Volume.objects.get(name="data").used_by) == "The volume above is an overlay on it."


def test_an_unreachable_hypervisor_is_not_asked_for_pools(ssd):
    StoragePool.objects.update(due_at=None)
    get("ssd").request_refresh()
    HypervisorStatus.objects.update(unreachable_since=timezone.now())
    assert not StoragePool.objects.to_read().exists()
