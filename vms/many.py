"""One change of the NICs of many VMs: what happens to each of them, shown first, and the wishes that follow.

Whom the portal changes is decided in `why_not` alone. What is shown has a fingerprint: if it is no longer the same when
somebody says yes, nothing is done.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models, transaction

from networks.hosts import Conflict
from networks.models import Network
from networks.network_xml import NetworkSpec

from . import tasks
from .models import NIC, VM, NICStatus, Power, VMQuerySet
from .nic_address import fixed, plan_address, reserved
from .nic_plan import NICPlan, free_slots, own, place, plan
from .nic_xml import FoundNIC, NICSpec, parse_domain

MOST = 900  # VMs at once: Django takes a thousand fields of a form


class Action(models.TextChoices):
    ADD = "add", "Add a NIC to each"
    MOVE = "move", "Move NICs to another network"
    DOWN = "down", "Links down"
    UP = "up", "Links up"


@dataclass(frozen=True, kw_only=True)
class Change:
    """What is asked for. `new` is the NIC to be added, without a MAC; `source` the network that the NICs are on.

    An empty source is all NICs. `to` is the network that they move to.
    """

    action: Action
    new: NICSpec | None = None
    source: str = ""
    to: str = ""

    @property
    def where(self) -> str:
        """The network, bridge or device whose NICs show what came of it; empty is all."""
        return self.new.source if self.new else self.to or self.source


@dataclass(frozen=True, kw_only=True)
class Line:
    """What happens to one NIC; disruption is none, brief or lasting."""

    text: str
    disruption: str = "none"
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One VM of the choice: what happens, what is left as it is, or why nothing can be done."""

    vm: VM
    lines: tuple[Line, ...] = ()
    left: tuple[str, ...] = ()
    wanted: tuple[NICSpec, ...] = ()
    refused: str = ""


@dataclass(frozen=True, kw_only=True)
class Known:
    """The networks of one hypervisor: whether each is active, the port groups of where NICs go, fixed addresses."""

    active: dict[str, bool] = field(default_factory=dict)
    groups: dict[str, set[str]] = field(default_factory=dict)
    reserved: dict[tuple[int, str, str], tuple[str, bool]] = field(default_factory=dict)
    networks: dict[str, Network] = field(default_factory=dict)
    definitions: dict[str, NetworkSpec] = field(default_factory=dict)

    def definition(self, nic: NICSpec) -> NetworkSpec | None:
        """Of the network that a NIC is on, read once."""
        if nic.kind != NIC.Kind.NETWORK or nic.source not in self.networks:
            return None
        if nic.source not in self.definitions:
            self.definitions[nic.source] = self.networks[nic.source].definition
        return self.definitions[nic.source]


def why_not(vm: VM) -> str:
    """Why the portal does not change a VM's NICs, in words; empty if it does."""
    if vm.removed_at:
        return "It is being removed."
    return "libvirt no longer has it." if vm.status.made_at and not vm.status.present else ""


def rows(vms: VMQuerySet, change: Change) -> list[Row]:
    """What the change does to each VM, in as many queries however many there are."""
    chosen = list(vms.shown().prefetch_related("nics"))
    known = _networks({vm.hypervisor_id for vm in chosen}, change)
    return [_row(vm, change, known[vm.hypervisor_id]) for vm in chosen]


def _networks(hypervisors: set[int], change: Change) -> dict[int, Known]:
    found: dict[int, Known] = defaultdict(Known)
    networks = Network.objects.filter(hypervisor__in=hypervisors, removed_at=None)
    for network in networks.select_related("status").order_by("managed"):
        known = found[network.hypervisor_id]
        known.active[network.name] = network.status.active or known.active.get(network.name, False)
        known.networks[network.name] = network
    if change.to:
        for each, known in found.items():
            known.reserved.update(reserved([each]))
        for network in networks.filter(name=change.to).select_related("status"):
            groups = {group.name for group in network.definition.port_groups}
            found[network.hypervisor_id].groups.setdefault(network.name, set()).update(groups)
    return found


def _row(vm: VM, change: Change, known: Known) -> Row:
    to = change.new.source if change.new and change.new.kind == NIC.Kind.NETWORK else change.to
    if reason := why_not(vm):
        return Row(vm=vm, refused=reason)
    if to and to not in known.active:
        return Row(vm=vm, refused=f"There is no network {to} on {vm.hypervisor}.")
    row = _added(vm, change.new, known) if change.new else _changed(vm, change, known)
    if to and row.lines and vm.status.power != Power.OFF and not known.active[to]:
        note = f"{to} is not active: libvirt refuses it while the VM runs."
        return replace(row, lines=tuple(_noted(line, note) for line in row.lines))
    return row


