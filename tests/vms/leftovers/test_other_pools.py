"""Unused volumes of pools that are not for images and VMs: listed, and deleted only while nothing uses them."""

import libvirt
import pytest
from django.utils import timezone

from tests.support.making import make_hypervisor, make_image, make_vm, record_volume
from tests.vms.leftovers.volumes import (
    PAGE,
    VOLUME,
    ask,
    define,
    listed,
    make_pool,
    make_volume,
    names,
    poll,
    unused,
    work,
)
from virterweb.activity.choices import Result
from virterweb.activity.models import Entry
from virterweb.messages import Message
from virterweb.people.models import Grant, Membership, Role, Team
from vms.models import StoragePool, Volume
from vms.pools import sync


def read(lab) -> None:
    """Poll, and read all pools again."""
    poll(lab)
    StoragePool.objects.update(due_at=None)
    for pool in StoragePool.objects.to_read():
        sync.read(pool.pk)


@pytest.fixture
def ssd(lab, host) -> libvirt.virStoragePool:
    """A second pool with the unused volumes data and tools.iso, as it was read."""
    make_pool(host, "ssd")
    for name in ("data", "tools.iso"):
        make_volume(host, name, pool="ssd")
    read(lab)
    return host.storagePoolLookupByName("ssd")


def test_a_volume_of_another_pool_is_deleted_there_and_noted_with_the_pool(lab, host, ssd, page):
    make_volume(host, "data")
    read(lab)
    assert listed(page, "ssd").count('name="volume"') == 2
    ask(page, "data", pool="ssd")
    assert listed(page, "ssd").count("being deleted</span>") == 1
    work()
    assert names(host, "ssd") == {"tools.iso"}
    assert names(host) == {"data"}, "that of the other pool has the same name"
    assert set(Volume.objects.values_list("pool__name", "name")) == {("ssd", "tools.iso"), ("pool", "data")}
    entry = Entry.objects.get(kind="volume")
    assert (entry.what, entry.result) == ("deletion from pool ssd requested", Result.DONE)


@pytest.mark.parametrize("running", [False, True])
def test_a_volume_that_a_vm_uses_meanwhile_is_kept_with_the_reason(lab, host, ssd, page, running):
    define(host, "quick", "/ssd/data", running=running)
    ask(page, "data", pool="ssd")
    work()
    assert names(host, "ssd") == {"data", "tools.iso"}
    assert "The volume data was not deleted. The VM quick uses it." in listed(page, "ssd")
    assert Entry.objects.get(kind="volume").result == Result.FAILED


def test_a_volume_that_changed_meanwhile_is_kept(lab, host, ssd, page):
    ask(page, "data", pool="ssd")
    ssd.storageVolLookupByName("data").delete()
    ssd.createXML(VOLUME.format("data", "").replace("1048576", "2097152"))
    work()
    assert "data" in names(host, "ssd")
    assert "because it has changed" in listed(page, "ssd")


@pytest.mark.parametrize("polled", [False, True])
def test_a_pool_that_is_stopped_meanwhile_keeps_the_request_until_it_is_active_again(lab, host, ssd, page, polled):
    ask(page, "data", pool="ssd")
    ssd.destroy()
    if polled:
        read(lab)
        assert unused() == set()
        shown = listed(page, "ssd")
        assert "The pool is inactive." in shown
        assert "Requested deletions that wait until the pool can be read: 1" in shown
        assert 'name="volume"' not in shown
    work()
    assert Volume.objects.exclude(delete_asked_at=None).count() == 1
    ssd.create()
    read(lab)
    Volume.objects.update(due_at=None)
    work()
    assert names(host, "ssd") == {"tools.iso"}
    assert Entry.objects.get(kind="volume").result == Result.DONE


@pytest.mark.parametrize("needed", [False, True])
def test_a_pool_that_is_missing_meanwhile_ends_the_request(lab, host, ssd, page, needed):
    if needed:
        make_vm(lab, image=make_image(lab)).disks.create(name="data", size=1, pool="ssd")
    ask(page, "data", pool="ssd")
    ssd.destroy()
    ssd.undefine()
    read(lab)
    entry = Entry.objects.get(kind="volume")
    assert (entry.result, str(entry.error)) == (Result.FAILED, "libvirt has no pool ssd")
    assert not Volume.objects.exclude(delete_asked_at=None).exists()
    answer = page.get(PAGE.format("ssd"))
    assert answer.status_code == (200 if needed else 404)
    assert not needed or "libvirt has no pool ssd since" in answer.content.decode()


@pytest.mark.parametrize("state", ["active", "stopped", "missing"])
def test_a_volume_beneath_an_overlay_of_another_pool_is_kept(lab, host, ssd, page, state):
    make_pool(host, "fast")
    make_vm(lab, image=make_image(lab)).disks.create(name="x", size=1, pool="fast")  # so that the pool can be missing
    make_volume(host, "above", "/ssd/data", pool="fast")
    read(lab)
    Volume.objects.filter(name="data").update(unused_since=timezone.now())  # as an earlier reading has found it
    fast = host.storagePoolLookupByName("fast")
    if state != "active":
        fast.destroy()
    if state == "missing":
        fast.undefine()
        poll(lab)
    ask(page, "data", pool="ssd")
    work()
    assert "data" in names(host, "ssd")
    assert "The volume above is an overlay on it." in listed(page, "ssd")


