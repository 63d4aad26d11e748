"""A change of the NICs of many VMs: its preview, and the desired configurations that follow from it."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from networks.attaching import Attaching
from networks.definition.spec import NetworkSpec
from networks.models import Network
from virterweb.messages import Message
from virterweb.people import rights
from virterweb.people.verbs import Verb
from vms.addresses.reserved_address import reserved
from vms.definition.nics.fields import changed_fields, move, own
from vms.definition.nics.parse import parse_domain
from vms.definition.nics.plan import plan
from vms.definition.nics.slots import free_slots
from vms.definition.nics.spec import FoundNIC, NICSpec
from vms.definition.nics.steps import Manner, NICPlan
from vms.models import NIC, VM, Power, VMQuerySet

from .rows import Action, Change, Line, Row, why_not
from .wording import Text, say


@dataclass(frozen=True, kw_only=True)
class Known:
    """The networks of one hypervisor: which are active, their port groups and reserved addresses."""

    active: dict[str, bool] = field(default_factory=dict)
    groups: dict[str, set[str]] = field(default_factory=dict)
    reserved: dict[tuple[int, str, str], tuple[str, bool]] = field(default_factory=dict)
    not_attachable: Message = field(default_factory=Message)  # why this user cannot attach NICs to the target network
    refusal: Message = field(default_factory=Message)  # why this user cannot reserve addresses on the target network
    networks: dict[str, Network] = field(default_factory=dict)
    definitions: dict[str, NetworkSpec] = field(default_factory=dict)

    def definition(self, nic: NICSpec) -> NetworkSpec | None:
        """Return the definition of the network that a NIC is on; it is read once."""
        if nic.kind != NIC.Kind.NETWORK or nic.source not in self.networks:
            return None
        if nic.source not in self.definitions:
            self.definitions[nic.source] = self.networks[nic.source].definition
        return self.definitions[nic.source]


def rows(vms: VMQuerySet, change: Change, user: rights.Actor) -> list[Row]:
    """Return the outcome for each VM, in a constant number of queries."""
    chosen = list(vms.shown().select_related("owner").prefetch_related("nics"))
    known = _networks({vm.hypervisor_id for vm in chosen}, change, user)
    return [
        Row(vm=vm, refused=reason) if (reason := why_not(vm, user)) else _row(vm, change, known[vm.hypervisor_id])
        for vm in chosen
    ]


def _networks(hypervisors: set[int], change: Change, user: rights.Actor) -> dict[int, Known]:
    found: dict[int, Known] = defaultdict(Known)
    networks = Network.objects.visible_to(user).filter(hypervisor__in=hypervisors, removed_at=None)
    for network in networks.select_related("status", "owner", "hypervisor").order_by("managed"):
        known = found[network.hypervisor_id]
        if network.name == change.target:
            refusals = {"refusal": rights.refusal(user, Verb.EDIT, network)}
            refusals["not_attachable"] = Attaching(user, network.hypervisor).of_network(network)
            known = found[network.hypervisor_id] = replace(known, **refusals)
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
    to = change.target
    if known.not_attachable:
        return Row(vm=vm, refused=say("refusal", "rights", reason=known.not_attachable))
    if to and to not in known.active:
        return Row(vm=vm, refused=say("refusal", "no network", network=to, hypervisor=vm.hypervisor))
    row = _added(vm, change.new, known) if change.new else _changed(vm, change, known)
    if to and row.lines and vm.status.power != Power.OFF and not known.active[to]:
        note = say("note", "inactive", network=to)
        return replace(row, lines=tuple(_noted(line, note) for line in row.lines))
    return row


def _noted(line: Line, *notes: Text | None) -> Line:
    return replace(line, notes=(*line.notes, *filter(None, notes)))


def _added(vm: VM, new: NICSpec, known: Known) -> Row:
    running = vm.status.power != Power.OFF
    (line,) = _lines(plan(new, None, None, running))
    step = replace(line.step, manner=Manner.LIVE if running else Manner.DEFINITION)
    notes = []
    if any(_is_on(nic, new.kind, new.source) for nic in _nics(vm, known)):
        notes.append(say("note", "has one"))
    if running and vm.status.document and free_slots(vm.status.document) == 0:
        notes.append(say("note", "no slot"))
    return Row(vm=vm, lines=(_noted(replace(line, step=step), *notes),), wanted=(("", new, frozenset()),))


@dataclass(frozen=True, kw_only=True)
class _NIC:
    """A NIC that is desired, found, or both. `now` is its desired specification, as far as it has one."""

    now: NICSpec
    desired: NIC | None
    found: FoundNIC | None
    stored: FoundNIC | None

    @property
    def key(self) -> str:
        return (self.desired or self.found or self.stored).key

    @property
    def gone(self) -> bool:
        """Return whether the NIC was removed outside the portal; a change of many VMs does not attach it again."""
        return not (self.found or self.stored or self.desired.asked_at or self.desired.refused)


def _nics(vm: VM, known: Known) -> Iterator[_NIC]:
    """Yield the VM's NICs in the order of the definition, without those that are being removed."""
    status = vm.status
    running = {nic.key: nic for nic in parse_domain(status.document)} if status.running else {}
    stored = {nic.key: nic for nic in parse_domain(status.definition)} if status.present and status.persistent else {}
    saved = {nic.key: nic for nic in vm.nics.all()}
    for key in dict.fromkeys([*saved, *running, *stored]):
        desired, here = saved.get(key), running.get(key) or stored.get(key)
        if desired is None or desired.removed_at is None:
            now = desired.spec() if desired else own(here, known.definition(here.spec))
            yield _NIC(now=now, desired=desired, found=running.get(key), stored=stored.get(key))


