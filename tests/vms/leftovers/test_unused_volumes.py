"""Volumes that nothing uses are found by the worker, listed, and deleted only while nothing uses them."""

import re
from contextlib import suppress

import libvirt
import pytest
from django.utils import timezone

from tests.support.making import make_foreign_network, make_hypervisor, make_image, make_vm
from virterweb.activity.choices import Result
from virterweb.activity.models import Entry
from virterweb.hypervisors.connections.pool import connected, disconnect
from virterweb.hypervisors.desired.revisions import record
from virterweb.hypervisors.gateway.found import Busy
from virterweb.hypervisors.models import HypervisorStatus, ReadingProblem
from virterweb.hypervisors.sync import observe
from virterweb.messages import Message
from vms.definition.events import Event
from vms.leftovers import deletion
from vms.models import LOADING, Image, Volume

EMPTY = """<node><cpu><mhz>1000</mhz><model>i686</model><active>1</active><nodes>1</nodes><sockets>1</sockets>
<cores>1</cores><threads>1</threads></cpu><memory>1000000</memory></node>"""
POOL = "<pool type='dir'><name>{0}</name><target><path>/{0}</path></target></pool>"
VOLUME = """<volume><name>{}</name><capacity>1048576</capacity><target><format type='qcow2'/></target>{}</volume>"""
DOMAIN = "<domain type='test'><name>{}</name><memory>1</memory><os><type>hvm</type></os><devices>{}</devices></domain>"
DISK = "<disk type='file' device='disk'><source file='{}'/><target dev='vda'/></disk>"
PAGE = "/leftovers/lab-1/volumes/"


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


def make_pool(host, name: str) -> None:
    host.storagePoolDefineXML(POOL.format(name)).create()


def make_volume(host, name: str, backing: str = "", pool: str = "pool") -> None:
    store = f"<backingStore><path>{backing}</path><format type='qcow2'/></backingStore>" if backing else ""
    host.storagePoolLookupByName(pool).createXML(VOLUME.format(name, store))


def define(host, name: str, path: str, running: bool = False) -> None:
    domain = host.defineXML(DOMAIN.format(name, DISK.format(path)))
    if running:
        domain.create()


def names(host) -> set[str]:
    return set(host.storagePoolLookupByName("pool").listVolumes())


def poll(lab) -> None:
    HypervisorStatus.objects.update(stale_at=timezone.now(), due_at=None)
    observe(lab.pk)


def unused() -> set[str]:
    return set(Volume.objects.unused().values_list("name", flat=True))


def listed(page) -> str:
    return " ".join(page.get(PAGE).content.decode().split())


def ask(page, *names: str):
    """Choose volumes on the page and confirm."""
    chosen = {"volume": list(Volume.objects.filter(name__in=names).values_list("pk", flat=True))}
    answer = page.post(f"{PAGE}delete/", chosen)
    token = re.search(r'name="token" value="(\w+)"', answer.content.decode())
    return page.post(f"{PAGE}delete/", chosen | {"token": token[1]}, follow=True) if token else answer


def work() -> None:
    for volume in Volume.objects.to_delete():
        deletion.carry_out(volume.pk)


def test_only_a_volume_that_nothing_uses_is_left_over(lab, host):
    for name in ("free", "off", "on", "copied-on", "virter:tag:alma", "source", f"{LOADING}123"):
        make_volume(host, name)
    make_volume(host, "overlay", "/pool/copied-on")
    define(host, "vm-off", "/pool/off")
    define(host, "vm-on", "/pool/./on", running=True)
    define(host, "vm-overlay", "/pool/overlay")
    Image.objects.create(hypervisor=lab, name="loading", volume="source", upload="123")
    poll(lab)
    assert unused() == {"free"}


def test_every_path_that_a_domain_names_counts_as_used(lab, host):
    make_volume(host, "kernel")
    boot = "<os><type>hvm</type><kernel>/pool/kernel</kernel></os>"
    host.defineXML(DOMAIN.format("a", "").replace("<os><type>hvm</type></os>", boot))
    poll(lab)
    assert unused() == set()


