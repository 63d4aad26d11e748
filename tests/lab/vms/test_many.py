"""NICs of six running VMs changed at once: libvirt has them all so, and the one that is refused is told by name."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import libvirt
import pytest
from lab import Lab
from lxml import etree, html

from tests.lab.state import things
from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab

LIVE, STORED = 0, libvirt.VIR_DOMAIN_XML_INACTIVE
NUMBERS = range(41, 47)
NAMES = [f"tiny-{number}" for number in NUMBERS]
REFUSED, OFF = "tiny-46", "tiny-45"


@dataclass(kw_only=True)
class Herd:
    """The VMs, as portal and libvirt have them; `macs` are those of their second NICs."""

    portal: Portal
    host: libvirt.virConnect
    keys: list[int]
    macs: dict[str, str]

    def plan(self, action: str, **fields: str) -> html.HtmlElement:
        """The page that shows what an action does to all of them."""
        values = {"action": action, "asked": "yes", "vm": self.keys, **fields}
        return html.fromstring(self.portal.send("/vms/many/", self.portal.token("/vms/"), **values))

    def say_yes(self, page: html.HtmlElement) -> str:
        """Send the shown plan's form by its button; the page that comes back, or where progress is shown."""
        (form,) = (form for form in page.forms if "token" in form.fields)
        values = {name: form.fields[name] or "" for name in form.fields if name not in ("csrfmiddlewaretoken", "vm")}
        answer = self.portal.send(
            "/vms/many/",
            form.fields["csrfmiddlewaretoken"],
            **values,
            vm=form.xpath("./input[@name='vm']/@value"),
            go="1",
        )
        return html.fromstring(answer)

    def do(self, action: str, **fields: str) -> str:
        """Plan and say yes; the address of the progress."""
        return self.say_yes(self.plan(action, **fields)).xpath("string(//div[@id='many']/@hx-get)")

    def summary(self, path: str) -> str:
        return self.portal.get(path).xpath("normalize-space(//div[@id='many']/div[@role='status']/p)")

    def has(self, name: str, what: str, flags: int = LIVE) -> str:
        """What libvirt says of a VM's second NIC, by XPath; empty without the NIC."""
        root = etree.fromstring(self.host.lookupByName(name).XMLDesc(flags))
        return root.xpath(f"string(//interface[mac/@address='{self.macs[name]}']/{what})")


def texts_by_vm(page: html.HtmlElement) -> dict[str, str]:
    """What the plan says of each VM."""
    rows = page.xpath("//table[@id='many-plan']/tbody/tr")
    return {row.xpath("string(./td[1])"): re.sub(r"\s+", " ", row.xpath("string(./td[2])")).strip() for row in rows}


@pytest.fixture(scope="module")
def herd(portal: Portal, lab: Lab) -> Iterator[Herd]:
    host = libvirt.open(lab.uri)
    before = things(host)
    portal.manage("network", "add", "from", "--dhcp", "-n", "10.241.0.1/24")
    portal.manage("network", "add", "into", "--dhcp", "-n", "10.242.0.1/24")
    more = ("--count", str(len(NUMBERS)), "--memory", "128M", "--nic", "type=network,source=from")
    portal.manage("vm", "run", "tiny", "--id", str(NUMBERS[0]), *more)
    found = portal.ask("[[n.vm.pk, n.vm.name, n.mac] for n in NIC.objects.filter(source='from').order_by('vm__name')]")
    herd = Herd(portal=portal, host=host, keys=[pk for pk, _, _ in found], macs={name: mac for _, name, mac in found})
    assert list(herd.macs) == NAMES
    yield herd
    for name in NAMES:
        portal.manage("vm", "rm", name, "--no-wait")
    wait_for(lambda: not portal.ask("VM.objects.count()"), 90, "they are gone")
    portal.manage("network", "rm", "from")
    portal.manage("network", "rm", "into")
    assert things(host) == before
    host.close()


