"""Volumes that nothing uses are found by the worker, and listed."""

import pytest
from django.utils import timezone
from lxml import html

from tests.support.making import make_foreign_network, make_image, make_vm, record_volume
from tests.vms.leftovers.volumes import DOMAIN, PAGE, define, listed, make_volume, poll, unused
from virterweb.hypervisors.desired.revisions import record
from virterweb.messages import Message
from vms.definition.events import Event
from vms.models import LOADING, Image, Volume


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


def test_the_table_is_exported(lab, host, page):
    make_volume(host, "free")
    poll(lab)
    assert page.get("/pools/lab-1/pool/unused.json").json()[0]["name"] == "free"
    assert "free,/pool/free,1048576" in page.get("/pools/lab-1/pool/unused.csv").content.decode()


def test_a_run_that_finds_a_volume_in_its_way_links_to_the_page(lab, host, page):
    make_foreign_network(lab)
    image = make_image(lab)
    make_volume(host, "virter:work:web-8")
    poll(lab)
    data = {"hypervisor": lab.pk, "image": image.pk, "name": "web-8", "number": 8, "count": 1, "memory": 512}
    answer = page.post("/vms/run/", data | {"vcpus": 1, "boot_size": 1})
    assert answer.status_code == 422
    assert f'href="{PAGE.format("pool")}"' in answer.content.decode()
    assert "delete it on the page Leftovers" in answer.content.decode()


@pytest.mark.parametrize("pool", ["pool", "a&b/c"])
def test_the_page_of_a_vm_that_failed_because_of_a_volume_links_to_the_page_of_the_pool(lab, page, pool):
    vm = make_vm(lab)
    record_volume(lab, vm.boot_volume, pool=pool)
    vm.status.write(generation=vm.generation, error=Message("vm.volume_left", pool=pool, volume=vm.boot_volume))
    shown = html.fromstring(page.get(vm.get_absolute_url()).content.decode())
    (link,) = shown.xpath(f"//a[contains(., 'Unused volumes of the pool {pool}')]/@href")
    assert page.get(link, follow=True).context["pool"].name == pool


@pytest.mark.parametrize(("end", "to"), [("/", "/"), (".csv", ".csv"), (".json", ".json")])
def test_links_of_earlier_versions_lead_to_the_pool_for_images(lab, host, page, end, to):
    assert page.get(f"/leftovers/lab-1/volumes{end}")["Location"] == "/pools/", "it was not read yet"
    poll(lab)
    assert page.get(f"/leftovers/lab-1/volumes{end}")["Location"] == f"/pools/lab-1/pool/unused{to}"
