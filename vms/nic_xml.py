"""NICs of libvirt domains: read, built, and changed in place. Pure: no ORM, no libvirt.

Follows libvirt's formatdomain.html and schemas/domain.rng. An edit touches only what differs: elements and attributes
that are not modelled survive.
"""

import copy
from dataclasses import dataclass

from lxml import etree

from networks.network_xml import PARSER, BandwidthSpec, attribute, number, parse_bandwidth

USER_ALIAS = "ua-"  # so begin the aliases that libvirt lets people choose
# The order in which libvirt itself writes a NIC; a new element is put before the first that comes later.
ORDER = ("mac", "source", "vlan", "virtualport", "bandwidth", "port", "ip", "route", "portForward", "script")
ORDER += ("downscript", "backenddomain", "target", "guest", "model", "driver", "backend", "filterref", "tune", "link")
ORDER += ("mtu", "coalesce", "teaming", "boot", "alias", "rom", "acpi", "address")
# What says where a NIC is attached, by its kind: the attributes of <source> for name, and for what refines it.
SOURCES = {"network": ("network", "port_group"), "bridge": ("bridge", ""), "direct": ("dev", "mode"), "user": ("", "")}
ATTRIBUTES = {"port_group": "portgroup", "mode": "mode"}
SAY_MORE = ("source", "driver")  # elements that stay without the attribute that is taken away
ONLY_USERS = ("ip", "route", "portForward")  # libvirt takes them of user networking alone


@dataclass(frozen=True, kw_only=True)
class NICSpec:
    """A wanted NIC. `kind` is network, bridge, direct (macvtap) or user; `source` the network, bridge or host device.

    An empty model, mode or PCI address is libvirt's choice, and stays what it is; other defaults mean "none".
    `mode` is macvtap's: bridge, vepa, private or passthrough. `vlan` is one tag: a trunk is not modelled.
    """

    kind: str
    source: str = ""
    mode: str = ""
    port_group: str = ""
    mac: str
    model: str = "virtio"
    mtu: int | None = None
    link_up: bool = True
    inbound: BandwidthSpec | None = None
    outbound: BandwidthSpec | None = None
    vlan: int | None = None
    isolated: bool = False
    trust_rx_filters: bool = False
    filter: str = ""
    filter_parameters: tuple[tuple[str, str], ...] = ()
    boot_order: int | None = None
    queues: int | None = None
    alias: str = ""
    pci: str = ""


@dataclass(frozen=True, kw_only=True)
class FoundNIC:
    """A NIC of a domain. `document` is its <interface>; `target` the host's device, there while the domain runs.

    `actual` is the type that libvirt writes: of a running one of a network that is what its mode made of it.
    """

    spec: NICSpec
    target: str = ""
    actual: str = ""
    virtual_port: bool = False
    document: str = ""

    @property
    def kind(self) -> str:
        return self.spec.kind

    @property
    def source(self) -> str:
        return self.spec.source

    @property
    def mac(self) -> str:
        return self.spec.mac

    @property
    def model(self) -> str:
        return self.spec.model

    @property
    def link(self) -> str:
        return "up" if self.spec.link_up else "down"


def parse_domain(document: str) -> tuple[FoundNIC, ...]:
    """The NICs of a domain, in its order."""
    root = etree.fromstring(document.encode(), PARSER)
    return tuple(parse(interface) for interface in root.iterfind("devices/interface"))


def parse(interface: etree._Element) -> FoundNIC:
    """What the portal models of an <interface>."""
    return FoundNIC(
        spec=_spec(interface),
        target=attribute(interface, "target", "dev"),
        actual=interface.get("type", ""),
        virtual_port=interface.find("virtualport") is not None,
        document=_text(interface),
    )


def _spec(interface: etree._Element) -> NICSpec:
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
    """Kind and source. Live, a NIC of a network in bridge or macvtap mode has the type that the mode made of it."""
    kind, source = interface.get("type", ""), interface.find("source")
    if source is None or kind == "user":
        return kind, ""
    if network := source.get("network"):
        return "network", network
    name = SOURCES.get(kind, ("dev",))[0]
    return kind, source.get(name, "")


