"""Compare libvirt with the model: nothing is lost, duplicated or incomplete."""

import json
import re

import libvirt
from lab import Lab
from lxml import etree

from tests.lab.state import things as content

from .model import Model, NetworkModel, VMModel

STORED = libvirt.VIR_NETWORK_XML_INACTIVE

UNSETTLED = """[
    f"{w._meta.verbose_name} {w.name}: {w.state.value} {w.status.error or w.status.progress} {w.status.drift}"
    for m in (Network, VM, Image) for w in m.objects.all() if w.state not in ("ready", "unmanaged")
] + [
    f"{s._meta.verbose_name} of {s.desired}: claimed by {s.claimed_by}"
    for m in (NetworkStatus, VMStatus, ImageStatus) for s in m.objects.exclude(claimed_until=None)
]"""

HISTORIES = """[
    [str(r.desired), r.generation, r.event, r.result, str(r.error)]
    for m in (NetworkRevision, VMRevision) for r in m.objects.order_by("pk")
]"""


def network_of(host: libvirt.virConnect, name: str) -> tuple[str, str, frozenset, bool]:
    """Return block, domain, reservations, and whether it is active and starts with the host."""
    network = host.networkLookupByName(name)
    stored, live = (etree.fromstring(network.XMLDesc(flags)) for flags in (STORED, 0))
    reserved = {frozenset((h.get("mac"), h.get("ip")) for h in each.iter("host")) for each in (stored, live)}
    assert len(reserved) == 1, f"{name} has other reservations stored than live: {reserved}"
    prefix = stored.xpath("string(ip/@prefix)") or {"255.255.255.0": "24"}[stored.xpath("string(ip/@netmask)")]
    block = f"{stored.xpath('string(ip/@address)')}/{prefix}"
    on = bool(network.isActive() and network.autostart() and network.isPersistent())
    return block, stored.xpath("string(domain/@name)"), reserved.pop(), on


def vm_of(host: libvirt.virConnect, name: str) -> tuple[bool, frozenset]:
    """Return whether it runs, and MAC, network and link of its NICs."""
    domain = host.lookupByName(name)
    nics = [
        frozenset(
            (
                nic.xpath("string(mac/@address)"),
                nic.xpath("string(source/@network)"),
                not nic.xpath("link[@state='down']"),
            )
            for nic in etree.fromstring(domain.XMLDesc(flags)).iter("interface")
        )
        for flags in (0, libvirt.VIR_DOMAIN_XML_INACTIVE)
    ]
    assert nics[0] == nics[1], f"{name} has other NICs live than stored: {nics}"
    return bool(domain.isActive()), nics[0]


def _nic(nic: etree._Element) -> tuple[str, str, bool]:
    return nic.xpath("string(mac/@address)"), nic.xpath("string(source/@network)"), not nic.xpath("link[@state='down']")


def compare(model: Model, host: libvirt.virConnect, before: dict[str, list[str]]) -> None:
    """Compare all that libvirt has with the model and with what there was before."""
    networks = {name: thing for name, thing in model.things.items() if isinstance(thing, NetworkModel)}
    vms = {name: thing for name, thing in model.things.items() if isinstance(thing, VMModel)}
    volumes = [f"virter:work:{name}{part}" for name in vms for part in ("", "-cidata", "-console")]
    now = content(host)
    assert now["networks"] == sorted([*before["networks"], *networks])
    assert now["domains"] == sorted([*before["domains"], *vms])
    assert now["volumes"] == sorted([*before["volumes"], *volumes])
    for name, thing in networks.items():
        found = network_of(host, name)
        assert found == (thing.block, thing.domain, thing.hosts, True), f"{name} is {found}, not {thing}"
    for name, thing in vms.items():
        found = vm_of(host, name)
        assert found == (thing.running, thing.nics), f"{name} is {found}, not {thing}"
    reserved = [f"52:54:00:00:00:{vm.number:02x} 192.168.122.{vm.number}" for vm in vms.values()]
    assert sorted(now["DHCP reservations"]) == sorted([*before["DHCP reservations"], *reserved])


def check_host(lab: Lab, host: libvirt.virConnect) -> set[str]:
    """Check that each active network has its bridge and dnsmasq; return the bridges that no network has.

    libvirt leaves those behind if it is killed while it starts or stops a network; it neither shows nor removes them.
    """
    documents = [etree.fromstring(each.XMLDesc()) for each in host.listAllNetworks() if each.isActive()]
    bridges = {document.xpath("string(bridge/@name)") for document in documents}
    links = json.loads(lab.run("ip", "-j", "link", "show", "type", "bridge") or "[]")
    found = {link["ifname"] for link in links if link["ifname"].startswith("virbr")}
    assert bridges <= found, f"networks without their bridge: {bridges - found}"
    running = lab.run("sh", "-c", "pgrep -a dnsmasq || true")
    served = set(re.findall(r"/([^/\s]+)\.conf", running))
    serving = {document.findtext("name") for document in documents if document.xpath("ip/dhcp")}
    assert serving <= served, f"networks without their dnsmasq: {serving - served}"
    return found - bridges
