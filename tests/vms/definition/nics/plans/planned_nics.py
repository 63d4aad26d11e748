"""Desired, stored and running NICs for the tests of plans."""

from dataclasses import replace

from lxml import etree

from networks.definition.spec import BandwidthSpec
from vms.definition.nics.edit import build
from vms.definition.nics.parse import parse
from vms.definition.nics.plan import plan
from vms.definition.nics.spec import FoundNIC, NICSpec
from vms.definition.nics.steps import NICPlan, NICStep, Verb

MAC = "52:54:00:00:00:08"
PCI = "0000:00:02.0"
LIMIT = BandwidthSpec(average=1000)


def nic(kind: str = "network", source: str = "net1", **values) -> NICSpec:
    return NICSpec(kind=kind, source=source, mac=MAC, **values)


def found(document: str) -> FoundNIC:
    return parse(etree.fromstring(document))


def defined(spec: NICSpec, *more: str) -> FoundNIC:
    """Return the NIC as in the stored definition: in a slot, with `more` elements that are not modelled."""
    root = etree.fromstring(build(replace(spec, pci=spec.pci or PCI)))
    root.extend(etree.fromstring(each) for each in more)
    return found(etree.tostring(root, encoding="unicode"))


def running(spec: NICSpec, *more: str, actual: str = "") -> FoundNIC:
    """Return the NIC as in a running guest: with a tap, libvirt's alias, and the `actual` type of its network."""
    root = etree.fromstring(build(replace(spec, pci=spec.pci or PCI)))
    root.extend(etree.fromstring(each) for each in ("<target dev='vnet0'/>", *more))
    if root.find("alias") is None:
        etree.SubElement(root, "alias", name="net0")
    if spec.kind == "network":
        root.find("source").attrib.update({"portid": "ca9e30e4-e423-4b91-94ec-004ba2168389", "bridge": "virbr1"})
    root.set("type", actual or spec.kind)
    return found(etree.tostring(root, encoding="unicode"))


def change(wanted: NICSpec, was: NICSpec | None = None, **how) -> NICPlan:
    """Plan a change of a running NIC that equals its definition."""
    was = was or nic()
    return plan(wanted, running(was), defined(was), True, **how)


def only(found: NICPlan) -> NICStep:
    (step,) = found.steps
    return step


def in_short(found: NICPlan) -> list[tuple[Verb, bool, bool]]:
    return [(step.verb, step.live, step.stored) for step in found.steps]


# Every field: the desired NIC, and how it is applied to a running guest.
CHANGES = {
    "source": (nic(source="net2"), Verb.UPDATE),
    "port_group": (nic(port_group="red"), Verb.REPLUG),
    "model": (nic(model="e1000e"), Verb.REPLUG),
    "mtu": (nic(mtu=9000), Verb.REPLUG),
    "link_up": (nic(link_up=False), Verb.UPDATE),
    "inbound": (nic(inbound=LIMIT), Verb.UPDATE),
    "outbound": (nic(outbound=LIMIT), Verb.UPDATE),
    "vlan": (nic(vlan=42), Verb.REPLUG),
    "isolated": (nic(isolated=True), Verb.UPDATE),
    "trust_rx_filters": (nic(trust_rx_filters=True), Verb.REPLUG),
    "filter": (nic(filter="clean-traffic"), Verb.UPDATE),
    "queues": (nic(queues=4), Verb.REPLUG),
    "boot_order": (nic(boot_order=1), Verb.DEFINE),
    "alias": (nic(alias="ua-first"), Verb.DEFINE),
    "pci": (nic(pci="0000:00:07.0"), Verb.DEFINE),
}