def _parse_vlan(vlan: etree._Element | None) -> int | None:
    """The tag, if it is one alone; None for a trunk."""
    if vlan is None or vlan.get("trunk") == "yes":
        return None
    tags = vlan.findall("tag")
    return number(tags[0], "id") if len(tags) == 1 and not tags[0].get("nativeMode") else None


def _parse_pci(address: etree._Element | None) -> str:
    if address is None or address.get("type") != "pci":
        return ""
    domain, bus, slot, function = (number(address, name) or 0 for name in ("domain", "bus", "slot", "function"))
    return f"{domain:04x}:{bus:02x}:{slot:02x}.{function:x}"


def build(spec: NICSpec) -> str:
    """A fresh <interface>."""
    interface = etree.Element("interface")
    _write(interface, spec)
    return _text(interface)


def edit(document: str, spec: NICSpec) -> str:
    """The <interface> with the spec's fields written into it in place; what already has its value is not touched."""
    interface = _read(document)
    _write(interface, spec)
    return _text(interface)


def for_update(document: str, spec: NICSpec) -> str:
    """A live <interface> edited, as libvirt takes it back: without what it wrote there of the host's side.

    Address and alias stay, unless the spec has others: libvirt tells NICs by them.
    """
    interface = _read(document)
    _drop(interface.find("target"))
    source = interface.find("source")
    if source is not None and source.get("network"):
        interface.set("type", "network")
        for name in set(source.attrib) - {"network", "portgroup"}:
            del source.attrib[name]
    _write(interface, spec)
    return _text(interface)


def without_address(document: str) -> str:
    """The <interface> without its place in the guest: libvirt chooses one that is free."""
    interface = _read(document)
    _drop(interface.find("address"))
    return _text(interface)


def put(domain: str, interface: str) -> str:
    """A domain's document with the <interface> in place of the one with its MAC, or behind the others."""
    root, new = etree.fromstring(domain.encode(), PARSER), _read(interface)
    devices, mac = root.find("devices"), _spec(new).mac
    there = devices.findall("interface")
    old = next((each for each in there if _spec(each).mac == mac), None)
    if old is not None:
        new.tail = old.tail
        devices.replace(old, new)
    elif there:
        there[-1].addnext(new)
    else:
        devices.append(new)
    return etree.tostring(root, encoding="unicode")


def _read(document: str) -> etree._Element:
    return etree.fromstring(document.encode(), PARSER)


def _text(interface: etree._Element) -> str:
    alone = copy.deepcopy(interface)
    etree.cleanup_namespaces(alone)
    return etree.tostring(alone, encoding="unicode", with_tail=False)


def _write(interface: etree._Element, spec: NICSpec) -> None:
    was = _spec(interface)
    _attach(interface, spec, was)
    for tag, name, value, before in (
        ("mac", "address", spec.mac.lower() or was.mac, was.mac),
        ("model", "type", spec.model or was.model, was.model),
        ("mtu", "size", spec.mtu, was.mtu),
        ("driver", "queues", spec.queues, was.queues),
        ("boot", "order", spec.boot_order, was.boot_order),
        ("alias", "name", spec.alias, was.alias),
        ("link", "state", _unless(spec.link_up, "down"), _unless(was.link_up, "down")),
        ("port", "isolated", _unless(not spec.isolated, "yes"), _unless(not was.isolated, "yes")),
    ):
        if value != before:
            _set(interface, tag, name, value)
    if spec.trust_rx_filters != was.trust_rx_filters:
        interface.attrib.pop("trustGuestRxFilters", None)
        if spec.trust_rx_filters:
            interface.set("trustGuestRxFilters", "yes")
    _write_bandwidth(interface, spec, was)
    if spec.vlan != was.vlan:
        _drop(interface.find("vlan"))
        if spec.vlan is not None:
            etree.SubElement(_child(interface, "vlan"), "tag", id=str(spec.vlan))
    _write_filter(interface, spec, was)
    if spec.pci and spec.pci != was.pci:
        _write_address(_child(interface, "address"), spec.pci)


def _unless(default: bool, value: str) -> str:
    return "" if default else value