def test_volumes_of_a_vm_of_the_portal_are_kept_while_libvirt_does_not_have_the_vm(lab, host):
    vm = make_vm(lab)
    make_volume(host, vm.boot_volume)
    vm.status.write(generation=vm.generation, made_at=timezone.now())
    poll(lab)
    assert unused() == set()


def test_what_an_earlier_vm_left_is_left_over_although_a_run_failed_because_of_it(lab, host):
    vm = make_vm(lab)
    make_volume(host, vm.boot_volume)
    vm.status.write(generation=vm.generation, error=Message("vm.volume_left", pool="pool", volume=vm.boot_volume))
    poll(lab)
    assert unused() == {vm.boot_volume}


def test_a_volume_is_no_longer_left_over_once_a_vm_uses_it(lab, host):
    make_volume(host, "free")
    poll(lab)
    since = Volume.objects.get().unused_since
    poll(lab)
    assert Volume.objects.get().unused_since == since
    define(host, "vm", "/pool/free")
    poll(lab)
    assert unused() == set()


def test_the_page_says_for_whom_a_volume_was_made(lab, host, page, user):
    vm = make_vm(lab, "web-8", owner=user)
    record(vm, Event.RUN, user, about={"image": "alma"})
    vm.delete()
    for name in ("virter:work:web-8", "virter:work:web-8-data", "virter:work:other", "free"):
        make_volume(host, name)
    poll(lab)
    shown = listed(page)
    assert shown.count("the VM web-8") == 2
    assert shown.count("by mira") == 2
    assert shown.count(">unknown</span>") == 2


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
        (name, "mira", Result.DONE, "deletion requested") for name in ("one", "two")
    }
    assert "deletion requested" in page.get("/activity/?kind=volume").content.decode()


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
    ReadingProblem.objects.create(hypervisor=lab, kind=ReadingProblem.Kind.POOL, key="pool", name="pool")
    assert unused() == set()
    assert "has been unreadable since" in listed(page)
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
        answer = page.post(f"{PAGE}delete/", {"volume": volume, "token": "x"}, follow=True)
        assert "Nothing was deleted" in answer.content.decode()
    work()
    assert names(host) == {"used"}


def test_a_confirmation_of_other_volumes_than_shown_is_asked_for_again(lab, host, page):
    make_volume(host, "free")
    poll(lab)
    answer = page.post(f"{PAGE}delete/", {"volume": Volume.objects.get().pk, "token": "old"})
    assert answer.status_code == 409
    assert "Not deleted:" in answer.content.decode()
    assert not Volume.objects.to_delete().exists()


def test_the_table_is_exported(lab, host, page):
    make_volume(host, "free")
    poll(lab)
    assert page.get("/leftovers/lab-1/volumes.json").json()[0]["name"] == "free"
    assert "free,/pool/free,1048576" in page.get("/leftovers/lab-1/volumes.csv").content.decode()


def test_a_run_that_finds_a_volume_in_its_way_links_to_the_page(lab, host, page):
    make_foreign_network(lab)
    image = make_image(lab)
    make_volume(host, "virter:work:web-8")
    poll(lab)
    data = {"hypervisor": lab.pk, "image": image.pk, "name": "web-8", "number": 8, "count": 1, "memory": 512}
    answer = page.post("/vms/run/", data | {"vcpus": 1, "boot_size": 1})
    assert answer.status_code == 422
    assert f'href="{PAGE}"' in answer.content.decode()
    assert "delete it on the page Leftovers" in answer.content.decode()


def test_the_page_of_a_vm_that_failed_because_of_a_volume_links_to_the_page(lab, host, page):
    vm = make_vm(lab)
    error = Message("vm.volume_left", pool="pool", volume=vm.boot_volume)
    vm.status.write(generation=vm.generation, error=error)
    assert f'href="{PAGE}"' in page.get(vm.get_absolute_url()).content.decode()


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
