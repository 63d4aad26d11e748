"""Build the <interface> of a NIC, and change one in place. Pure: no ORM, no libvirt.

An edit touches only what differs: elements and attributes that are not modelled survive.
"""

from collections.abc import Mapping

from lxml import etree

from networks.definition.document.parse import PARSER, attribute
from networks.definition.document.tree import remove, remove_if_empty

from .parse import document_of, find, parse_all, parse_domain, read_document, spec_of
from .spec import BRIDGED, SOURCES, NICSpec

# The order in which libvirt itself writes a NIC; a new element is put before the first that comes later.
ORDER = ("mac", "source", "vlan", "virtualport", "bandwidth", "port", "ip", "route", "portForward", "script")
ORDER += ("downscript", "backenddomain", "target", "guest", "model", "driver", "backend", "filterref", "tune", "link")
ORDER += ("mtu", "coalesce", "teaming", "boot", "alias", "rom", "acpi", "address")


ATTRIBUTES = {"port_group": "portgroup", "mode": "mode"}


SAY_MORE = ("source", "driver")  # elements that are kept when an attribute is removed


ONLY_USERS = ("ip", "route", "portForward")  # libvirt accepts them only for user networking


# Elements that depend on the network of a NIC: they are removed when the NIC moves.
LEFT_BEHIND = ("virtualport", "script", "downscript", "backenddomain")


def build(spec: NICSpec) -> str:
    """Return a new <interface>; one of a kind that is not modelled lacks what it is attached to."""
    interface = etree.Element("interface")
    _write(interface, spec)
    return document_of(interface)


def edit(document: str, spec: NICSpec) -> str:
    """Return the <interface> with the specification's fields set in place; unchanged values are not touched."""
    interface = read_document(document)
    _write(interface, spec)
    return document_of(interface)


def for_update(document: str, spec: NICSpec) -> str:
    """Return a live <interface> with the fields set, without what libvirt added for the host's side.

    Address and alias are kept unless the specification has others: libvirt identifies NICs by them.
    """
    interface = read_document(document)
    if interface.get("type") != "ethernet":  # there the target is what the NIC is attached to
        remove(interface.find("target"))
    source = interface.find("source")
    if source is not None and source.get("network"):
        interface.set("type", "network")
        for name in set(source.attrib) - {"network", "portgroup"}:
            del source.attrib[name]
    _write(interface, spec)
    return document_of(interface)


def without_address(document: str) -> str:
    """Return the <interface> without its address in the guest, so that libvirt chooses a free one."""
    interface = read_document(document)
    remove(interface.find("address"))
    return document_of(interface)


def put(domain: str, interface: str, key: str = "") -> str:
    """Return a domain's document with the <interface> in place of the one with that key, or after the others.

    The key is the MAC unless given. SharedMAC if another NIC could be replaced by that.
    """
    root, new = etree.fromstring(domain.encode(), PARSER), read_document(interface)
    devices, nics = root.find("devices"), parse_all(root)
    there = devices.findall("interface")
    found = find(nics, key or spec_of(new).mac)
    if found is not None:
        old = there[nics.index(found)]
        new.tail = old.tail
        devices.replace(old, new)
    else:
        _append(devices, new)
    return etree.tostring(root, encoding="unicode")


def put_all(domain: str, nics: Mapping[str, NICSpec]) -> str:
    """Return a domain's document with exactly these NICs, by key; SharedMAC if one could be mistaken for another."""
    for found in parse_domain(domain):
        if found.key not in nics:
            domain = take(domain, found.key)
    root = etree.fromstring(domain.encode(), PARSER)
    there, known = root.findall("devices/interface"), parse_all(root)
    for key, spec in nics.items():
        if found := find(known, key):
            index = known.index(found)
            new, old = read_document(edit(found.document, spec)), there[index]
            new.tail, there[index] = old.tail, new
            old.getparent().replace(old, new)
        else:
            _append(root.find("devices"), read_document(build(spec)))
            there, known = root.findall("devices/interface"), parse_all(root)
    return etree.tostring(root, encoding="unicode")


def _append(devices: etree._Element, interface: etree._Element) -> None:
    """Add an <interface> after the others."""
    there = devices.findall("interface")
    if there:
        there[-1].addnext(interface)
    else:
        devices.append(interface)


def take(domain: str, key: str) -> str:
    """Return a domain's document without the NIC of that key; SharedMAC if several NICs match."""
    root = etree.fromstring(domain.encode(), PARSER)
    nics = parse_all(root)
    if (found := find(nics, key)) is not None:
        remove(root.findall("devices/interface")[nics.index(found)])
    return etree.tostring(root, encoding="unicode")


