"""Virter's IDs: which are in use on a hypervisor, which is free, and what an ID decides. Reads only the database."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Interface, ip_address

from django.db import models
from django.db.models import Q, Value

from networks.addresses.reserved import reserved
from networks.definition.addressing import id_of_mac, ip_of_id, mac_of_id
from networks.definition.spec import HostSpec, NetworkSpec
from networks.models import Network
from virterweb.hypervisors.gateway.found import Refused
from virterweb.hypervisors.models import Hypervisor
from virterweb.messages import InvalidValue, Message
from virterweb.people import rights
from virterweb.people.hidden.names import visible_name
from virterweb.people.verbs import Verb
from vms.definition.guest_nic import address_of_id
from vms.models import NIC, VM, NICStatus


@dataclass(frozen=True, kw_only=True)
class Address:
    """The MAC and IP address that an ID decides; `ip` is empty if the access network has no IPv4 block."""

    mac: str
    ip: str


def access_spec(hypervisor: Hypervisor) -> tuple[Network, NetworkSpec] | None:
    """Return the access network with its definition; None if it is not known yet."""
    network = Network.objects.in_use(hypervisor.pk, hypervisor.access_network)
    return network and (network, network.definition)


def access_block(hypervisor: Hypervisor) -> IPv4Interface | None:
    """Return the access network's IPv4 block with the host's address; None if it has none or is not known."""
    access = access_spec(hypervisor)
    return access[1].block() if access else None


def address(hypervisor: Hypervisor, number: int) -> Address:
    """Return the MAC and IP address of an ID; ValueError if the access network's block has no such address."""
    return address_in(access_block(hypervisor), number)


def address_in(block: IPv4Interface | None, number: int) -> Address:
    """Return the same for the access network's block, if it has one."""
    ip = ip_of_id(block, number) if block else ""
    if block and ip == block.ip:
        raise InvalidValue(Message("value.id_of_host", number=number, ip=ip))
    return Address(mac=mac_of_id(number), ip=str(ip))


def access_network(hypervisor: Hypervisor) -> Network:
    """Return the network of every VM's first NIC; Refused if libvirt has none of that name."""
    network = Network.objects.in_use(hypervisor.pk, hypervisor.access_network)
    if network is None:
        raise Refused(Message("vm.no_access_network", hypervisor=hypervisor, network=hypervisor.access_network))
    return network


def host_entry(vm: VM) -> tuple[Network, HostSpec] | None:
    """Return the access network and the DHCP reservation that the ID decides; None if it has no IPv4 block."""
    access = access_network(vm.hypervisor)
    block = access.definition.block()
    if vm.number is None or block is None:
        return None
    if not (ip := address_of_id(access.definition, vm.number)):  # the block was changed in the meantime
        raise Refused(Message("vm.number_outside", number=vm.number, block=block))
    return access, HostSpec(mac=mac_of_id(vm.number), ip=ip)


def problems(hypervisor: Hypervisor, numbers: Sequence[int], user: rights.Actor = None) -> list[str]:
    """Return why the IDs cannot be used for new VMs, one sentence each, in a constant number of queries.

    VMs and reservations that the user may not see are not named.
    """
    access, taken = access_spec(hypervisor), taken_macs(hypervisor, user)
    visible = access and rights.may(user, Verb.LIST, access[0])
    block = access[1].block() if access else None
    entries = reservations(access)
    reserved = {held.entry.mac: held for held in entries if held.entry.mac and held.hold is not Hold.LOST}
    holders = {held.entry.ip: held for held in entries}
    with_number = VM.objects.on(hypervisor).filter(number__range=(numbers[0], numbers[-1]), managed=True)
    others = dict(with_number.values_list("number", visible_name(user, "vm")))
    found = []
    for number in numbers:
        try:
            address = address_in(block, number)
        except ValueError as problem:
            found.append(str(problem))
            continue
        mac = address.mac
        if mac in taken:
            found.append(f"ID {number} is taken: {taken[mac]} has the MAC {mac}." if taken[mac] else _taken(number))
        elif number in others:
            found.append(f"ID {number} is taken by {others[number]}." if others[number] else _taken(number))
        elif hypervisor.static_dhcp and mac not in reserved:
            found.append(f"This hypervisor uses static DHCP, and {mac} has no DHCP reservation.")
        elif hypervisor.static_dhcp:
            continue
        elif (held := reserved.get(mac) or holders.get(address.ip)) and not held.is_lost_by(mac):
            reason = held.hold.label.format(network=hypervisor.access_network, entry=held.entry)
            found.append(f"ID {number} is taken: {reason}" if visible else _taken(number))
    return found


