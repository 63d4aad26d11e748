"""Reads what a user may see of networks, VMs and NICs as a graph, in a constant number of queries."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote

from django.db.models import QuerySet
from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone

from networks.models import Network
from virterweb.pages.characters import visible
from virterweb.pages.chips import Narrowed
from virterweb.pages.tables import natural
from virterweb.people import rights
from virterweb.people.verbs import Verb
from vms.addresses.nic_addresses import addresses_of
from vms.definition import wording
from vms.definition.nics.spec import key_of
from vms.listing import narrowed
from vms.models import VM, NICStatus, NICTraffic
from vms.observed.rates import GAP, speed

from .graph import Column, Dot, Graph, Line, grouped
from .order import ordered

MOST = 1000  # VMs
GROUPED = 60  # columns; if there were more, VMs on the same networks are one
OFF, DOWN = "off", "down"
ABOUT_VMS = ("q", "state", "owner")  # filters that leave out networks without such VMs
# Long texts and JSON of a VM, which cost more to load than all that is shown of it.
NOT_READ = ("status__document", "status__stored", "status__detail", "status__disks", "user_data", "ssh_keys")
NOT_READ += ("host_key", "host_key_public", "hardware", "saved_disks", "isolated", "asked", "linked_to", "edited")
COLUMNS = ("pk", "vm__desired", "kind", "source", "network", "mac", "place", "target", "link")


@dataclass(frozen=True, kw_only=True)
class Topology:
    """The graph for a page, its chips, the VMs that may be changed, and how many it leaves out: there are too many."""

    graph: Graph
    narrowed: Narrowed
    changeable: tuple[VM, ...]
    left_out: int


def read(user: rights.Actor, query: QueryDict, hypervisors: int) -> Topology:
    """Return what a query asks for: the filters of the list of VMs, and `network`, `vm` or `team` by name."""
    found = narrowed(VM.objects.visible_to(user).shown(), query, hypervisors)
    vms = found.rows
    if name := query.get("vm", ""):
        vms = vms.filter(name=name)
    if team := query.get("team", ""):
        vms = vms.filter(team__name=team)
    if name := query.get("network", ""):
        on = NICStatus.objects.filter(network__name=name, network__in=Network.objects.visible_to(user))
        vms = vms.filter(pk__in=on.values("vm__desired"))
    vms = vms.select_related(None).select_related("status", "ssh_check", "hypervisor").defer(*NOT_READ)
    rows = list(vms.order_by(natural("name"))[: MOST + 1])
    shown = rows[:MOST]
    changeable = tuple(vm for vm in shown if not vm.removed_at and rights.may(user, Verb.EDIT, vm))
    dots = _dots(shown, {vm.pk for vm in changeable})
    lines = _lines(_networks(user, query), dots, shown)
    columns = tuple(_column(vm, dots.get(vm.pk, {})) for vm in shown)
    graph = Graph(lines=_used(lines, columns, query), columns=columns)
    if len(columns) > GROUPED:
        graph = Graph(lines=graph.lines, columns=grouped(columns))
    left_out = vms.count() - MOST if len(rows) > MOST else 0
    return Topology(graph=ordered(graph), narrowed=found, changeable=changeable, left_out=left_out)


def _networks(user: rights.Actor, query: QueryDict) -> QuerySet[Network]:
    networks = Network.objects.visible_to(user).shown().once_a_name().order_by(natural("name"))
    networks = networks.select_related("status", "hypervisor").defer("status__document", "status__stored")
    if hypervisor := query.get("hypervisor", ""):
        networks = networks.filter(hypervisor__name=hypervisor)
    return networks


def _lines(networks: QuerySet[Network], dots: Mapping[int, Mapping], vms: Iterable[VM]) -> tuple[Line, ...]:
    """Return a line for each network, and for each other source of a NIC."""
    lines = {f"network-{network.pk}": _line(network) for network in networks}
    for vm in vms:
        for (key, kind, source), _ in dots.get(vm.pk, {}).values():
            if key not in lines:
                note = wording.KINDS.get(kind, "")
                lines[key] = Line(key=key, name=visible(source) or note, hypervisor=vm.hypervisor.name, note=note)
    return tuple(lines.values())


def _line(network: Network) -> Line:
    status, state = network.status, network.shown_state
    is_off = not status.active and state.tone in ("ready", "quiet")
    return Line(
        key=f"network-{network.pk}",
        name=visible(network.name),
        hypervisor=network.hypervisor.name,
        note=visible(status.ip_range),
        edge=" · ".join(visible(part) for part in (status.bridge, status.forward_mode) if part),
        url=network.get_absolute_url(),
        state="inactive" if is_off else state.words,
        tone=OFF if is_off else state.tone,
    )


def _used(lines: Iterable[Line], columns: Iterable[Column], query: QueryDict) -> tuple[Line, ...]:
    """Return the lines to show: with a filter that is about VMs only those that some VM is on."""
    about_vms = any(query.get(key) for key in (*ABOUT_VMS, "tag", "team", "vm", "network"))
    used = {key for column in columns for key in column.lines}
    return tuple(line for line in lines if line.key in used or not about_vms)


def _column(vm: VM, dots: Mapping[str, tuple]) -> Column:
    state = vm.shown_state
    return Column(
        key=f"vm-{vm.pk}",
        name=visible(vm.name),
        hypervisor=vm.hypervisor.name,
        url=vm.get_absolute_url(),
        state=state.words,
        tone=state.tone,
        dots=tuple(dot for _, dot in dots.values()),
    )


def _dots(vms: Iterable[VM], changeable: set[int]) -> dict[int, dict[str, tuple[tuple[str, str, str], Dot]]]:
    """Return the NICs that were found by VM, each with the key of what it is on.

    They lead to the page that sets the link, or to the VM if it is not changeable.
    """
    names = {vm.pk: vm for vm in vms}
    pages = {vm.pk: _nic_page(vm, vm.pk in changeable) for vm in vms}
    rates = _rates(names)
    nics = NICStatus.objects.filter(vm__desired__in=names)
    addresses = addresses_of(nics)
    found: dict[int, dict] = {}
    for nic in nics.order_by("vm", "position").values(*COLUMNS):
        vm, mac, place, kind = names[nic["vm__desired"]], nic["mac"], nic["place"], nic["kind"]
        key = f"network-{nic['network']}" if nic["network"] else f"{kind}-{vm.hypervisor_id}-{nic['source']}"
        rate, down = rates.get((vm.pk, mac, place), 0.0), nic["link"] == DOWN
        facts = (mac, *addresses[nic["pk"]].ips, visible(nic["target"]), "link down" if down else "", _speed(rate))
        dot = Dot(
            line=key,
            on=visible(nic["source"]) or wording.KINDS.get(kind, ""),
            facts=", ".join(filter(None, facts)),
            url=pages[vm.pk](key_of(mac, place)),
            down=down,
            rate=rate,
        )
        found.setdefault(vm.pk, {})[f"{mac} {place}"] = (key, kind, nic["source"]), dot
    return found


def _nic_page(vm: VM, changeable: bool) -> Callable[[str], str]:
    """Return a function that returns the page of a NIC by its key; a diagram has a thousand NICs, so it is quick."""
    if not changeable:
        page = f"{vm.get_absolute_url()}#nics"
        return lambda key: page
    start, _, end = reverse("vms:nic_link", args=[vm.hypervisor.name, vm.name, "-"]).rpartition("-")
    return lambda key: f"{start}{quote(key, safe=':@')}{end}"


def _speed(rate: float) -> str:
    return speed(rate) if rate else ""


def _rates(vms: Mapping[int, VM]) -> dict[tuple[int, str, str], float]:
    """Return the bytes a second of NICs, both ways, as of the last reading."""
    recent = NICTraffic.objects.filter(vm__desired__in=vms, at__gt=timezone.now() - timedelta(seconds=GAP))
    rows = recent.values_list("vm__desired", "mac", "place", "rate")
    return {(vm, mac, place): float(sum(rate)) for vm, mac, place, rate in rows if rate}
