"""Rows of the pages: NICs joined with their addresses, in a constant number of queries."""

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from networks.addresses.reserved import reserved_address
from vms.addresses.nic_addresses import addresses_of
from vms.definition import wording
from vms.definition.nics.parse import parse_domain
from vms.definition.nics.spec import key_of
from vms.guests import states as guest_states
from vms.models import NIC, VM, NICStatus
from vms.nics.sparklines import Sparklines
from vms.nics.traffic import ACTIVE, reading
from vms.observed.addresses import NICAddresses
from vms.observed.charts import Sparkline
from vms.observed.guest_seen import Verdict
from vms.observed.rates import GAP, Traffic


@dataclass(frozen=True, kw_only=True)
class NICRow:
    """One NIC on a VM's page: desired, found, or both."""

    position: int
    desired: NIC | None
    seen: NICStatus | None
    later: NICStatus | None  # as stored, if a running VM does not have it yet
    known: NICAddresses
    state: str
    dhcp: bool
    traffic: Traffic | None
    sparks: Sparklines
    reserved: str = ""
    guest: Verdict | None = None  # only of a NIC that was found

    @property
    def nic(self) -> NIC | NICStatus:
        return self.seen or self.desired or self.later

    @property
    def spark(self) -> Sparkline:
        return self.sparks.of(self.seen.vm_id, self.seen.key)

    @property
    def kind(self) -> str:
        """Return the kind of the NIC where its source does not tell it."""
        return {NIC.Kind.BRIDGE: "host bridge", NIC.Kind.DIRECT: "macvtap"}.get(
            self.nic.kind, wording.KINDS.get(self.nic.kind, "")
        )

    @property
    def gone(self) -> bool:
        return bool(self.desired and self.desired.removed_at)


def nic_rows(vm: VM) -> list[NICRow]:
    """Return all NICs of a VM, desired or found, in the order of the definition."""
    seen = {nic.key: nic for nic in vm.status.nics.select_related("network__status", "network__hypervisor")}
    saved = {nic.key: nic for nic in vm.nics.all()}
    later = {nic.key: nic for nic in _stored(vm)} if vm.status.running else {}
    addresses, traffic, now = addresses_of(vm.status.nics.all()), _traffic(vm), timezone.now()
    sparks = Sparklines([vm.status.pk])
    columns = {key_of(row["mac"], row["place"]): row for row in guest_states.known(vm.status.nics.all())}
    rows = []
    for position, key in enumerate(dict.fromkeys([*saved, *seen, *later])):
        nic, guest = seen.get(key), columns.get(key)
        known = addresses[nic.pk] if nic else NICAddresses()
        rows.append(
            NICRow(
                position=position,
                desired=saved.get(key),
                seen=nic,
                later=None if nic else later.get(key),
                known=known,
                state=_state(vm, saved.get(key), nic, key in later),
                dhcp=bool(nic and nic.network and nic.network.status.dhcp),
                traffic=traffic.get(key) if nic else None,
                sparks=sparks,
                reserved=reserved_address(guest)[0] if guest else "",
                guest=guest_states.verdict(guest, known, now) if guest else None,
            )
        )
    return rows


def _traffic(vm: VM) -> dict[str, Traffic]:
    """Return the traffic of a running VM by NIC key; readings that are too old to give a current rate are omitted."""
    if vm.status.power not in ACTIVE:
        return {}
    late = timezone.now() - timedelta(seconds=GAP)
    found = {}
    for row in vm.status.traffic.all():
        rate = row.rate if row.at > late else None
        found[key_of(row.mac, row.place)] = Traffic(reading=reading(row), rate=rate)
    return found


def _stored(vm: VM) -> list[NICStatus]:
    """Return, as unsaved rows, the NICs of the stored definition that a running VM gets at its next start."""
    if not (vm.status.persistent and vm.status.definition):
        return list(vm.status.nics.all())
    return [
        NICStatus(kind=nic.kind, source=nic.source, model=nic.model, mac=nic.mac, place=nic.place, position=position)
        for position, nic in enumerate(parse_domain(vm.status.definition))
    ]


def _state(vm: VM, desired: NIC | None, seen: NICStatus | None, stored: bool) -> str:
    """Return the state of a NIC: attached, attaching, detaching, missing, added outside or failed."""
    if desired and desired.removed_at:
        return "removed at shutdown" if desired.at_shutdown else "detaching"
    if desired and desired.refused:
        return "failed"
    if desired and desired.asked_at and not vm.done:
        return "changing" if seen else "attaching"
    if seen and vm.status.running and not stored:
        return "until shutdown"
    if desired and seen:
        return "attached"
    if stored and not seen and vm.status.running:
        return "at the next start"
    if seen:
        return "added outside" if vm.managed else "attached"
    if not vm.done:
        return "attaching"
    return "failed" if vm.status.error else "missing"
