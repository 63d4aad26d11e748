"""Unused volumes are deleted on request, and only while nothing uses them."""

from contextlib import suppress

import libvirt
import pytest
from django.utils import timezone

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
from virterweb.hypervisors.gateway.found import Busy
from virterweb.hypervisors.models import HypervisorStatus, ReadingProblem
from virterweb.messages import Message
from vms.models import Volume


def test_a_deleted_volume_is_gone_in_libvirt_and_noted_in_the_activity_log(lab, host, page, user):
    for name in ("one", "two", "three"):
        make_volume(host, name)
    poll(lab)
    assert "Deleting 2 volumes." in ask(page, "one", "two").content.decode()
    assert names(host) == {"one", "two", "three"}
    assert listed(page).count("being deleted</span>") == 2
    work()
    assert names(host) == {"three"}
    assert set(Volume.objects.values_list("name", flat=True)) == {"three"}
    entries = Entry.objects.filter(kind="volume")
    assert {(entry.name, entry.who, entry.result, entry.what) for entry in entries} == {
        (name, "mira", Result.DONE, "deletion from pool pool requested") for name in ("one", "two")
    }
    assert "deletion from pool pool requested" in page.get("/activity/?kind=volume").content.decode()


@pytest.mark.parametrize("running", [False, True])
def test_a_volume_that_a_vm_got_since_the_page_was_read_is_kept_with_the_reason(lab, host, page, running):
    make_volume(host, "free")
    poll(lab)
    define(host, "quick", "/pool/free", running=running)
    ask(page, "free")
    work()
    assert names(host) == {"free"}
    assert "The volume free was not deleted. The VM quick uses it." in listed(page)
    assert Entry.objects.get(kind="volume").result == Result.FAILED
    assert not Volume.objects.to_delete().exists()


def test_a_volume_beneath_an_overlay_of_any_pool_is_kept(lab, host, page):
    make_volume(host, "base")
    make_volume(host, "other")
    poll(lab)
    make_pool(host, "second")
    make_volume(host, "above", "/pool/base", pool="second")
    make_volume(host, "upper", "/pool/other")
    ask(page, "base", "other")
    work()
    assert names(host) == {"base", "other", "upper"}
    assert "The volume above is an overlay on it." in listed(page)


def test_a_volume_is_kept_beneath_an_overlay_that_names_it_by_another_path(lab, host, page):
    make_volume(host, "base")
    poll(lab)
    make_volume(host, "upper", "/link/to/the/pool/base")
    ask(page, "base")
    work()
    assert names(host) == {"base", "upper"}
    poll(lab)
    assert unused() == {"upper"}


def test_a_volume_that_was_recreated_since_the_page_was_read_is_kept(lab, host, page):
    make_volume(host, "free")
    poll(lab)
    ask(page, "free")
    host.storagePoolLookupByName("pool").storageVolLookupByName("free").delete()
    host.storagePoolLookupByName("pool").createXML(VOLUME.format("free", "").replace("1048576", "2097152"))
    work()
    assert names(host) == {"free"}
    assert "because it has changed" in listed(page)


def test_a_volume_that_somebody_else_deleted_counts_as_deleted(lab, host, page):
    make_volume(host, "free")
    make_volume(host, "again")
    poll(lab)
    ask(page, "free", "again")
    host.storagePoolLookupByName("pool").storageVolLookupByName("free").delete()
    work()
    host.storagePoolLookupByName("pool").createXML(VOLUME.format("later", ""))
    poll(lab)
    assert {entry.result for entry in Entry.objects.filter(kind="volume")} == {Result.DONE}


def test_a_poll_that_finds_a_volume_gone_ends_the_request_to_delete_it(lab, host, page):
    make_volume(host, "free")
    poll(lab)
    ask(page, "free")
    host.storagePoolLookupByName("pool").storageVolLookupByName("free").delete()
    poll(lab)  # a worker was killed right after it had deleted the volume
    assert not Volume.objects.exists()
    assert Entry.objects.get(kind="volume").result == Result.DONE


def test_nothing_is_deleted_while_a_vm_cannot_be_read(lab, host, page, monkeypatch):
    make_volume(host, "free")
    poll(lab)
    define(host, "odd", "/pool/other")
    ask(page, "free")

    def refuse(domain: libvirt.virDomain, flags: int = 0) -> str:
        raise libvirt.libvirtError("it cannot be read")

    with monkeypatch.context() as patch:
        patch.setattr(libvirt.virDomain, "XMLDesc", refuse)
        work()
    assert names(host) == {"free"}
    assert "not deleted" in listed(page)


def test_volumes_of_an_unreachable_hypervisor_or_an_unreadable_pool_are_not_judged(lab, host, page):
    make_volume(host, "free")
    poll(lab)
    HypervisorStatus.objects.update(unreachable_since=timezone.now())
    assert unused() == set()
    assert "lab-1 has been unreachable since" in listed(page)
    assert "unknown: the hypervisor has been unreachable since" in page.get("/leftovers/").content.decode()
    HypervisorStatus.objects.update(unreachable_since=None)
    reason, kind = Message("pool.inactive", pool="pool"), ReadingProblem.Kind.POOL
    ReadingProblem.objects.create(hypervisor=lab, kind=kind, within="pool", key="pool", name="pool", reason=reason)
    assert unused() == set()
    assert "cannot be read completely" in listed(page)
    assert "the pool cannot be read" in page.get("/leftovers/").content.decode()


def test_only_operators_delete_volumes(lab, host, member_page):
    make_volume(host, "free")
    poll(lab)
    shown = listed(member_page)
    assert "free" in shown
    assert "Delete selected" not in shown
    assert ask(member_page, "free").status_code == 403
    assert not Volume.objects.to_delete().exists()


@pytest.mark.parametrize("chosen", ["", "x", "99999999999999999999", "-1", "12345"])
def test_a_choice_that_is_no_unused_volume_deletes_nothing(lab, host, page, chosen):
    make_volume(host, "used")
    define(host, "vm", "/pool/used")
    poll(lab)
    for volume in (chosen, Volume.objects.get().pk):
        answer = page.post(f"{PAGE.format('pool')}delete/", {"volume": volume, "token": "x"}, follow=True)
        assert "Nothing was deleted" in answer.content.decode()
    work()
    assert names(host) == {"used"}


def test_a_confirmation_of_other_volumes_than_shown_is_asked_for_again(lab, host, page):
    make_volume(host, "free")
    poll(lab)
    answer = page.post(f"{PAGE.format('pool')}delete/", {"volume": Volume.objects.get().pk, "token": "old"})
    assert answer.status_code == 409
    assert "Not deleted:" in answer.content.decode()
    assert not Volume.objects.to_delete().exists()


@pytest.mark.parametrize("problem", [Busy(Message("hypervisor.busy")), ValueError("a programming error")])
def test_a_deletion_that_failed_is_tried_again_and_its_reason_is_said(lab, host, page, monkeypatch, problem):
    make_volume(host, "free")
    poll(lab)
    ask(page, "free")

    def fail(*args: object) -> None:
        raise problem

    with monkeypatch.context() as patch, suppress(ValueError):
        patch.setattr(libvirt.virStorageVol, "delete", fail)
        work()
    assert "being deleted" in listed(page)
    assert Volume.objects.get().delete_problem
    assert not Volume.objects.to_delete().exists()  # not at once
    Volume.objects.update(due_at=None, claimed_until=None)
    work()
    assert names(host) == set()
    assert Entry.objects.get(kind="volume").result == Result.DONE
