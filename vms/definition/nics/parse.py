"""Read the NICs of libvirt domains, after libvirt's formatdomain.html and schemas/domain.rng. Pure."""

import copy
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace

from lxml import etree

from networks.definition.document.parse import PARSER, attribute, number, parse_bandwidth
from virterweb.messages import Message

from .spec import AT, SOURCES, USER_ALIAS, FoundNIC, NICSpec, SharedMAC


def parse_domain(document: str) -> tuple[FoundNIC, ...]:
    """Return the NICs of a domain, in order; none for an empty document."""
    return parse_all(etree.fromstring(document.encode(), PARSER)) if document else ()


def parse_all(domain: etree._Element) -> tuple[FoundNIC, ...]:
    """Return the NICs of a <domain>; those that share a MAC are distinguished by their place."""
    interfaces = domain.findall("devices/interface")
    nics = [parse(interface) for interface in interfaces]
    count = Counter(nic.mac for nic in nics)
    shared = defaultdict(list)
    for index, nic in enumerate(nics):
        if count[nic.mac] > 1:
            shared[nic.mac].append(index)
    for indexes in shared.values():
        places = [_place(interfaces[index]) for index in indexes]
        if not all(places) or len(set(places)) < len(places):
            places = [str(index + 1) for index in indexes]
        for index, place in zip(indexes, places, strict=True):
            nics[index] = replace(nics[index], place=place)
    return tuple(nics)


def find(nics: Iterable[FoundNIC], key: str) -> FoundNIC | None:
    """Return the NIC of that key; SharedMAC if there are several, or if libvirt could mistake it for another."""
    mac, _, place = key.partition(AT)
    same = [nic for nic in nics if nic.mac == mac]
    if place:
        same = [nic for nic in same if (nic.place or _place_of(nic)) == place]
    if len(same) > 1 or any(nic.place.isdecimal() for nic in same):
        raise SharedMAC(Message("nic.shared_mac", mac=mac))
    return same[0] if same else None


def _place_of(nic: FoundNIC) -> str:
    return _place(read_document(nic.document)) if nic.document else ""


def _place(interface: etree._Element) -> str:
    """Return the address in the guest, or else a user-chosen alias; libvirt identifies NICs by both."""
    address = interface.find("address")
    if pci := _parse_pci(address):
        return pci
    if address is not None and address.get("type"):
        return "-".join([address.get("type"), *(value for name, value in sorted(address.items()) if name != "type")])
    alias = attribute(interface, "alias", "name")
    return alias if alias.startswith(USER_ALIAS) else ""


def parse(interface: etree._Element) -> FoundNIC:
    """Return what the portal models of an <interface>."""
    return FoundNIC(
        spec=spec_of(interface),
        target=attribute(interface, "target", "dev"),
        actual=interface.get("type", ""),
        virtual_port=interface.find("virtualport") is not None,
        document=document_of(interface),
    )


def spec_of(interface: etree._Element) -> NICSpec:
    kind, source = _attached(interface)
    alias = attribute(interface, "alias", "name")
    return NICSpec(
        kind=kind,
        source=source,
        mode=attribute(interface, "source", "mode") if kind == "direct" else "",
        port_group=attribute(interface, "source", "portgroup") if kind == "network" else "",
        mac=attribute(interface, "mac", "address").lower(),
        model=attribute(interface, "model", "type"),
        mtu=number(interface.find("mtu"), "size"),
        link_up=attribute(interface, "link", "state") != "down",
        inbound=parse_bandwidth(interface.find("bandwidth/inbound")),
        outbound=parse_bandwidth(interface.find("bandwidth/outbound")),
        vlan=_parse_vlan(interface.find("vlan")),
        isolated=attribute(interface, "port", "isolated") == "yes",
        trust_rx_filters=interface.get("trustGuestRxFilters") == "yes",
        filter=attribute(interface, "filterref", "filter"),
        filter_parameters=tuple(
            (each.get("name", ""), each.get("value", "")) for each in interface.iterfind("filterref/parameter")
        ),
        boot_order=number(interface.find("boot"), "order"),
        queues=number(interface.find("driver"), "queues"),
        alias=alias if alias.startswith(USER_ALIAS) else "",
        pci=_parse_pci(interface.find("address")),
    )


def _attached(interface: etree._Element) -> tuple[str, str]:
    """Return kind and source. Live, libvirt shows the type that a network's bridge or macvtap mode results in."""
    kind, source = interface.get("type", ""), interface.find("source")
    if kind == "ethernet":
        return kind, attribute(interface, "target", "dev")
    if source is None or kind == "user":
        return kind, ""
    if network := source.get("network"):
        return "network", network
    if kind in SOURCES:
        return kind, source.get(SOURCES[kind][0], "")
    port = f"{source.get('address', '')}:{source.get('port')}" if source.get("port") else ""
    names = (source.get(name) for name in ("dev", "path", "name", "portgroupid"))
    return kind, port or _parse_pci(source.find("address")) or next(filter(None, names), "")


def _parse_vlan(vlan: etree._Element | None) -> int | None:
    """Return the tag if there is only one; None for a trunk."""
    if vlan is None or vlan.get("trunk") == "yes":
        return None
    tags = vlan.findall("tag")
    return number(tags[0], "id") if len(tags) == 1 and not tags[0].get("nativeMode") else None


def _parse_pci(address: etree._Element | None) -> str:
    if address is None or address.get("type") != "pci":
        return ""
    domain, bus, slot, function = (number(address, name) or 0 for name in ("domain", "bus", "slot", "function"))
    return f"{domain:04x}:{bus:02x}:{slot:02x}.{function:x}"


def read_document(document: str) -> etree._Element:
    return etree.fromstring(document.encode(), PARSER)


def document_of(interface: etree._Element) -> str:
    alone = copy.deepcopy(interface)
    etree.cleanup_namespaces(alone)
    return etree.tostring(alone, encoding="unicode", with_tail=False)
