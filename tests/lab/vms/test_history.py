"""The history of a VM in libvirt: restoring a version gives libvirt the document that it had."""

from collections.abc import Iterator

import libvirt
import pytest
from lxml import etree

from tests.lab.state import things
from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab

VM = "/vms/lab/tiny-23/"
ROW = "VM.objects.get(name='tiny-23')"


@pytest.fixture
def domain(portal: Portal, host: libvirt.virConnect) -> Iterator[libvirt.virDomain]:
    before = things(host)
    for name, number in (("red", 251), ("blue", 252)):
        portal.manage("network", "add", name, "--dhcp", "-n", f"10.{number}.0.1/24")
    portal.manage("vm", "run", "tiny", "--id", "23", "--memory", "128M")
    yield host.lookupByName("tiny-23")
    portal.manage("vm", "rm", "tiny-23")
    for name in ("red", "blue"):
        portal.manage("network", "rm", name)
    assert things(host) == before


def documents(domain: libvirt.virDomain) -> list[str]:
    """Return the running and the stored definition of a VM, without port IDs, which libvirt chooses each time."""
    found = []
    for flags in (0, libvirt.VIR_DOMAIN_XML_INACTIVE):
        root = etree.fromstring(domain.XMLDesc(flags))
        for source in root.iterfind("devices/interface/source"):
            source.attrib.pop("portid", None)
        found.append(etree.tostring(root, encoding="unicode"))
    return found


def restore(portal: Portal, event: str) -> None:
    """Restore the latest version with this event as its page offers it, and wait for the worker."""
    key = portal.ask(f"{ROW}.revisions.filter(event={event!r}).first().pk")
    path = f"{VM}history/{key}/"
    (form,) = (form for form in portal.get(path).forms if "token" in form.fields)
    values = dict(form.form_values())
    portal.send(path, values.pop("csrfmiddlewaretoken"), **values)
    wait_for(lambda: portal.ask(f"{ROW}.state") != "pending", 90, "the version is restored")


def test_libvirt_has_the_document_of_the_version_that_is_restored(portal: Portal, domain: libvirt.virDomain):
    mac = portal.manage("vm", "nic", "add", "tiny-23", "type=network,source=red").strip()
    there = documents(domain)
    assert mac in there[0]
    portal.manage("vm", "nic", "change", "tiny-23", mac, "--network", "blue", "--link-up", "no")
    assert documents(domain) != there
    restore(portal, "nic added")
    assert documents(domain) == there
    results = portal.ask(f"[(one.what[:8], one.result) for one in {ROW}.revisions.all()]")
    assert [tuple(each) for each in results] == [
        ("restored", "done"),
        (f"NIC {mac}"[:8], "done"),
        (f"NIC {mac}"[:8], "done"),
        ("run from", "done"),
    ]
    assert portal.ask(f"({ROW}.state, {ROW}.status.drift)") == ["ready", ""]


def test_a_removed_nic_comes_back_and_memory_is_what_it_was(portal: Portal, domain: libvirt.virDomain):
    mac = portal.manage("vm", "nic", "add", "tiny-23", "type=network,source=red").strip()
    # The guest lets go of the card once it has booted.
    wait_for(lambda: portal.table("/networks/lab/default/attached/")[0].get("IP"), 90, "the guest has booted")
    there = documents(domain)[1]
    portal.manage("vm", "nic", "rm", "tiny-23", mac)
    portal.ask(f"{ROW}.resize(256, 2)")
    wait_for(lambda: portal.ask(f"{ROW}.state") == "ready", 60, "the size is stored")
    assert mac not in documents(domain)[1]
    restore(portal, "nic added")
    assert documents(domain)[1] == there
