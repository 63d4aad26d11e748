"""New elements of a network's document, as libvirt writes them. Pure."""

from lxml import etree

from networks.definition.document.parse import parse_bandwidth
from networks.definition.document.tree import child_element, given_attributes, remove, remove_if_empty
from networks.definition.spec import (
    LEASE_UNITS,
    BandwidthSpec,
    DNSHostSpec,
    ForwarderSpec,
    HostSpec,
    PortGroupSpec,
    RangeSpec,
    RouteSpec,
)


def edit_bandwidth(parent: etree._Element, inbound: BandwidthSpec | None, outbound: BandwidthSpec | None) -> None:
    bandwidth = child_element(parent, "bandwidth")
    for tag, spec in (("outbound", outbound), ("inbound", inbound)):
        if spec == parse_bandwidth(bandwidth.find(tag)):
            continue
        remove(bandwidth.find(tag))
        if spec:
            values = {name: getattr(spec, name) for name in ("average", "peak", "burst", "floor")}
            bandwidth.insert(0 if tag == "inbound" else len(bandwidth), etree.Element(tag, given_attributes(**values)))
    remove_if_empty(bandwidth)


def host_element(host: HostSpec) -> etree._Element:
    element = etree.Element("host", given_attributes(mac=host.mac, id=host.duid, name=host.name, ip=host.ip))
    _add_lease(element, host.lease)
    return element


def range_element(spec: RangeSpec) -> etree._Element:
    element = etree.Element("range", start=spec.start, end=spec.end)
    _add_lease(element, spec.lease)
    return element


def _add_lease(parent: etree._Element, seconds: int | None) -> None:
    if seconds is None:
        return
    unit = next(unit for unit in ("hours", "minutes", "seconds") if seconds % LEASE_UNITS[unit] == 0)
    etree.SubElement(parent, "lease", expiry=str(seconds // LEASE_UNITS[unit]), unit=unit)


def forwarder_element(spec: ForwarderSpec) -> etree._Element:
    return etree.Element("forwarder", given_attributes(domain=spec.domain, addr=spec.address))


def dns_host_element(spec: DNSHostSpec) -> etree._Element:
    element = etree.Element("host", ip=spec.ip)
    for name in spec.names:
        etree.SubElement(element, "hostname").text = name
    return element


def route_element(spec: RouteSpec) -> etree._Element:
    address, _, prefix = spec.destination.partition("/")
    family = "ipv6" if ":" in address else None
    return etree.Element(
        "route",
        given_attributes(family=family, address=address, prefix=prefix, gateway=spec.gateway, metric=spec.metric),
    )


def port_group_element(spec: PortGroupSpec) -> etree._Element:
    group = etree.Element("portgroup", given_attributes(name=spec.name, default="yes" if spec.default else None))
    if spec.tags:
        vlan = etree.SubElement(group, "vlan", {"trunk": "yes"} if spec.trunk else {})
        for tag in spec.tags:
            native = {"nativeMode": "untagged"} if tag == spec.native else {}
            etree.SubElement(vlan, "tag", {"id": str(tag), **native})
    edit_bandwidth(group, spec.inbound, spec.outbound)
    return group
