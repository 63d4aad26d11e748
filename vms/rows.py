"""Rows of the pages: NICs joined with leases, in as many queries however many there are."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address

from networks.models import Lease, Network

from . import attached
from .models import NIC, VM, NICStatus


def attached_rows(network: Network) -> tuple[attached.Row, ...]:
    """Virter's list-attached: every NIC of every domain that hangs on the network, in domain order."""
    nics = network.nics.select_related("vm__wish__hypervisor").order_by("vm__wish__name", "position")
    leases = network.leases.all()
    return attached.rows(
        tuple(attached.NIC(vm=nic.vm.wish.name, mac=nic.mac, target=nic.target, key=nic) for nic in nics),
        tuple(attached.Lease(mac=lease.mac, ip=lease.ip, hostname=lease.hostname) for lease in leases),
    )


@dataclass(frozen=True, kw_only=True)
class NICRow:
    """One NIC on a VM's page: the wish and what was seen of it, either of which may be missing."""

    position: int
    wish: NIC | None
    seen: NICStatus | None
    ips: tuple[str, ...]
    hostname: str
    state: str
    dhcp: bool

    @property
    def nic(self) -> NIC | NICStatus:
        return self.seen or self.wish

    @property
    def gone(self) -> bool:
        return bool(self.wish and self.wish.removed_at)


def nic_rows(vm: VM) -> list[NICRow]:
    """All NICs of a VM, wanted or seen, in the order of the wish."""
    seen = {nic.mac: nic for nic in vm.status.nics.select_related("network__status", "network__hypervisor")}
    wished = {nic.mac: nic for nic in vm.nics.all()}
    leases = defaultdict(list)
    for lease in Lease.objects.filter(network__hypervisor=vm.hypervisor_id, mac__in=[*seen, *wished]):
        leases[lease.network_id, lease.mac].append(lease)
    rows = []
    for position, mac in enumerate(dict.fromkeys([*wished, *seen])):
        nic = seen.get(mac)
        found = leases.get((nic.network_id, mac), []) if nic else []
        rows.append(
            NICRow(
                position=position,
                wish=wished.get(mac),
                seen=nic,
                ips=tuple(sorted((lease.ip for lease in found), key=_by_address)),
                hostname=next((lease.hostname for lease in found if lease.hostname), ""),
                state=_state(vm, wished.get(mac), nic),
                dhcp=bool(nic and nic.network and nic.network.status.dhcp),
            )
        )
    return rows


def _by_address(text: str) -> tuple[int, int]:
    address = ip_address(text)
    return address.version, int(address)


def _state(vm: VM, wish: NIC | None, seen: NICStatus | None) -> str:
    """What the page says of a NIC: attached, attaching, detaching, missing, added outside or failed."""
    if wish and wish.removed_at:
        return "detaching"
    if wish and seen:
        return "attached"
    if seen:
        return "added outside" if vm.managed else "attached"
    if not vm.done:
        return "attaching"
    return "failed" if vm.status.error else "missing"


def with_access_addresses(vms: Iterable[VM]) -> list[VM]:
    """The VMs, each with the addresses of its first NIC as `addresses`."""
    rows = list(vms)
    first = NICStatus.objects.filter(vm__wish__in=rows, position=0).values_list("vm__wish", "network", "mac")
    keys = {(network, mac): pk for pk, network, mac in first}
    found = defaultdict(list)
    for network, mac, ip in Lease.objects.filter(network__in={key[0] for key in keys}).values_list(
        "network", "mac", "ip"
    ):
        if pk := keys.get((network, mac)):
            found[pk].append(ip)
    for vm in rows:
        vm.addresses = sorted(found[vm.pk], key=_by_address)
    return rows
