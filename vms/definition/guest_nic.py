"""The desired network configuration of guests, and what follows from networks. Pure: values in, values out."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from ipaddress import IPv4Interface, IPv6Interface, ip_address, ip_interface
from typing import Self

from networks.definition.addressing import ip_of_id
from networks.definition.spec import NetworkSpec, SubnetSpec

from .cloud_init import GuestNIC

FAMILIES = (4, 6)
NO_GATEWAY = ("", "bridge", "private", "vepa", "passthrough", "hostdev")  # in these modes libvirt provides no gateway
USUAL_MTU = 1500


class Mode(StrEnum):
    AUTO = "auto"
    DHCP = "dhcp"
    STATIC = "static"
    UP = "up"
    ALONE = "alone"

    @property
    def label(self) -> str:
        return {
            Mode.AUTO: "automatic: as its network offers",
            Mode.DHCP: "DHCP",
            Mode.STATIC: "static address",
            Mode.UP: "up, without address",
            Mode.ALONE: "not configured",
        }[self]


@dataclass(frozen=True, kw_only=True)
class GuestSpec:
    """The desired configuration of a NIC in the guest.

    `addresses` are those of a static NIC, with prefixes; empty: the reserved address. `default_route` None: the order
    of the NICs decides. `dns` are servers that replace the network's, which are used as well unless `use_dns` is False.
    """

    mode: str = Mode.AUTO
    addresses: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    dns: tuple[str, ...] = ()
    use_dns: bool = True
    default_route: bool | None = None
    metric: int | None = None

    @classmethod
    def read(cls, stored: dict[str, object]) -> Self:
        """Return the specification that `stored` was made from."""
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in stored.items()})

    @property
    def stored(self) -> dict[str, object]:
        """Return the values that differ from the defaults, for a JSON column."""
        usual = asdict(GuestSpec())
        return {
            name: list(value) if isinstance(value, tuple) else str(value) if name == "mode" else value
            for name, value in asdict(self).items()
            if value != usual[name]
        }


@dataclass(frozen=True, kw_only=True)
class Attached:
    """A NIC as its guest sees it: the network's definition, if it is known, and the reserved address.

    `mtu` is the NIC's own; None: the network's.
    """

    mac: str
    desired: GuestSpec = GuestSpec()
    network: NetworkSpec | None = None
    reserved: str = ""
    mtu: int | None = None


def guest_nics(nics: Iterable[Attached], *, as_virter: bool = False) -> tuple[GuestNIC, ...]:
    """Return the guest configuration of each NIC, in order; one NIC of each family has the default route.

    With `as_virter`, Virter's rule applies and ignores settings of NICs.
    """
    if as_virter:
        return _by_virters_rule(guest_nics(Attached(mac=nic.mac, network=nic.network) for nic in nics))
    nics = tuple(nics)
    resolved = [_resolve(nic) for nic in nics]
    takes = {family: _takes_route(nics, resolved, family) for family in FAMILIES}
    found = []
    for number, guest in enumerate(resolved):
        routes = frozenset(family for family in FAMILIES if takes[family][number])
        gateways = tuple(gateway for gateway in guest.gateways if ip_address(gateway).version in routes)
        found.append(replace(guest, default_route=routes, gateways=gateways))
    return tuple(found)


def _by_virters_rule(nics: tuple[GuestNIC, ...]) -> tuple[GuestNIC, ...]:
    """Return the NICs as they are if all further ones have DHCP; else the further ones are left alone."""
    if all(nic.dhcp4 or nic.dhcp6 for nic in nics[1:]):
        return nics
    return (nics[0], *(GuestNIC(mac=nic.mac, managed=False) for nic in nics[1:]))


def _resolve(nic: Attached) -> GuestNIC:
    """Return the configuration that follows from one NIC's settings and network alone."""
    desired, network = nic.desired, nic.network
    mtu = nic.mtu or (network.mtu if network else None)
    common = {
        "mac": nic.mac,
        "mtu": None if mtu == USUAL_MTU else mtu,
        "metric": desired.metric,
        "dns": desired.dns,
        "use_dns": desired.use_dns,
    }
    subnets = network.subnets if network else ()
    six = [subnet for subnet in subnets if subnet.family == 6]
    match desired.mode:
        case Mode.ALONE:
            return GuestNIC(mac=nic.mac, managed=False)
        case Mode.UP:
            return GuestNIC(mac=nic.mac, mtu=common["mtu"], ra=False if six else None)
        case Mode.STATIC:
            addresses = desired.addresses or own_addresses(nic.reserved, subnets)
            gateways = desired.gateways or tuple(_gateways(network, addresses))
            dns = desired.dns or tuple(_servers(network, addresses) if desired.use_dns else ())
            return GuestNIC(**common | {"dns": dns}, addresses=addresses, gateways=gateways, ra=False if six else None)
    four = any(subnet.family == 4 and subnet.dhcp for subnet in subnets)
    # libvirt's dnsmasq advertises its IPv6 blocks; without DHCPv6, guests can only use those with a /64 prefix.
    advertised = any(subnet.dhcp or subnet.prefix == 64 for subnet in six)
    return GuestNIC(
        **common,
        dhcp4=four or desired.mode == Mode.DHCP,
        dhcp6=any(subnet.dhcp for subnet in six),
        ra=advertised if six else None,
    )


