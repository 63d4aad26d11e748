"""The fields of a NIC: how libvirt changes each, and how two NICs differ. Pure: values in, values out."""

import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from networks.definition.spec import BandwidthSpec, NetworkSpec
from vms.definition import wording

from .spec import BRIDGED, FoundNIC, NICSpec


class How(enum.Enum):
    """When a change takes effect in a running guest."""

    LIVE = "live"
    REPLUG = "replug"
    NEXT_BOOT = "next boot"


# Each field, and how libvirt 9.0 applies it to a running guest. A MAC cannot be changed.
FIELDS = {
    "source": How.LIVE,
    "mode": How.REPLUG,
    "port_group": How.REPLUG,  # libvirt reports success and changes nothing
    "model": How.REPLUG,
    "mtu": How.REPLUG,
    "link_up": How.LIVE,
    "inbound": How.LIVE,
    "outbound": How.LIVE,
    "vlan": How.REPLUG,
    "isolated": How.LIVE,
    "trust_rx_filters": How.REPLUG,  # as port_group
    "filter": How.LIVE,
    "filter_parameters": How.LIVE,
    "boot_order": How.NEXT_BOOT,
    "queues": How.REPLUG,
    "alias": How.NEXT_BOOT,
    "pci": How.NEXT_BOOT,
}


PLACE = ("kind", "source")  # both belong to the field `source`


LEFT_TO_LIBVIRT = ("mode", "model", "pci")  # libvirt chooses them where they are empty


GO_ALONG = ("port_group", "trust_rx_filters")  # libvirt applies these together with a move


LENT = ("inbound", "outbound", "vlan", "isolated")  # a running NIC shows its network's values as its own


NEW = NICSpec(kind="", mac="", model="")  # the values of a NIC that does not exist yet


@dataclass(frozen=True, kw_only=True)
class Change:
    """A field with its previous and its new value, in the form of `value`."""

    field: str
    was: object
    becomes: object

    def __str__(self) -> str:
        return wording.change(self.field, self.was, self.becomes)


def changed_fields(wanted: NICSpec, now: NICSpec) -> frozenset[str]:
    """Return the fields in which the requested NIC differs from the current one."""
    return names_of(changes_between(wanted, now))


def move(now: NICSpec, wanted: NICSpec) -> NICSpec:
    """Return the specification of a moved NIC, without settings of its old place that are not requested again."""
    if (wanted.kind, wanted.source) == (now.kind, now.source):
        return wanted
    left: dict[str, object] = {"vlan": None}
    if now.inbound and now.inbound.floor:  # libvirt accepts it only on networks with a bandwidth
        inbound = replace(now.inbound, floor=None)
        left["inbound"] = inbound if inbound.average else None
    if wanted.kind not in BRIDGED:
        left |= {"isolated": False, "filter": "", "filter_parameters": (), "mtu": None}
    if wanted.kind not in ("network", "direct"):
        left["trust_rx_filters"] = False
    if wanted.kind == "user":
        left |= {"inbound": None, "outbound": None}
    return replace(
        wanted, **{name: value for name, value in left.items() if getattr(wanted, name) == getattr(now, name)}
    )


def fields_changed(wanted: NICSpec, found: FoundNIC) -> tuple[Change, ...]:
    """Return the changes from a found NIC to the desired one; values that libvirt chooses do not count."""
    return tuple(changes_between(wanted, found.spec))


def drift(wanted: NICSpec, found: FoundNIC, running: bool, *, replug: bool = True) -> tuple[Change, ...]:
    """Return the differences of a NIC from the desired one, without those that will disappear without a change.

    A running guest gets some changes at its next boot, and values that the network provides were not requested.
    """
    if not running:
        return fields_changed(wanted, found)
    late = (How.NEXT_BOOT,) if replug else (How.NEXT_BOOT, How.REPLUG)
    own = without_lent(wanted, found, None)
    if wanted.mtu is None:  # a tap device takes the MTU of its bridge
        own = replace(own, mtu=None)
    how = how_of(wanted, found, tuple(changes_between(wanted, own)))
    return tuple(change for change, each in how.items() if each not in late)