def _noted(line: Line, note: str) -> Line:
    return replace(line, note=f"{line.note} {note}".strip()) if note else line


def _added(vm: VM, new: NICSpec, known: Known) -> Row:
    running = vm.status.power != Power.OFF
    (line,) = _lines(plan(new, None, None, running))
    words = f"Attach a NIC to {place(new)}{': live' if running else ': in the definition'}"
    notes = []
    if any(_is_on(nic, new.kind, new.source) for nic in _nics(vm, known)):
        notes.append("It has one there already.")
    if running and vm.status.document and free_slots(vm.status.document) == 0:
        notes.append("It has no free PCI slot while it runs: libvirt will refuse the NIC.")
    return Row(vm=vm, lines=(_noted(replace(line, text=words), " ".join(notes)),), wanted=(new,))


@dataclass(frozen=True, kw_only=True)
class _NIC:
    """A NIC that is wished or found, or both. `now` is what is wished of it, as far as anything is."""

    now: NICSpec
    wish: NIC | None
    found: FoundNIC | None
    stored: FoundNIC | None  # the definition, as far as pages know


def _nics(vm: VM, known: Known) -> Iterator[_NIC]:
    """The VM's NICs without those that shall go, in the order of the wish."""
    found = {nic.mac: nic for nic in parse_domain(vm.status.document)} if vm.status.document else {}
    wishes = {nic.mac: nic for nic in vm.nics.all()}
    for mac in dict.fromkeys([*wishes, *found]):
        wish, here = wishes.get(mac), found.get(mac)
        if wish is None:
            yield _NIC(now=own(here, known.definition(here.spec)), wish=None, found=here, stored=here)
        elif wish.removed_at is None:
            yield _wished(wish, here, known)


def _wished(wish: NIC, here: FoundNIC | None, known: Known) -> _NIC:
    """What only stands in the running NIC because its network lends it is neither wished nor defined."""
    if here is None or wish.document:
        return _NIC(now=wish.spec(), wish=wish, found=here, stored=here)
    has = own(here, known.definition(here.spec))
    now = replace(has, kind=wish.kind, source=wish.source, model=wish.model)
    return _NIC(now=now, wish=wish, found=here, stored=replace(here, spec=replace(has, pci=here.spec.pci)))


def _is_on(nic: _NIC, kind: str, source: str) -> bool:
    return any((each.kind, each.source) == (kind, source) for each in (nic.wish, nic.found) if each)


def _changed(vm: VM, change: Change, known: Known) -> Row:
    lines, left, wanted = [], [], []
    for nic in _nics(vm, known):
        if change.source and not _is_on(nic, NIC.Kind.NETWORK, change.source):
            if change.to and _is_on(nic, NIC.Kind.NETWORK, change.to):
                left.append(f"NIC {nic.now.mac} is on {change.to} already")
            continue
        spec = _asked(nic, change, known)
        steps = _lines(plan(spec, nic.found, nic.stored, vm.status.power != Power.OFF))
        if not steps and spec == nic.now:
            left.append(f"NIC {spec.mac}: its link is {'up' if spec.link_up else 'down'} already")
        else:
            steps = steps or [Line(text=f"NIC {spec.mac}: it is so, and becomes the wish")]
            notes = f"{_access_note(vm, nic, spec)} {_address_note(vm, nic, spec, known)}".strip()
            lines += [_noted(step, notes) for step in steps]
            wanted.append(spec)
    if not lines and not left:
        left.append(f"It has no NIC on {change.source}." if change.source else "It has no NIC.")
    return Row(vm=vm, lines=tuple(lines), left=tuple(left), wanted=tuple(wanted))


def _access_note(vm: VM, nic: _NIC, asked: NICSpec) -> str:
    access = nic.wish and nic.wish.position == 0 and nic.wish.source == vm.hypervisor.access_network
    stays = asked.source == vm.hypervisor.access_network and asked.link_up
    return "This is the access NIC: SSH no longer reaches the guest by it." if access and not stays else ""