def words(guest: GuestNIC) -> str:
    """Return a sentence that describes the configuration of a NIC in the guest."""
    if not guest.managed:
        return "not configured"
    if guest.silent:
        return "up, without address"
    protocols = {"DHCP": guest.dhcp4, "DHCPv6": guest.dhcp6, "router advertisements": guest.ra and not guest.dhcp6}
    parts = [*guest.addresses, *(word for word, requested in protocols.items() if requested)]
    parts += [f"gateway {gateway}" for gateway in guest.gateways]
    if guest.routeless:
        parts.append("not the default route")
    if guest.metric is not None:
        parts.append(f"metric {guest.metric}")
    return ", ".join(parts) + (f"; MTU {guest.mtu}" if guest.mtu else "")


def address_of_id(access: NetworkSpec | None, number: int | None) -> str:
    """Return the IPv4 address that an ID gives the first NIC on the access network; "" if it gives none."""
    block = access.block() if access and number else None
    try:
        ip = ip_of_id(block, number) if block else None
    except ValueError:  # the block has become smaller
        return ""
    return str(ip) if ip and ip != block.ip else ""


def own_addresses(reserved: str, subnets: Iterable[SubnetSpec]) -> tuple[str, ...]:
    """Return a reserved address with the prefix of its block; empty if no block contains it."""
    blocks = [subnet.interface.network for subnet in subnets]
    return tuple(f"{reserved}/{block.prefixlen}" for block in blocks if reserved and ip_address(reserved) in block)


def _within(network: NetworkSpec | None, addresses: tuple[str, ...]) -> Iterator[SubnetSpec]:
    """Yield the network's blocks that contain any of these addresses."""
    for subnet in network.subnets if network else ():
        if any(ip_interface(address).ip in subnet.interface.network for address in addresses):
            yield subnet


def _gateways(network: NetworkSpec | None, addresses: tuple[str, ...]) -> Iterator[str]:
    if network and network.forward_mode not in NO_GATEWAY:
        yield from (subnet.address for subnet in _within(network, addresses))


def _servers(network: NetworkSpec | None, addresses: tuple[str, ...]) -> Iterator[str]:
    if network and network.dns:
        yield from (subnet.address for subnet in _within(network, addresses))


def _offers(nic: Attached, guest: GuestNIC, family: int) -> bool:
    """Return whether the NIC is offered a default route of that family, if it accepts one."""
    if any(ip_address(gateway).version == family for gateway in guest.gateways):
        return True
    asks = guest.dhcp4 if family == 4 else bool(guest.ra or guest.dhcp6)
    return asks and not (nic.network and nic.network.forward_mode == "")


def _takes_route(nics: tuple[Attached, ...], guests: list[GuestNIC], family: int) -> list[bool]:
    """Return which NICs take the default route: those set to do so, else the first that is offered one.

    NICs with a metric take one as well. A NIC that is offered no route has none to refuse.
    """
    offers = [_offers(nic, guest, family) for nic, guest in zip(nics, guests, strict=True)]
    choices = [nic.desired.default_route for nic in nics]
    chosen = [offer and desired is True for offer, desired in zip(offers, choices, strict=True)]
    if not any(chosen):
        first = next((n for n, offer in enumerate(offers) if offer and choices[n] is not False), None)
        chosen = [number == first for number in range(len(nics))]
    ranked = [nic.desired.metric is not None and nic.desired.default_route is not False for nic in nics]
    return [choice or rank or not offer for choice, rank, offer in zip(chosen, ranked, offers, strict=True)]