def test_all_nics_move_together_and_refused_vms_are_named(herd: Herd, lab: Lab):
    change(herd, REFUSED, filter="nowhere")
    wait_for(lambda: herd.portal.ask(f"VM.objects.get(name='{REFUSED}').state") == "failed", 30, "it cannot be so")
    page = herd.plan("move", source="from", to="into")
    for name in NAMES:
        assert texts_by_vm(page)[name].startswith(f"Move NIC {herd.macs[name]} from from to into"), texts_by_vm(page)[
            name
        ]

    lab.virsh("destroy", OFF)
    wait_for(lambda: herd.portal.ask(f"VM.objects.get(name='{OFF}').status.power") == "off", 15, "that is seen")
    page = herd.say_yes(page)
    assert "The plan has changed since the preview" in page.text_content()
    assert {herd.has(name, "source/@network") for name in NAMES} == {"from"}, "nothing was done"
    assert texts_by_vm(page)[OFF] == f"Move NIC {herd.macs[OFF]} from from to into"  # its definition alone

    path = herd.say_yes(page).xpath("string(//div[@id='many']/@hx-get)")
    done = f"5 of 6 done, 1 failed: {REFUSED}."
    wait_for(lambda: herd.summary(path) == done, 60, "all are through")
    for name in NAMES:
        place = "from" if name == REFUSED else "into"
        assert [herd.has(name, "source/@network", flags) for flags in (LIVE, STORED)] == [place, place], name
    rows = {row["VM"]: row for row in herd.portal.table(path)}
    for name in NAMES[:4]:
        assert (rows[name]["State"], rows[name]["NICs"]) == ("running", f"{herd.macs[name]} on into")
    assert (rows[OFF]["State"], rows[OFF]["NICs"]) == ("off", f"{herd.macs[OFF]} on into")
    assert rows[REFUSED]["State"] == "failed running"  # the power state stands beside it
    assert rows[REFUSED]["NICs"] == f"{herd.macs[REFUSED]} on from, expected on into"
    assert herd.macs[REFUSED] in rows[REFUSED]["Reason"]
    assert {row["VM"] for row in herd.portal.table("/networks/lab/into/attached/")} == set(NAMES) - {REFUSED}

    retry = {"action": "retry", "did": "move", "where": "into", "vm": herd.keys}
    herd.portal.send("/vms/many/", herd.portal.token("/vms/"), **retry)
    wait_for(lambda: herd.summary(path) == done, 30, "it fails again, for nothing has changed")
    change(herd, REFUSED, filter="")
    wait_for(lambda: herd.summary(path) == "6 of 6 done.", 30, "now it is moved")
    assert herd.has(REFUSED, "source/@network") == "into"


def change(herd: Herd, name: str, **fields: str) -> None:
    """Change one NIC by its own form."""
    path = f"/vms/lab/{name}/nics/{herd.macs[name]}/edit/"
    (form,) = (form for form in herd.portal.get(path).forms if "link_up" in form.fields)
    values = {**dict(form.form_values()), **fields}
    herd.portal.send(path, values.pop("csrfmiddlewaretoken"), **values)


def test_the_links_of_several_vms_go_down_and_up(herd: Herd):
    for action, state in (("down", "down"), ("up", "")):
        path = herd.do(action, source="into")
        wait_for(lambda path=path: herd.summary(path) == "6 of 6 done.", 60, f"all are {action}")
        for name in NAMES:
            assert [herd.has(name, "link/@state", flags) for flags in (LIVE, STORED)] == [state, state], name
    default = {herd.host.lookupByName(name).XMLDesc(STORED).count("<link state=") for name in NAMES}
    assert default == {0}, "the other NICs were left alone"


def test_each_vm_gets_one_more_nic_with_its_own_mac(herd: Herd):
    path = herd.do("add", network="from", model="virtio")
    wait_for(lambda: "in progress" not in herd.summary(path), 60, "all are through")
    assert herd.summary(path) == "6 of 6 done.", herd.portal.table(path)
    found = []
    for name in NAMES:
        for flags in (LIVE, STORED):
            root = etree.fromstring(herd.host.lookupByName(name).XMLDesc(flags))
            (mac,) = root.xpath("//interface[source/@network='from']/mac/@address")
            found.append(mac)
    assert len(set(found)) == len(NAMES)
    listed = herd.portal.manage("network", "list-attached", "from").splitlines()[1:]
    assert {tuple(line.split()[:2]) for line in listed} == set(zip(NAMES, found[::2], strict=True))