def _address_note(vm: VM, nic: _NIC, asked: NICSpec, known: Known) -> str:
    had, _ = known.reserved.get((vm.hypervisor_id, nic.now.source, nic.now.mac), ("", False))
    if asked.source == nic.now.source or not had:
        return ""
    return f"Instead of its fixed address {had} it gets the next free one of {asked.source}."


def _follow(vm: VM, spec: NICSpec, by: AbstractBaseUser | None) -> None:
    """Let a NIC's fixed address follow it; one that cannot be had there is left, and the NIC's row says so then."""
    try:
        now, _ = vm.nic_as_wished(spec.mac)
    except LookupError:
        return
    if had := fixed(vm, now):
        with suppress(Conflict):
            plan_address(vm, now, spec, had).wish(vm, by)


def _asked(nic: _NIC, change: Change, known: Known) -> NICSpec:
    if change.action != Action.MOVE:
        return replace(nic.now, link_up=change.action == Action.UP)
    group = nic.now.port_group if nic.now.port_group in known.groups.get(change.to, ()) else ""
    return replace(nic.now, kind=NIC.Kind.NETWORK.value, source=change.to, mode="", port_group=group)


def _lines(found: NICPlan) -> list[Line]:
    late = f"At its next boot: {', '.join(map(str, found.waiting))}." if found.waiting else ""
    return [
        _noted(Line(text=step.text, disruption=step.disruption.name.lower(), note=step.note), late)
        for step in found.steps
    ]


def fingerprint(change: Change, found: Iterable[Row]) -> str:
    """Of what is shown: another one is another plan."""
    shown = [(row.vm.pk, row.lines, row.left, row.wanted, row.refused) for row in found]
    return hashlib.sha256(repr((change, shown)).encode()).hexdigest()[:32]


def wish(found: Iterable[Row], by: AbstractBaseUser | None) -> list[str]:
    """Write the wishes and have each VM looked after by its own task; says of which VMs a NIC is gone meanwhile."""
    gone = []
    with transaction.atomic():
        for row in found:
            for spec in row.wanted:
                try:
                    if spec.mac:
                        _follow(row.vm, spec, by)
                        row.vm.change_nic(spec)
                    else:
                        row.vm.add_nic(spec)
                except NICStatus.DoesNotExist:
                    gone.append(f"{row.vm}: NIC {spec.mac}")
            if row.wanted:
                poke(row.vm)
    return gone


def again(vms: VMQuerySet) -> None:
    """Have what failed of these VMs tried once more."""
    with transaction.atomic():
        for vm in vms.select_related("status"):
            if not why_not(vm) and vm.done and vm.status.error:
                vm.ask_nics_again()
                poke(vm)


def poke(vm: VM) -> None:
    transaction.on_commit(partial(tasks.push.delay, vm.pk), robust=True)


@dataclass(frozen=True, kw_only=True)
class Result:
    """One VM after the change: the NICs concerned, each with its MAC and what is known of it."""

    vm: VM
    nics: tuple[tuple[str, str], ...]

    @property
    def outcome(self) -> str:
        """done, failed or pending."""
        if not self.vm.done:
            return "pending"
        return "failed" if self.vm.status.error else "done"


def results(vms: VMQuerySet, where: str) -> list[Result]:
    """How far each VM is; `where` names the network, bridge or device whose NICs are shown, empty all."""
    chosen = vms.shown().prefetch_related("nics", "status__nics").defer("status__document", "user_data", "host_key")
    return [Result(vm=vm, nics=tuple(_shown(vm, where))) for vm in chosen]


def _shown(vm: VM, where: str) -> Iterator[tuple[str, str]]:
    wishes = {nic.mac: nic for nic in vm.nics.all()}
    seen = {nic.mac: nic for nic in vm.status.nics.all()}
    for mac in dict.fromkeys([*wishes, *seen]):
        wish, here = wishes.get(mac), seen.get(mac)
        if where and where not in {each.source for each in (wish, here) if each}:
            continue
        if here is None:
            yield mac, "not there" if vm.done else f"not there yet, wanted on {_place(wish)}"
        elif wish and wish.removed_at is None and (wish.kind, wish.source) != (here.kind, here.source):
            yield mac, f"on {_place(here)}, wanted on {_place(wish)}"
        else:
            yield mac, f"on {_place(here)}{', link down' if here.link == 'down' else ''}"


def _place(nic: NIC | NICStatus) -> str:
    return nic.source or "user networking"
