"""The fixed address of a NIC: a host entry of its network, which follows the NIC when it moves and goes with it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from ipaddress import ip_interface

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction

from networks import hosts, lines
from networks import tasks as network_tasks
from networks.hosts import Conflict
from networks.models import DHCPHost, DHCPHostStatus, Network
from networks.network_xml import HostSpec
from networks.usage import next_free_address, other_user

from .guest_nic import Mode
from .models import NIC, VM
from .nic_xml import NICSpec

NEXT = "next"  # what is typed for the next free address


@dataclass(frozen=True, kw_only=True)
class AddressChange:
    """What becomes of a NIC's host entries: `reserved` comes on `network`, those of `gone` go.

    Those of `left` go, too, by the worker's hand once the NIC has left their network: they are only said here.
    """

    network: Network | None = None
    reserved: HostSpec | None = None
    was: str = ""  # the address on the same network that it takes the place of
    gone: tuple[tuple[Network, str], ...] = ()
    left: tuple[tuple[Network, str], ...] = ()

    @property
    def texts(self) -> list[str]:
        """What happens, a sentence each."""
        given_up = [f"Give up {ip} on {network}" for network, ip in (*self.gone, *self.left)]
        return [*([f"Reserve {self.reserved.ip} for it on {self.network}"] if self.reserved else []), *given_up]

    def wish(self, vm: VM, by: AbstractBaseUser | None) -> None:
        """Write it as wishes of the networks; Conflict if somebody has the address by now."""
        with transaction.atomic():
            if self.reserved:
                what = f"{self.reserved.ip} reserved for {vm}"
                hosts.reserve(self.network, [self.reserved], what, by, was=self.was)
            for network, ip in self.gone:
                hosts.remove(network, [ip], by)
        for network in {each for each in (self.reserved and self.network, *(place for place, _ in self.gone)) if each}:
            transaction.on_commit(partial(network_tasks.push.delay, network.pk), robust=True)


def reserved(
    hypervisors: Iterable[int], macs: Iterable[str] | None = None
) -> dict[tuple[int, str, str], tuple[str, bool]]:
    """The IPv4 addresses of MACs, of all unless named, by hypervisor, network and MAC; and if libvirt has the entry."""
    columns = ("network__hypervisor", "network__name", "mac", "ip")
    here = {"network__hypervisor__in": hypervisors} | ({} if macs is None else {"mac__in": macs})
    wishes = DHCPHost.objects.filter(**here).exclude(ip__contains=":").exclude(mac="")
    going = set(wishes.exclude(removed_at=None).values_list(*columns))
    found = DHCPHostStatus.objects.filter(**here).exclude(ip__contains=":").exclude(mac="")
    there = set(found.values_list(*columns)) - going
    wished = set(wishes.filter(removed_at=None).values_list(*columns))
    return {entry[:3]: (entry[3], entry in there) for entry in (*there, *wished)}


def fixed(vm: VM, spec: NICSpec) -> str:
    """The IPv4 address that is reserved for a NIC where it is; "" without."""
    network = vm.network(spec)
    return next(iter(_reserved(network, spec.mac)), "") if network else ""


def _reserved(network: Network, mac: str) -> list[str]:
    return [ip for ip, entry in hosts.entries(network).items() if mac and entry.mac == mac]


def static_user(network: Network, ip: str, mac: str) -> str:
    """Who but this MAC has an address that a guest is to set by itself, as the end of a sentence; "" if nobody."""
    wishes = NIC.objects.filter(kind=NIC.Kind.NETWORK, source=network.name, vm__hypervisor=network.hypervisor_id)
    wishes = wishes.filter(removed_at=None, vm__removed_at=None, guest__mode=Mode.STATIC).exclude(mac=mac)
    static = ((nic, ip_interface(each)) for nic in wishes.select_related("vm") for each in nic.guest_spec().addresses)
    wanted = (f"the static address of {nic.vm} ({nic.mac})" for nic, address in static if str(address.ip) == ip)
    return other_user(network, ip, mac) or next(wanted, "")


def plan_address(vm: VM, now: NICSpec | None, wanted: NICSpec, typed: str) -> AddressChange:
    """What to do for a NIC to have the address typed: "" for none, NEXT, or an IPv4 address.

    An address that it had on the network that it leaves becomes the next free one where it goes. Raises Conflict, with
    field "address", if the address cannot be had.
    """
    old, new = vm.network(now) if now else None, vm.network(wanted)
    before = _reserved(old, wanted.mac) if old else []
    moves = old != new
    if moves and typed in before:
        typed = NEXT if new and new.facts.dhcp else ""
    if typed and new is None:
        raise _refused("An address can be reserved on a network only.")
    if moves and not typed:
        return AddressChange(left=tuple((old, ip) for ip in before))
    if not typed or typed in before:
        return AddressChange(gone=tuple((old, ip) for ip in before if ip != typed))
    entry = _entry(vm, new, wanted.mac, typed)
    was = "" if moves or not before else before[0]
    if errors := hosts.conflicts(new, entry, was):
        raise Conflict(("address", reason) for _, reason in errors)
    left = tuple((old, ip) for ip in before) if moves else ()
    return AddressChange(network=new, reserved=entry, was=was, left=left)


def _refused(text: str) -> Conflict:
    return Conflict([("address", text)])


def _entry(vm: VM, network: Network, mac: str, typed: str) -> HostSpec:
    if not network.facts.dhcp:
        raise _refused(f"{network} has no DHCP, so nothing would give the guest its address.")
    try:
        ip = next_free_address(network) if typed == NEXT else lines.address(typed)
    except ValueError as problem:
        raise _refused(str(problem)) from problem
    if not ip:
        raise _refused(f"{network} has no free address left.")
    if ":" in ip:
        raise _refused("An IPv6 guest is known by its DUID, not its MAC: reserve that on the network’s page.")
    entry = hosts.propose(network, mac=mac, ip=ip)
    names = {each.name.lower() for each in hosts.entries(network).values()}
    free = lines.DNS_NAME.match(vm.name) and vm.name.lower() not in names
    return entry if entry.name or not free else replace(entry, name=vm.name)