def problems(nic: Attached, others: dict[str, GuestSpec]) -> Iterator[tuple[str, str]]:
    """Yield the problems of a NIC's guest settings, as pairs of the field and a sentence.

    `others` are the settings of the VM's other NICs, by name.
    """
    desired = nic.desired
    yield from _address_problems(nic)
    yield from _gateway_problems(nic)
    if desired.dns and desired.mode in (Mode.UP, Mode.ALONE):
        yield "dns", "Only a NIC with an address can have DNS servers."
    if desired.default_route and desired.mode in (Mode.UP, Mode.ALONE):
        yield "default_route", "A NIC without an address cannot have a default route."
    isolated = nic.network and nic.network.forward_mode == ""
    if desired.default_route and desired.mode in (Mode.AUTO, Mode.DHCP) and isolated:
        yield "default_route", f"{nic.network.name} is isolated, so it has no default route."
    for name, other in others.items():
        if desired.default_route and other.default_route and desired.metric == other.metric:
            yield "default_route", f"{name} already has the default route. Two default routes need different metrics."
    most = (nic.network.mtu if nic.network else None) or USUAL_MTU
    if nic.network and nic.mtu and nic.mtu > most:
        yield "mtu", f"The MTU of {nic.network.name} is {most}. Larger packets would be lost."


def _address_problems(nic: Attached) -> Iterator[tuple[str, str]]:
    desired = nic.desired
    subnets = nic.network.subnets if nic.network else ()
    if desired.mode != Mode.STATIC:
        if desired.addresses:
            yield "addresses", "Addresses can be entered only with “static address”."
        return
    if not desired.addresses and not own_addresses(nic.reserved, subnets):
        yield "addresses", "Enter an address with its prefix, or give the NIC a reserved address on its network."
    for address in map(ip_interface, desired.addresses):
        if reason := _misplaced(address, nic.network):
            yield "addresses", reason


def _misplaced(address: IPv4Interface | IPv6Interface, network: NetworkSpec | None) -> str:
    """Return why no guest can have that address on a network; "" if one can."""
    own, name = address.network, network.name if network else ""
    blocks = [subnet.interface for subnet in (network.subnets if network else ()) if subnet.family == address.version]
    block = next((block for block in blocks if address.ip in block.network), None)
    if blocks and not block:
        return f"{address.ip} is outside {', '.join(str(block.network) for block in blocks)}, the block of {name}."
    if block and own.prefixlen != block.network.prefixlen:
        return f"{name} has the prefix /{block.network.prefixlen}, not /{own.prefixlen}."
    if block and address.ip == block.ip:
        return f"{address.ip} is the address of the host on {name}."
    if address.version == 4 and own.prefixlen < 31 and address.ip in (own.network_address, own.broadcast_address):
        return f"{address.ip} is the first or last address of {own}, which no guest can have."
    return ""


def _gateway_problems(nic: Attached) -> Iterator[tuple[str, str]]:
    desired = nic.desired
    if desired.gateways and desired.mode != Mode.STATIC:
        yield "gateways", "Only a NIC with a static address can have a gateway. DHCP provides one."
        return
    own = desired.addresses or own_addresses(nic.reserved, nic.network.subnets if nic.network else ())
    blocks = [ip_interface(address) for address in own]
    for text in desired.gateways:
        gateway = ip_address(text)
        if gateway.version == 6 and gateway.is_link_local:
            continue
        if not any(gateway in block.network for block in blocks):
            yield "gateways", f"{gateway} is outside the block of the address, so the guest cannot reach it."
        elif gateway in [block.ip for block in blocks]:
            yield "gateways", f"{gateway} is the address of the NIC."
    if len({ip_address(text).version for text in desired.gateways}) < len(desired.gateways):
        yield "gateways", "Enter only one gateway of each address family."
    if (
        desired.default_route
        and desired.mode == Mode.STATIC
        and not (desired.gateways or any(_gateways(nic.network, own)))
    ):
        yield "gateways", "Enter the gateway of the default route."