def _is_on(nic: _NIC, kind: str, source: str) -> bool:
    return any((each.kind, each.source) == (kind, source) for each in (nic.desired, nic.found or nic.stored) if each)


def _changed(vm: VM, change: Change, known: Known) -> Row:
    lines, left, wanted = [], [], []
    for nic in _nics(vm, known):
        if change.source and not _is_on(nic, NIC.Kind.NETWORK, change.source):
            if change.to and _is_on(nic, NIC.Kind.NETWORK, change.to):
                left.append(say("left", "there already", mac=nic.now.mac, network=change.to))
            continue
        if vm.status.document and nic.gone:
            left.append(say("left", "gone", mac=nic.now.mac))
            continue
        spec = _desired_spec(nic, change, known)
        fields = changed_fields(spec, nic.now) | {"source" if change.action == Action.MOVE else "link_up"}
        steps = _lines(_plan(vm, nic, spec, fields))
        if not steps and spec == nic.now:
            left.append(say("left", "up already" if spec.link_up else "down already", mac=spec.mac))
        else:
            steps = steps or [Line(step=say("step", "settled", mac=spec.mac))]
            notes = (_access_note(vm, nic, spec), _address_note(vm, nic, spec, known))
            lines += [_noted(step, *notes) for step in steps]
            wanted.append((nic.key, spec, fields))
    if not lines and not left:
        none = say("left", "no NIC there", network=change.source) if change.source else say("left", "no NIC")
        left.append(none)
    return Row(vm=vm, lines=tuple(lines), left=tuple(left), wanted=tuple(wanted))


def _plan(vm: VM, nic: _NIC, spec: NICSpec, fields: frozenset[str]) -> NICPlan:
    """Return the plan for the requested fields of one NIC, as `VM.change_nic` requests them."""
    settled = nic.desired is None or not (nic.desired.asked_at or nic.desired.refused)
    only = fields if settled else None
    return plan(spec, nic.found, nic.stored, vm.status.power != Power.OFF, only=only)


def _access_note(vm: VM, nic: _NIC, spec: NICSpec) -> Text | None:
    access = nic.desired and nic.desired.position == 0 and nic.desired.source == vm.hypervisor.access_network
    stays = spec.source == vm.hypervisor.access_network and spec.link_up
    return say("note", "access NIC") if access and not stays else None


def _address_note(vm: VM, nic: _NIC, spec: NICSpec, known: Known) -> Text | None:
    had, _ = known.reserved.get((vm.hypervisor_id, nic.now.source, nic.now.mac), ("", False))
    if spec.source == nic.now.source or not had:
        return None
    if known.refusal:
        return say("note", "address lost", ip=had, reason=known.refusal)
    return say("note", "next address", ip=had, network=spec.source)


def _desired_spec(nic: _NIC, change: Change, known: Known) -> NICSpec:
    if change.action != Action.MOVE:
        return replace(nic.now, link_up=change.action == Action.UP)
    group = nic.now.port_group if nic.now.port_group in known.groups.get(change.to, ()) else ""
    wanted = replace(nic.now, kind=NIC.Kind.NETWORK.value, source=change.to, mode="", port_group=group)
    return move(nic.now, wanted)


def _lines(found: NICPlan) -> list[Line]:
    late = say("note", "next boot", changes=found.waiting) if found.waiting else None
    return [_noted(Line(step=step, disruption=step.disruption.name.lower()), late) for step in found.steps]
