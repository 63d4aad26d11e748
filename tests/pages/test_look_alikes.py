"""A name that may be taken for another is marked wherever it is shown: of networks, VMs, images and hypervisors."""

import pytest
from django.utils import timezone
from lxml import html

from networks.definition.events import Event
from networks.models import Network
from tests.support.making import make_host, make_hypervisor, make_image, make_lease, make_network, make_running, make_vm
from virterweb.messages import Message
from vms.models import VM

NETWORK, OTHER_NETWORK, VM_NAME, HOST, IMAGE = "nеt1", "net1", "wеb", "lаb", "imаge"  # with Cyrillic letters
MAC = "52:54:00:00:00:08"
MARKS = {NETWORK: "looks like net1", OTHER_NETWORK: f"looks like {NETWORK}"}
MARKS |= dict.fromkeys((VM_NAME, HOST, IMAGE), "mixes scripts")
# Where a name stands in a text of its own, or behind "on": not in what is typed, chosen or pressed.
QUIET = {"option", "pre", "textarea", "script", "title", "button", "code", "style", "small", "label"}
ONE_NETWORK, ONE_VM = f"/networks/{HOST}/{NETWORK}/", f"/vms/{HOST}/{VM_NAME}/"
PAGES = [
    *("/", "/activity/", "/problems/", "/hypervisors/", "/networks/", "/vms/", "/images/", "/trouble/"),
    *("/attached/", "/attached/?group=vm"),
    *(f"/search/?q={text}" for text in (NETWORK, VM_NAME, "10.1.0.7", "10.1.0.99", MAC)),
    *(ONE_NETWORK + rest for rest in ("", "attached/", "attached/?group=vm", "leases/", "addresses/", "hosts/")),
    *(ONE_NETWORK + rest for rest in ("names/", "history/", "copies/", "xml/", "edit/", "remove/", "problems/")),
    *(ONE_NETWORK + rest for rest in ("plan/", "hosts/add/", "hosts/paste/", "hosts/10.1.0.9/edit/")),
    *(ONE_VM + rest for rest in ("", "definition/", "guest/", "console/", "copies/", "remove/", "size/", "force-off/")),
    *(ONE_VM + rest for rest in ("history/", "nics/add/", f"nics/{MAC}/edit/", f"nics/{MAC}/remove/", "problems/")),
]


@pytest.fixture
def lab(db, enqueued):
    lab = make_hypervisor(HOST, access_network=NETWORK)
    lab.status.error, lab.status.unreachable_since = Message.external("no answer"), timezone.now()
    lab.status.save()
    network = make_network(lab, NETWORK, "10.1.0.1/24")
    found = {"present": True, "active": True, "document": network.full_document, "ip_range": "10.1.0.1/24"}
    network.status.write(generation=1, made_at=timezone.now(), error=Message.external("it has failed"), **found)
    network.note(Event.ADDED, None, result="done")
    make_network(lab, OTHER_NETWORK, "10.2.0.1/24")
    make_host(network, "52:54:00:00:00:09", "10.1.0.9")
    make_lease(network, MAC, "10.1.0.7", "web")
    image = make_image(lab, IMAGE, volume="disk")
    vm = make_vm(lab, VM_NAME, 8, image=image)
    make_running(vm, (NETWORK, MAC, "vnet0"))
    vm.status.write(generation=vm.generation, document="<domain type='qemu'><name>x</name><devices/></domain>")
    return lab


def unmarked(page: html.HtmlElement) -> list[str]:
    """Return the names on a page without a mark."""
    found = []
    for text in page.xpath("//main//text()"):
        element = text.getparent() if text.is_text else text.getparent().getparent()
        words = text.strip().removeprefix("on ").rstrip(",")
        if words not in MARKS or element.tag in QUIET or {"button", "mono"} & set((element.get("class") or "").split()):
            continue
        cell = element
        while cell.tag not in ("td", "th", "li", "header", "p", "dd", "div"):
            cell = cell.getparent()
        if MARKS[words] not in [mark.text for mark in cell.iterfind(".//span[@class='tag']")]:
            found.append(f"{words} in {element.tag}, {html.tostring(cell, encoding='unicode')[:300]}")
    return found


@pytest.mark.parametrize("path", PAGES)
def test_names_are_marked_on_every_page_that_shows_them(page, lab, path):
    answer = page.get(path, follow=True)
    assert answer.status_code == 200
    document = html.fromstring(answer.content.decode())
    assert any(name in document.text_content() for name in MARKS)
    assert unmarked(document) == []


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("/networks/bulk/", {"action": "stop"}),
        ("/vms/many/", {"action": "down", "asked": "yes"}),
    ],
)
def test_names_are_marked_on_pages_of_bulk_changes(page, lab, path, data):
    data |= {"network": [lab.networks.get(name=NETWORK).pk]} if "bulk" in path else {"vm": [VM.objects.get().pk]}
    answer = page.post(path, data)
    assert answer.status_code == 200
    document = html.fromstring(answer.content.decode())
    assert VM_NAME in document.text_content() or NETWORK in document.text_content()
    assert unmarked(document) == []


def test_networks_to_be_chosen_are_marked(page, lab):
    for path in (f"{ONE_VM}nics/add/", f"/vms/run/?network={OTHER_NETWORK}"):
        shown = page.get(path).content.decode()
        assert f"{NETWORK} (looks like {OTHER_NETWORK})" in shown, path


def test_names_are_read_once_for_a_page(page, lab, django_assert_max_num_queries):
    with django_assert_max_num_queries(13) as queries:
        page.get("/attached/")
    assert len([each for each in queries if '"skeleton" IN' in each["sql"]]) == 1


def test_a_renamed_object_loses_its_mark(page, lab):
    assert f"looks like {OTHER_NETWORK}" in page.get("/networks/").content.decode()
    Network.objects.filter(name=OTHER_NETWORK).update(name="backbone")
    shown = page.get("/networks/").content.decode()
    assert "looks like" not in shown
    assert "mixes scripts" in shown


def test_placeholders_of_marks_are_on_no_page(page, lab):
    assert "<!--look-alike" not in page.get("/networks/").content.decode()
