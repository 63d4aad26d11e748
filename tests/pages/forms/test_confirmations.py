"""Links to pages that ask for a confirmation open dialogs, whose answers name the page that follows."""

import re

import pytest
from django.test import Client
from django.utils import timezone
from lxml import html

from tests.support.making import make_disks, make_hypervisor, make_image, make_network, make_running, make_vm
from vms.models import VM, Snapshot

NETWORK, MACHINE = "/networks/lab-1/net1/", "/vms/lab-1/alma-8-8/"
DIALOG = {"HX-Request": "true", "X-Dialog": "yes"}
ASKING = re.compile(r"/(remove|delete|revert|plan|recreate|force-off|reset|discard)/$")
PAGES = {  # with links that ask
    "/networks/": {"remove"},
    NETWORK: {"remove", "plan"},
    MACHINE: {"remove", "force-off", "reset"},
    f"{MACHINE}menu/": {"remove", "force-off", "reset"},
    f"{MACHINE}disks/": {"remove"},
    f"{MACHINE}snapshots/": {"remove", "revert", "delete"},
    "/leftovers/": {"remove"},
}


@pytest.fixture
def vm(db, enqueued) -> VM:
    lab = make_hypervisor()
    make_network(lab, "default", "192.168.122.1/24")
    network = make_network(lab)
    network.status.write(generation=1, present=True, document=network.full_document, drift="has another name")
    make_image(lab)
    vm = make_vm(lab)
    make_disks(vm)
    make_running(vm, ("net1", "52:54:00:00:00:08", "vnet0"))
    Snapshot.objects.create(vm=vm, name="before", taken_at=timezone.now())
    return vm


@pytest.mark.parametrize("url", PAGES)
def test_every_link_that_asks_opens_a_dialog(page: Client, vm: VM, url: str):
    links = html.fromstring(page.get(url).content).xpath("//a[@href]")
    asking = {found[1]: link for link in links if (found := ASKING.search(link.get("href")))}
    assert set(asking) >= PAGES[url]
    assert [link.get("href") for link in asking.values() if "data-confirm" not in link.attrib] == []


def test_what_a_dialog_confirms_is_answered_with_the_page_that_follows(page: Client, vm: VM):
    answer = page.post(f"{MACHINE}remove/", {"name": vm.name}, headers=DIALOG)
    assert (answer.status_code, answer.content, answer.headers["HX-Redirect"]) == (204, b"", "/vms/")
    assert "Location" not in answer.headers
    assert "Deleting alma-8-8." in page.get("/vms/").content.decode()  # the message is kept for that page


def test_a_refusal_is_answered_with_the_page_again(page: Client, vm: VM):
    answer = page.post(f"{MACHINE}remove/", {"name": "other"}, headers=DIALOG)
    assert answer.status_code == 422
    shown = html.fromstring(answer.content)
    assert shown.xpath("//*[@id='main']//form//*[@role='alert'][@autofocus]")
    assert shown.xpath("//dialog[@id='confirmation']")


def test_without_a_dialog_it_is_a_redirect(page: Client, vm: VM):
    answer = page.post(f"{MACHINE}remove/", {"name": vm.name})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/vms/")