def _attach(interface: etree._Element, spec: NICSpec, was: NICSpec) -> None:
    """Change what the NIC is attached to; `was` says what the document has."""
    moved = (spec.kind, spec.source) != (was.kind, was.source)
    if moved:
        interface.set("type", spec.kind)
        if spec.kind != was.kind:
            _leave(interface, spec, was)
    name, refined = SOURCES.get(spec.kind, ("", ""))
    if moved and name:
        source = _child(interface, "source")
        source.attrib.clear()
        source.set(name, spec.source)
    if refined:
        value = getattr(spec, refined) or (was.mode if refined == "mode" else "")
        if moved or value != getattr(was, refined):
            _set(interface, "source", ATTRIBUTES[refined], value)


def _leave(interface: etree._Element, spec: NICSpec, was: NICSpec) -> None:
    """Take away what the new kind cannot have."""
    _drop(interface.find("source"))
    interface.attrib.pop("managed", None)  # a host's PCI device was
    if spec.kind == "user":
        _drop(interface.find("virtualport"))
    if was.kind != "user":
        return
    for tag in ONLY_USERS:
        for each in interface.findall(tag):
            _drop(each)
    if (backend := interface.find("backend")) is not None:
        for name in ("type", "logFile"):
            backend.attrib.pop(name, None)
        _drop_if_empty(backend)


def _write_bandwidth(interface: etree._Element, spec: NICSpec, was: NICSpec) -> None:
    for tag, wanted, before in (("inbound", spec.inbound, was.inbound), ("outbound", spec.outbound, was.outbound)):
        if wanted == before:
            continue
        bandwidth = _child(interface, "bandwidth")
        _drop(bandwidth.find(tag))
        if wanted:
            values = {name: getattr(wanted, name) for name in ("average", "peak", "burst", "floor")}
            new = etree.Element(tag, {name: str(value) for name, value in values.items() if value is not None})
            bandwidth.insert(0 if tag == "inbound" else len(bandwidth), new)
        _drop_if_empty(bandwidth)


def _write_filter(interface: etree._Element, spec: NICSpec, was: NICSpec) -> None:
    if (spec.filter, spec.filter_parameters) == (was.filter, was.filter_parameters):
        return
    _drop(interface.find("filterref"))
    if spec.filter:
        element = _child(interface, "filterref")
        element.set("filter", spec.filter)
        for name, value in spec.filter_parameters:
            etree.SubElement(element, "parameter", name=name, value=value)


def _write_address(address: etree._Element, pci: str) -> None:
    """Change the place, and keep what else a PCI address says."""
    if address.get("type") != "pci":
        address.attrib.clear()
        address[:] = []
        address.set("type", "pci")
    domain, bus, place = pci.split(":")
    slot, function = place.split(".")
    for name, value in (("domain", domain), ("bus", bus), ("slot", slot), ("function", function)):
        address.set(name, f"0x{value}")


def _child(parent: etree._Element, tag: str) -> etree._Element:
    """The child of an <interface>, new where libvirt would write it if there is none."""
    if (found := parent.find(tag)) is not None:
        return found
    new, rank = etree.Element(tag), ORDER.index(tag)
    later = (index for index, each in enumerate(parent) if each.tag in ORDER and ORDER.index(each.tag) > rank)
    parent.insert(next(later, len(parent)), new)
    return new


def _set(parent: etree._Element, tag: str, name: str, value: object) -> None:
    """Set a child's attribute, or take it away, and the child too if that makes it pointless."""
    if value not in (None, ""):
        _child(parent, tag).set(name, str(value))
    elif (found := parent.find(tag)) is not None:
        found.attrib.pop(name, None)
        if tag in SAY_MORE:
            _drop_if_empty(found)
        else:
            _drop(found)


def _drop(element: etree._Element | None) -> None:
    """Remove an element, not the text behind it."""
    if element is None:
        return
    parent, before = element.getparent(), element.getprevious()
    if element.tail and before is not None:
        before.tail = (before.tail or "") + element.tail
    parent.remove(element)
    if not len(parent) and not (parent.text or "").strip():
        parent.text = None


def _drop_if_empty(element: etree._Element) -> None:
    if not len(element) and not element.attrib:
        _drop(element)
