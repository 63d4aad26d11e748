"""Hypothesis strategies of networks that libvirt takes, with every field that the portal models."""

from dataclasses import replace
from ipaddress import IPv4Interface, IPv6Interface, ip_interface

from hypothesis import strategies as st

from networks.definition.spec import (
    BandwidthSpec,
    DNSHostSpec,
    ForwarderSpec,
    HostSpec,
    NetworkSpec,
    PortGroupSpec,
    RangeSpec,
    RouteSpec,
    SubnetSpec,
)

UUID = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"
OWN_BRIDGE = ("", "nat", "route", "open")
MACVTAP = ("private", "vepa", "passthrough", "hostdev")

network_names = st.text(
    st.characters(categories=["L", "N"], include_characters="-. <>&\"'"), min_size=1, max_size=30
).filter(lambda name: name.strip(" .") and name == name.strip())
labels = st.sampled_from(["files", "mirror", "a", "n0", "x-y", "node-17"])
dns_names = st.builds("{}{}".format, labels, st.sampled_from(["", ".test", ".lab.example"]))
leases = st.sampled_from([None, 0, 120, 150, 3600, 5400, 86400])
devices = st.lists(st.sampled_from(["eth0", "eth1", "enp1s0f0", "bond0.7"]), unique=True, max_size=3).map(tuple)


def _some(values: st.SearchStrategy, most: int = 3, **unique) -> st.SearchStrategy[tuple]:
    return st.lists(values, max_size=most, **(unique or {"unique": True})).map(tuple)


@st.composite
def bandwidths(draw) -> BandwidthSpec:
    number = st.none() | st.integers(1, 10**6)
    return BandwidthSpec(average=draw(st.integers(1, 10**6)), peak=draw(number), burst=draw(number))


@st.composite
def port_groups(draw) -> PortGroupSpec:
    tags = draw(_some(st.integers(0, 4095)))
    return PortGroupSpec(
        name=draw(st.sampled_from(["red", "green", "blue_1", "staff"])),
        tags=tags,
        trunk=len(tags) > 1 or (bool(tags) and draw(st.booleans())),
        native=draw(st.sampled_from([None, *tags])),
        inbound=draw(st.none() | bandwidths()),
        outbound=draw(st.none() | bandwidths()),
    )


@st.composite
def groups_with_one_default(draw) -> tuple[PortGroupSpec, ...]:
    groups = draw(_some(port_groups(), unique_by=lambda group: group.name))
    default = draw(st.sampled_from([None, *groups]))
    return tuple(replace(group, default=group is default) for group in groups)


forwarders = st.builds(ForwarderSpec, address=st.sampled_from(["10.9.9.9", "fd09::9"]), domain=dns_names | st.just(""))
forwarders |= st.builds(ForwarderSpec, domain=dns_names)
dns_hosts = st.builds(
    DNSHostSpec,
    ip=st.sampled_from(["10.0.0.5", "10.0.0.6", "fd00::5", "203.0.113.1"]),
    names=st.lists(dns_names, min_size=1, max_size=3, unique=True).map(tuple),
)


def addresses(version: int) -> st.SearchStrategy[IPv4Interface | IPv6Interface]:
    """The host's own address; blocks of one list of numbers never overlap."""
    if version == 4:
        return st.builds(lambda a, prefix: ip_interface(f"10.{a}.0.1/{prefix}"), st.integers(0, 6), st.integers(16, 27))
    return st.builds(lambda a: ip_interface(f"fd00:{a}::1/64"), st.integers(1, 6))


@st.composite
def hosts(draw, interface: IPv4Interface | IPv6Interface) -> HostSpec:
    """A DHCP reservation: libvirt identifies IPv4 guests by MAC or name, and IPv6 guests by DUID or name."""
    number = draw(st.integers(2, 12))
    known = draw(st.sampled_from(["", f"52:54:00:00:00:{number + draw(st.integers(0, 2)):02x}"]))
    name = draw(st.sampled_from([*([""] if known else []), "files", "mirror", "n0"]))
    if interface.version == 6:
        duid = f"00:03:00:01:{known}" if known else ""
        return HostSpec(duid=duid, ip=str(interface.ip + number), name=name, lease=draw(leases))
    return HostSpec(mac=known, ip=str(interface.ip + number), name=name, lease=draw(leases))


def _each_known_apart(entries: list[HostSpec]) -> tuple[HostSpec, ...]:
    kept: list[HostSpec] = []
    for entry in entries:
        clash = any(
            getattr(entry, name) and getattr(entry, name) == getattr(other, name)
            for other in kept
            for name in ("mac", "duid", "ip", "name")
        )
        if not clash:
            kept.append(entry)
    return tuple(kept)