def test_two_pools_that_show_the_same_folder_use_its_files_for_each_other(lab, host, ssd):
    make_pool(host, "link")  # by another path: libvirt has no two pools with the same one
    for name in ("data", "tools.iso", "base", "free"):
        make_volume(host, name, pool="link")
    for name in ("base", "free"):
        make_volume(host, name, pool="ssd")
    define(host, "web", "/link/data")
    make_volume(host, "above", "/ssd/base", pool="ssd")
    make_volume(host, "above", "/ssd/base", pool="link")
    define(host, "over", "/link/above")
    read(lab)
    read(lab)
    rows = Volume.objects.unused().order_by("name", "pool__name").values_list("name", "pool__name")
    assert list(rows) == [(name, pool) for name in ("free", "tools.iso") for pool in ("link", "ssd")]


@pytest.mark.parametrize(("kind", "kept"), [("netfs", True), ("dir", False)])
def test_a_volume_of_a_file_server_that_another_hypervisor_uses_meanwhile_is_kept(lab, host, ssd, page, kind, kept):
    StoragePool.objects.filter(name="ssd").update(kind=kind)
    ask(page, "data", pool="ssd")
    used = Message("volume.used_by_vm", vms=["web"])
    record_volume(make_hypervisor("lab-2"), "data", pool="nfs", used_by=used)
    StoragePool.objects.filter(name="nfs").update(kind=kind)
    work()
    assert ("data" in names(host, "ssd")) == kept
    assert ("A VM of another hypervisor uses a volume of this name" in listed(page, "ssd")) == kept


def test_a_volume_that_two_hypervisors_share_is_unused_when_no_vm_of_either_uses_it(lab, host, ssd):
    row = record_volume(make_hypervisor("lab-2"), "data", pool="nfs", used_by=Message("volume.used_by_vm", vms=["web"]))
    StoragePool.objects.exclude(name="pool").update(kind="netfs")
    for pool in StoragePool.objects.filter(hypervisor=lab, name="ssd"):
        pool.request_refresh()
        sync.read(pool.pk)
    assert unused() == {"tools.iso"}
    row.used_by = Message("volume.used_elsewhere")
    row.save()
    for pool in StoragePool.objects.filter(hypervisor=lab, name="ssd"):
        StoragePool.objects.update(kind="netfs")
        pool.request_refresh()
        sync.read(pool.pk)
    assert unused() == {"data", "tools.iso"}


def test_a_request_is_carried_out_in_the_pool_that_it_names_when_the_settings_name_another(lab, host, ssd, page):
    make_volume(host, "data")
    read(lab)
    ask(page, "data", pool="ssd")
    lab.pool = "ssd"
    lab.save()
    read(lab)
    work()
    assert names(host, "ssd") == {"tools.iso"}
    assert names(host) == {"data"}


def test_volumes_of_another_pool_are_not_deleted_on_the_page_of_this_one(lab, host, ssd, page):
    make_volume(host, "own")
    read(lab)
    chosen = {"volume": Volume.objects.get(name="data").pk}
    answer = page.post(f"{PAGE.format('pool')}delete/", chosen, follow=True)
    assert "Nothing was deleted" in answer.content.decode()
    assert page.post("/pools/lab-1/none/unused/delete/", chosen).status_code == 404
    other = make_hypervisor("lab-2")
    record_volume(other, "x", pool="ssd", unused_since=timezone.now())
    assert "Nothing was deleted" in page.post("/pools/lab-2/ssd/unused/delete/", chosen, follow=True).content.decode()
    assert not Volume.objects.exclude(delete_asked_at=None).exists()


def test_a_pool_of_devices_says_why_it_offers_nothing(lab, ssd, page):
    StoragePool.objects.filter(name="ssd").update(kind="logical")
    assert "The volumes of a pool of the type logical are devices." in listed(page, "ssd")


def test_the_pages_say_that_volumes_may_be_kept_on_purpose(lab, ssd, page):
    assert "Some may be kept on purpose: ISO images" in listed(page, "ssd")
    chosen = {"volume": Volume.objects.get(name="tools.iso").pk}
    answer = page.post(f"{PAGE.format('ssd')}delete/", chosen).content.decode()
    assert "other hypervisors that share the pool" in " ".join(answer.split())


def test_members_without_grants_see_the_unused_volumes_of_no_pool(lab, ssd, member, member_page):
    Team.objects.update(role_of_all=None)
    Membership.objects.all().delete()
    assert member_page.get(PAGE.format("ssd")).status_code == 404
    team = Team.objects.create(name="guests")
    Membership.objects.create(team=team, user=member, role=Role.objects.get(name="user"))
    Grant.objects.create(team=team, hypervisor=lab, role=None, pools="ssd*")
    assert "You may not see the volumes of lab-1" in listed(member_page, "ssd")
    assert member_page.get("/pools/lab-1/ssd/unused.json").json() == []
    assert ask(member_page, "data", pool="ssd").status_code == 403