def changes_between(wanted: NICSpec, found: NICSpec) -> Iterator[Change]:
    for field in FIELDS:
        names = PLACE if field == "source" else (field,)
        differs = any(getattr(found, name) != getattr(wanted, name) for name in names)
        if differs and not (field in LEFT_TO_LIBVIRT and not getattr(wanted, field)):
            yield Change(field=field, was=value(field, found), becomes=value(field, wanted))


def value(field: str, spec: NICSpec) -> object:
    """Return a field's value in plain types; of `source` kind and source, of a bandwidth its notation."""
    if field == "source":
        return spec.kind, spec.source
    found = getattr(spec, field)
    return str(found) if isinstance(found, BandwidthSpec) else found


def among(changes: Iterable[Change], only: frozenset[str] | None) -> tuple[Change, ...]:
    return tuple(change for change in changes if only is None or change.field in only)


def only_changed(wanted: NICSpec, found: NICSpec, changes: Iterable[Change]) -> NICSpec:
    """Return the NIC as found, with only these changes applied."""
    return with_found(found, wanted, names_of(changes))


def own(found: FoundNIC, network: NetworkSpec | None) -> NICSpec:
    """Return the specification of a found NIC, without the PCI address that libvirt chose and its network's values."""
    lent = _lent(found.spec, network) if network else {}
    given = {name: getattr(NEW, name) for name, value in lent.items() if getattr(found.spec, name) == value}
    return replace(found.spec, pci="", **given)


def _lent(spec: NICSpec, network: NetworkSpec) -> dict[str, object]:
    """Return the values that a NIC has only because its network or port group provides them."""
    groups = [group for group in network.port_groups if group.name == spec.port_group]
    groups += [group for group in network.port_groups if group.default and not spec.port_group]
    lent: dict[str, object] = {"isolated": network.isolated_ports, "mtu": network.mtu}
    for group in groups:
        tag = group.tags[0] if len(group.tags) == 1 else None
        lent |= {"inbound": group.inbound, "outbound": group.outbound, "vlan": tag}
    return lent


def without_lent(wanted: NICSpec, live: FoundNIC, stored: FoundNIC | None) -> NICSpec:
    """Return the NIC without values of its network that are neither requested nor in the stored definition."""
    if live.kind != "network":
        return live.spec
    lent = {
        name: getattr(NEW, name)
        for name in LENT
        if getattr(live.spec, name) != getattr(wanted, name)
        and (stored is None or getattr(stored.spec, name) == getattr(NEW, name))
    }
    return replace(live.spec, **lent)


def how_of(wanted: NICSpec, live: FoundNIC, changes: tuple[Change, ...]) -> dict[Change, How]:
    """Return how each change takes effect, by libvirt's rules for the field and for what the NIC is attached to."""
    on_bridges = wanted.kind in BRIDGED and live.actual in BRIDGED and not live.virtual_port
    moves = on_bridges and "source" in names_of(changes)
    found = {}
    for change in changes:
        how = FIELDS[change.field]
        if moves and change.field in GO_ALONG:
            how = How.LIVE
        elif how is How.LIVE and (live.actual == "hostdev" or (change.field == "source" and not on_bridges)):
            how = How.REPLUG
        found[change] = how
    return found


def names_of(changes: Iterable[Change]) -> frozenset[str]:
    return frozenset(change.field for change in changes)


def with_found(wanted: NICSpec, found: NICSpec, fields: frozenset[str]) -> NICSpec:
    """Return the desired NIC, with these fields as they were found."""
    names = (name for field in fields for name in (PLACE if field == "source" else (field,)))
    return replace(wanted, **{name: getattr(found, name) for name in names})
