"""The XML of a real guest is edited, and guests start with UEFI and secure boot."""

import libvirt
import pytest
from lab import Lab
from lxml import etree, html

from tests.lab.state import things
from tests.lab.vms.test_power import answer
from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab

PATH = "/vms/lab/tiny-74/definition/"
WATCHDOG = "<watchdog model='i6300esb' action='none'/>"


def stored(domain: libvirt.virDomain) -> etree._Element:
    return etree.fromstring(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))


def edit(portal: Portal, old: str, new: str) -> html.HtmlElement:
    """Replace a part of the document on its page, look at the preview, save it, and return the preview."""
    (document,) = portal.get(PATH).xpath("//textarea[@name='document']/text()")
    assert old in document
    changed = {"document": document.strip().replace(old, new, 1)}
    preview = portal.post(PATH, **changed)
    hidden = {each.get("name"): each.get("value") for each in preview.xpath("//main//input[@type='hidden']")}
    portal.post(PATH, **changed, base=hidden["base"], token=hidden["token"])
    return preview


def test_the_document_of_a_running_guest_is_edited_and_valid_at_its_next_boot(portal: Portal, host: libvirt.virConnect):
    before = things(host)
    portal.manage("vm", "run", "tiny", "--id", "74", "--memory", "128M")
    domain = host.lookupByName("tiny-74")
    wait_for(lambda: answer(domain, "echo here") == "here", 90, "a shell in the guest")
    running = domain.XMLDesc()
    preview = edit(portal, ">131072<", ">163840<")
    assert "next boot" in preview.text_content()
    wait_for(lambda: stored(domain).findtext("memory") == "163840", 30, "the stored definition")
    edit(portal, "</devices>", f"{WATCHDOG}</devices>")
    wait_for(lambda: stored(domain).find("devices/watchdog") is not None, 30, "a device that the portal does not model")
    assert domain.XMLDesc() == running, "the guest keeps running as it was"

    edit(portal, '<target dev="vda"', '<target dev="vda" rotation_rate="7200"')
    failed = "VM.objects.filter(status__error__gt='').exists()"
    wait_for(lambda: portal.ask(failed), 30, "what libvirt refuses is said")
    assert not stored(domain).xpath("//target/@rotation_rate")
    portal.manage("vm", "stop", "tiny-74", "--force")
    portal.manage("vm", "start", "tiny-74")
    wait_for(lambda: answer(domain, "echo here") == "here", 90, "the guest boots with it")
    assert etree.fromstring(domain.XMLDesc()).find("devices/watchdog") is not None
    portal.manage("vm", "rm", "tiny-74")
    assert things(host) == before


def test_a_guest_starts_with_secure_boot_and_leaves_no_variables_behind(
    portal: Portal, host: libvirt.virConnect, lab: Lab
):
    before = things(host)
    portal.manage("vm", "run", "tiny", "--id", "75", "--memory", "256M", "--secure-boot")
    domain = host.lookupByName("tiny-75")
    assert domain.isActive()
    system = etree.fromstring(domain.XMLDesc()).find("os")
    assert system.find("loader").get("secure") == "yes"
    variables = system.findtext("nvram")
    assert lab.run("stat", "-c", "%s", variables).strip() != "0"
    portal.manage("vm", "rm", "tiny-75")
    assert "gone" in lab.run("sh", "-c", f"test -e {variables} || echo gone")
    assert things(host) == before