def _taken(number: int) -> str:
    return f"ID {number} is taken."


def taken_macs(hypervisor: Hypervisor, user: rights.Actor = None) -> dict[str, str]:
    """Return the MACs of NICs, found or desired, on a hypervisor, each with the name of its VM.

    The name is empty if the user may not see the VM.
    """
    columns = (visible_name(user, "vm", "vm__"), "position", "pk")
    desired_nics = NIC.objects.order_by().filter(vm__hypervisor=hypervisor).values_list("mac", *columns, Value(0))
    columns = (visible_name(user, "vm", "vm__desired__"), "vm", "position")
    seen = NICStatus.objects.order_by().filter(vm__desired__hypervisor=hypervisor)
    found = desired_nics.union(seen.values_list("mac", *columns, Value(1)), all=True)
    ordered = sorted(found, key=lambda row: (row[4], row[2], row[3]))
    return {mac.lower(): name for mac, name, *_ in ordered}


class Hold(models.TextChoices):
    """The reason why a DHCP reservation keeps an ID from being used. The label is the sentence for people."""

    FOUND = "found", "{network} has the DHCP reservation {entry}."
    ASKED = "asked", "{network} is about to get the DHCP reservation {entry}."
    # Removed outside the portal: only the VM that had the entry may use the ID again.
    LOST = (
        "lost",
        "the saved definition of {network} has the DHCP reservation {entry}. Delete it there, or revert the network.",
    )


@dataclass(frozen=True, kw_only=True)
class Held:
    entry: HostSpec
    hold: Hold

    def is_lost_by(self, mac: str) -> bool:
        return self.hold is Hold.LOST and self.entry.mac == mac


def reservations(access: tuple[Network, NetworkSpec] | None) -> list[Held]:
    """Return every DHCP reservation of an access network, including those without a MAC (by name or DUID)."""
    if not access:
        return []
    found, left = [], []
    for each in reserved([access[0].pk]):
        hold = Hold.FOUND if each.found else Hold.ASKED if each.requested else Hold.LOST
        entry = each.found or each.host
        (found if each.found else left).append(Held(entry=replace(entry, mac=entry.mac.lower()), hold=hold))
    return [*left, *found]  # the entry that libvirt has takes precedence


def reserved_on(hypervisor: Hypervisor, mac: str) -> Network | None:
    """Return the first network of a hypervisor that has a reservation for a MAC, found or desired."""
    here = Network.objects.on(hypervisor.pk)
    return here.filter(pk__in={each.network for each in reserved(here.values("pk"), Q(mac=mac))}).first()


def next_free_id(hypervisor: Hypervisor, count: int = 1) -> int | None:
    """Return the first of the lowest `count` consecutive IDs from 2 on without a domain, DHCP reservation or lease.

    None if the block has no such IDs left.
    """
    return next_free_id_in(hypervisor, access_spec(hypervisor), count)


def next_free_id_in(hypervisor: Hypervisor, access: tuple[Network, NetworkSpec] | None, count: int = 1) -> int | None:
    """Return the same, given the access network."""
    if not access:
        return None
    network, spec = access
    block = spec.block()
    leases = list(network.leases.current().values_list("mac", "ip"))
    held = [*leases, *((each.entry.mac, each.entry.ip) for each in reservations(access))]
    used = {id_of_mac(mac) for mac in [*taken_macs(hypervisor), *(mac for mac, _ in held)]}
    if block is None:
        return _first_run(used, 2**24, count)
    start = int(block.network.network_address)
    addresses = [ip_address(ip) for _, ip in held if ip]
    used |= {int(ip) - start for ip in addresses if ip.version == 4 and ip in block.network}
    used.add(int(block.ip) - start)
    return _first_run(used, block.network.num_addresses - 1, count)


def _first_run(used: set[int], end: int, count: int) -> int | None:
    """Return the first of the lowest `count` consecutive numbers from 2 on below `end` that are not used."""
    first = 2
    for number in range(2, end):
        if number in used:
            first = number + 1
        elif number - first + 1 == count:
            return first
    return None