def put_missing(stored: str, running: str) -> str:
    """Return the stored document of a domain with the NICs that only its running document has."""
    kept = parse_all(etree.fromstring(stored.encode(), PARSER))
    macs, slots = {nic.mac for nic in kept}, {nic.spec.pci for nic in kept}
    for nic in parse_all(etree.fromstring(running.encode(), PARSER)):
        if nic.mac not in macs:
            interface = for_update(nic.document, nic.spec)
            stored = put(stored, without_address(interface) if nic.spec.pci in slots else interface)
    return stored


def _write(interface: etree._Element, spec: NICSpec) -> None:
    was = spec_of(interface)
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
        remove(interface.find("vlan"))
        if spec.vlan is not None:
            etree.SubElement(_child(interface, "vlan"), "tag", id=str(spec.vlan))
    _write_filter(interface, spec, was)
    if spec.pci and spec.pci != was.pci:
        _write_address(_child(interface, "address"), spec.pci)


def _unless(default: bool, value: str) -> str:
    return "" if default else value


def _attach(interface: etree._Element, spec: NICSpec, was: NICSpec) -> None:
    """Change what the NIC is attached to; `was` is the current specification."""
    moved = (spec.kind, spec.source) != (was.kind, was.source)
    if moved:
        interface.set("type", spec.kind)
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
    """Remove settings that belong to the previous place, and those that the new kind does not support."""
    gone = [*LEFT_BEHIND]
    if was.vlan is None:  # nothing, or a trunk, which is not modelled
        gone.append("vlan")
    if spec.kind not in BRIDGED:
        gone.append("coalesce")
    if attribute(interface, "teaming", "type") == "transient":  # libvirt accepts it only for a host device
        gone.append("teaming")
    if spec.kind != was.kind:
        gone += ["source", *ONLY_USERS]
        interface.attrib.pop("managed", None)  # an attribute of host PCI devices
        if spec.kind not in BRIDGED or was.kind not in BRIDGED:
            gone.append("target")
        _leave_backend(interface, was.kind)
    for tag in gone:
        for each in interface.findall(tag):
            remove(each)


def _leave_backend(interface: etree._Element, kind: str) -> None:
    """Remove the driver settings that only this kind of NIC has."""
    names = {"user": ("backend", ("type", "logFile")), "hostdev": ("driver", ("name",))}
    tag, attributes = names.get(kind, ("", ()))
    if tag and (found := interface.find(tag)) is not None:
        for name in attributes:
            found.attrib.pop(name, None)
        remove_if_empty(found)


def _write_bandwidth(interface: etree._Element, spec: NICSpec, was: NICSpec) -> None:
    for tag, wanted, before in (("inbound", spec.inbound, was.inbound), ("outbound", spec.outbound, was.outbound)):
        if wanted == before:
            continue
        bandwidth = _child(interface, "bandwidth")
        remove(bandwidth.find(tag))
        if wanted:
            values = {name: getattr(wanted, name) for name in ("average", "peak", "burst", "floor")}
            new = etree.Element(tag, {name: str(value) for name, value in values.items() if value is not None})
            bandwidth.insert(0 if tag == "inbound" else len(bandwidth), new)
        remove_if_empty(bandwidth)


def _write_filter(interface: etree._Element, spec: NICSpec, was: NICSpec) -> None:
    if (spec.filter, spec.filter_parameters) == (was.filter, was.filter_parameters):
        return
    remove(interface.find("filterref"))
    if spec.filter:
        element = _child(interface, "filterref")
        element.set("filter", spec.filter)
        for name, value in spec.filter_parameters:
            etree.SubElement(element, "parameter", name=name, value=value)


def _write_address(address: etree._Element, pci: str) -> None:
    """Change the PCI address, and keep its other attributes."""
    if address.get("type") != "pci":
        address.attrib.clear()
        address[:] = []
        address.set("type", "pci")
    domain, bus, place = pci.split(":")
    slot, function = place.split(".")
    for name, value in (("domain", domain), ("bus", bus), ("slot", slot), ("function", function)):
        address.set(name, f"0x{value}")


def _child(parent: etree._Element, tag: str) -> etree._Element:
    """Return a child of an <interface>; a missing one is created where libvirt would write it."""
    if (found := parent.find(tag)) is not None:
        return found
    new, rank = etree.Element(tag), ORDER.index(tag)
    later = (index for index, each in enumerate(parent) if each.tag in ORDER and ORDER.index(each.tag) > rank)
    parent.insert(next(later, len(parent)), new)
    return new


def _set(parent: etree._Element, tag: str, name: str, value: object) -> None:
    """Set or remove a child's attribute; an element that becomes empty is removed as well."""
    if value not in (None, ""):
        _child(parent, tag).set(name, str(value))
    elif (found := parent.find(tag)) is not None:
        found.attrib.pop(name, None)
        if tag in SAY_MORE:
            remove_if_empty(found)
        else:
            remove(found)