@st.composite
def subnets(draw, interface: IPv4Interface | IPv6Interface, dhcp: bool) -> SubnetSpec:
    values: dict[str, object] = {}
    if dhcp:
        firsts = draw(_some(st.integers(0, 2), most=2))
        values["ranges"] = tuple(
            RangeSpec(start=str(interface.ip + 14 + 4 * first), end=str(interface.ip + 16 + 4 * first), lease=lease)
            for first, lease in zip(firsts, draw(st.tuples(leases, leases)), strict=False)
        )
        values["hosts"] = _each_known_apart(draw(st.lists(hosts(interface), max_size=4)))
    if interface.version == 4 and draw(st.booleans()):
        values["tftp_root"] = "/srv/tftp & more"
        if values.get("ranges") or values.get("hosts"):  # libvirt forgets the boot file of a block without DHCP
            values["boot_file"] = "pxelinux.0"
            values["boot_server"] = draw(st.sampled_from(["", "192.0.2.7"]))
    return SubnetSpec(address=str(interface.ip), prefix=interface.network.prefixlen, **values)


@st.composite
def blocks(draw, least: int) -> tuple[SubnetSpec, ...]:
    """Blocks that do not overlap; DHCP in one of a family, as libvirt has it."""
    version = st.sampled_from([4, 6])
    each = version.flatmap(addresses)
    interfaces = draw(st.lists(each, min_size=least, max_size=3, unique_by=lambda one: one.ip))
    served: set[int] = set()
    found = []
    for interface in interfaces:
        subnet = draw(subnets(interface, dhcp=interface.version not in served and draw(st.booleans())))
        served |= {interface.version} if subnet.dhcp else set()
        found.append(subnet)
    return tuple(found)


@st.composite
def routes(draw, subnet: SubnetSpec) -> RouteSpec:
    """By way of a guest in a block: libvirt refuses other gateways."""
    four = [f"172.{number}.0.0/16" for number in range(16, 20)] + ["192.0.2.0/24"]
    six = [f"fd99:{number}::/32" for number in range(1, 4)]
    return RouteSpec(
        destination=draw(st.sampled_from(four if subnet.family == 4 else six)),
        gateway=str(subnet.interface.ip + draw(st.integers(1, 9))),
        metric=draw(st.none() | st.integers(1, 1000)),
    )


@st.composite
def on_own_bridge(draw, mode: str) -> dict[str, object]:
    """What only a network has whose bridge libvirt makes."""
    found = draw(blocks(least=1 if mode else 0))
    domain = draw(st.just("") | dns_names)
    values = {
        "bridge": draw(st.sampled_from(["", "virbr77", "lab0"])),
        "stp": draw(st.booleans()),
        "mtu": draw(st.none() | st.integers(1280, 65535)),
        "domain": domain,
        "local_only": bool(domain) and draw(st.booleans()),
        "dns": draw(st.booleans()),
        "subnets": found,
        "dnsmasq_options": draw(st.sampled_from([(), ("log-dhcp",), ("log-dhcp", "local-ttl=5")])),
    }
    if values["dns"]:  # libvirt takes no records without DNS
        values["forwarders"] = draw(_some(forwarders))
        values["dns_hosts"] = draw(_some(dns_hosts, unique_by=lambda host: host.ip))
    if found:
        some = st.sampled_from(found).flatmap(routes)
        values["routes"] = draw(_some(some, unique_by=lambda route: route.destination))
    if mode in ("nat", "route"):  # libvirt accepts one device at most
        values["forward_devices"] = draw(devices)[:1]
    if mode == "nat":
        values["nat_ports"] = draw(st.sampled_from(["", "1024-65535", "2000-2999"]))
        values["nat_addresses"] = draw(st.sampled_from(["", "203.0.113.8-203.0.113.9"]))
        values["nat_ipv6"] = draw(st.booleans())
    return values


@st.composite
def specs(draw, described: bool = True) -> NetworkSpec:
    """A network of any mode; `described` ones have title and description, which libvirt 9.0 forgets."""
    mode = draw(st.sampled_from([*OWN_BRIDGE, *OWN_BRIDGE, "bridge", *MACVTAP]))
    if mode in OWN_BRIDGE:
        values = draw(on_own_bridge(mode))
    elif mode == "bridge":
        values = {"bridge": draw(st.sampled_from(["br0", "br-lab"]))}
    else:
        values = {"forward_devices": draw(devices.filter(len))}
    if described:
        texts = st.just("") | network_names
        values |= {"title": draw(texts), "description": draw(texts)}
    return NetworkSpec(
        name=draw(network_names),
        uuid=UUID,
        forward_mode=mode,
        isolated_ports=draw(st.booleans()),
        inbound=draw(st.none() | bandwidths()),
        outbound=draw(st.none() | bandwidths()),
        port_groups=draw(groups_with_one_default()),
        **values,
    )


def in_order(spec: NetworkSpec) -> NetworkSpec:
    """The same with its lists sorted: in a document edited in place new entries follow those that stay."""
    inner = (replace(each, ranges=_sorted(each.ranges), hosts=_sorted(each.hosts)) for each in spec.subnets)
    lists = ("forwarders", "dns_hosts", "routes", "port_groups")
    ordered = {name: _sorted(getattr(spec, name)) for name in lists}
    return replace(spec, subnets=tuple(sorted(inner, key=lambda each: each.cidr)), **ordered)


def _sorted(parts: tuple) -> tuple:
    return tuple(sorted(parts, key=str))
