"""The reserved address of a NIC: a DHCP reservation of its network, which is moved and removed with the NIC."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from ipaddress import ip_interface

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.db.models import Q

from networks.addresses.reserved import reserved as reservations
from networks.addresses.usage import next_free_address, other_user
from networks.definition import lines
from networks.definition.spec import HostSpec
from networks.models import Network
from networks.reservations import reservations as hosts
from networks.reservations.proposals import propose
from networks.reservations.reservations import Conflict, Known
from virterweb.messages import Message
from virterweb.people import rights
from virterweb.people.hidden.names import HIDDEN_VM, name_for
from virterweb.people.verbs import Verb
from vms.definition.guest_nic import Mode
from vms.definition.nics.spec import NICSpec
from vms.models import NIC, VM, NICNetworks

NEXT = "next"  # stands for the next free address in the form


@dataclass(frozen=True, kw_only=True)
class AddressChange:
    """The changes of a NIC's DHCP reservations: `reserved` is added on `network`, those in `gone` are removed.

    Those in `left` are removed by the worker once the NIC has left their network; here they are only listed.
    """

    network: Network | None = None
    reserved: HostSpec | None = None
    was: str = ""  # the address on the same network that is replaced
    gone: tuple[tuple[Network, str], ...] = ()
    left: tuple[tuple[Network, str], ...] = ()

    @property
    def texts(self) -> list[str]:
        """Return the changes, one sentence each."""
        given_up = [f"Remove the reservation of {ip} on {network}" for network, ip in (*self.gone, *self.left)]
        return [*([f"Reserve {self.reserved.ip} for it on {self.network}"] if self.reserved else []), *given_up]

    def save(self, vm: VM, by: AbstractBaseUser | None) -> None:
        """Save the changes as desired DHCP reservations; Conflict if the address was taken in the meantime."""
        with transaction.atomic():
            if self.reserved:
                hosts.reserve(self.network, [self.reserved], by, was=self.was)
            for network, ip in self.gone:
                hosts.remove(network, [ip], by)


def reserved(
    hypervisors: Iterable[int], macs: Iterable[str] | None = None
) -> dict[tuple[int, str, str], tuple[str, bool]]:
    """Return the reserved IPv4 addresses by hypervisor, network and MAC, each with whether libvirt has it.

    `macs` limits them to these MACs; all if it is not given.
    """
    networks = Network.objects.filter(hypervisor__in=hypervisors)
    names = {pk: (hypervisor, name) for pk, hypervisor, name in networks.values_list("pk", "hypervisor", "name")}
    only = None if macs is None else Q(mac__in=list(macs))
    here = (each for each in reservations(list(names), only) if each.host.mac and ":" not in each.host.ip)
    return {
        (*names[each.network], each.host.mac): (each.host.ip, each.found is not None) for each in here if not each.going
    }


def fixed(vm: VM, spec: NICSpec) -> str:
    """Return the IPv4 address that is reserved for a NIC on its current network; "" if there is none."""
    return NICNetworks(vm, (spec,)).address(spec)


def static_user(network: Network, ip: str, mac: str, user: rights.Actor = None) -> Message:
    """Return the message that another guest has a static address; an empty message if none has it."""
    nics = NIC.objects.filter(kind=NIC.Kind.NETWORK, source=network.name, vm__hypervisor=network.hypervisor_id)
    nics = nics.filter(removed_at=None, vm__removed_at=None, guest__mode=Mode.STATIC).exclude(mac=mac)
    static = ((nic, ip_interface(each)) for nic in nics.select_related("vm") for each in nic.guest_spec().addresses)
    wanted = (
        Message("user.static", ip=ip, vm=name_for(user, nic.vm) or HIDDEN_VM, mac=nic.mac)
        for nic, address in static
        if str(address.ip) == ip
    )
    return other_user(network, ip, mac, user) or next(wanted, Message())


def plan_address(
    networks: NICNetworks, now: NICSpec | None, wanted: NICSpec, typed: str, by: rights.Actor
) -> AddressChange:
    """Return the change that gives a NIC the address typed: "" for none, NEXT, or an IPv4 address.

    An address on a network that the NIC leaves is replaced by the next free one on the new network, and its reservation
    is removed even if the user may not change that network.

    Raises:
        Conflict: With field "address": the address is not available, or the user may not change the network.
    """
    old, new = networks.of(now) if now else None, networks.of(wanted)
    before = networks.addresses(now) if now else []
    moves = old != new
    if moves and typed in before:
        typed = NEXT if new and new.facts.dhcp else ""
    if typed and new is None:
        raise _refused("address.no_network")
    if moves and not typed:
        return AddressChange(left=tuple((old, ip) for ip in before))
    gone = tuple((old, ip) for ip in before if ip != typed)
    if (gone or typed not in ("", *before)) and (reason := rights.refusal(by, Verb.EDIT, new)):
        code = "address.keep" if before and not moves else "address.leave_empty"
        raise _refused(code, reason=reason, ip=", ".join(before))
    if not typed or typed in before:
        return AddressChange(gone=gone)
    known = networks.known[new.pk]
    entry = _entry(networks.vm, known, wanted.mac, typed)
    was = "" if moves or not before else before[0]
    if errors := hosts.conflicts(known, entry, was):
        raise Conflict(("address", reason) for _, reason in errors)
    left = tuple((old, ip) for ip in before) if moves else ()
    return AddressChange(network=new, reserved=entry, was=was, left=left)


def _refused(code: str, **about: object) -> Conflict:
    return Conflict([("address", Message(code, **about))])


def _entry(vm: VM, known: Known, mac: str, typed: str) -> HostSpec:
    network = known.network
    if not network.facts.dhcp:
        raise _refused("address.no_dhcp", network=network)
    try:
        ip = next_free_address(network) if typed == NEXT else lines.address(typed)
    except ValueError as problem:
        raise _refused("address.invalid", text=typed) from problem
    if not ip:
        raise _refused("address.none_free", network=network)
    if ":" in ip:
        raise _refused("address.ipv6")
    entry = propose(known, mac=mac, ip=ip)
    names = {each.name.lower() for each in known.entries.values()}
    free = lines.DNS_NAME.match(vm.name) and vm.name.lower() not in names
    return entry if entry.name or not free else replace(entry, name=vm.name)
