"""Saved definitions of VMs in the history, their differences, and texts about both. Pure.

A saved definition is a libvirt document and, by NIC, what the portal keeps beside it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self

from lxml import etree

from . import domain, wording
from .guest_nic import GuestSpec, Mode
from .nics.fields import changes_between
from .nics.parse import parse as parse_nic
from .nics.spec import NICSpec, key_of
from .wording import hardware

NOBODY, OWNERS = "nobody", ("before", "after", "before_team", "after_team")

#: What has changed a VM's saved definition.
EVENTS = {
    "baseline": "saved before the history began",
    "run": "run from {image}",
    "duplicated": "duplicated from {vm}",
    "admin": "edited in the admin",
    "nic added": "NIC {mac} added",
    "nic changed": "NIC {mac} changed: {fields}",
    "nic removed": "NIC {mac} removed",
    "nic removal cancelled": "removal of NIC {mac} cancelled",
    "resized": "memory and vCPUs edited",
    "hardware edited": "hardware edited",
    "xml edited": "XML edited",
    "guest network": "guest network configuration mode changed",
    "started": "started",
    "started again": "started again after a restart or rebuild of the hypervisor",
    "left off": "left off after a restart or rebuild of the hypervisor",
    "shut down": "shut down",
    "forced off": "forced off",
    "resumed": "resumed",
    "rebooted": "reboot requested",
    "paused": "paused",
    "state saved": "state saved, and stopped",
    "state discarded": "saved state discarded",
    "reset": "reset by force",
    "autostart on": "set to start with the host",
    "autostart off": "set to not start with the host",
    "isolated": "isolated: all links set down",
    "isolation ended": "isolation ended: links set up again",
    "disk added": "disk {name} added",
    "disk grown": "disk {target} grown to {size} MiB",
    "disk detached": "disk {target} detached",
    "disk deleted": "disk {target} deleted",
    "drive added": "CD-ROM drive added",
    "medium inserted": "{volume} inserted into {target}",
    "medium ejected": "medium ejected from {target}",
    "disk request cancelled": "requested change of a disk cancelled",
    "persistent": "made persistent",
    "adopted": "adopted",
    "released": "released",
    "handed over": "handed over from {before} to {after}",
    "handed over to team": "handed over from the team {before_team} to {after_team}",
    "handed over to both": "handed over from {before} to {after}, and from the team {before_team} to {after_team}",
    "shared": "shared with {recipient} as {level}",
    "no longer shared": "no longer shared with {recipient}",
    "extended": "extended until {until}",
    "end changed": "end date set to {until}",
    "end removed": "end date removed",
    "ended": "stopped because of its end date, to be deleted on {deleted}",
    "deleted at end": "deletion requested because of its end date {until}",
    "tagged": "tags: {changes}",
    "accepted": "changes from libvirt accepted",
    "reverted": "reverted to the saved definition",
    "taken over": "replaced by the VM that was recreated outside the portal",
    "deleted": "deletion requested",
    "restored": "restored as of {at}",
    "retried": "retried",
    "guest configured": "application of the guest network configuration requested",
    "logged in": "logged in to the guest by SSH",
    "captured": "capture of packets of NIC {mac} requested",
    "capture stopped": "stop of the capture of NIC {mac} requested",
    "capture deleted": "capture of NIC {mac} deleted",
    "capture downloaded": "capture of NIC {mac} downloaded",
    "snapshot taken": "snapshot {snapshot} requested",
    "snapshot reverted": "revert to snapshot {snapshot} requested",
    "snapshot deleted": "deletion of snapshot {snapshot} requested",
    "snapshot merged": "merge of snapshot {snapshot} requested",
    "snapshot cancelled": "cancellation of the request about snapshot {snapshot}",
    "console opened": "console opened",
    "console downloaded": "console log downloaded",
    "console serial opened": "serial console opened",
    "console serial read": "serial console closed, read-only, open since {since}",
    "console serial written": "serial console closed, written to, open since {since}",
    "console display opened": "display opened",
    "console display viewed": "display closed, view-only, open since {since}",
    "console display used": "display closed, used with keyboard or pointer, open since {since}",
}

TITLES = {
    "name": "Name",
    "image": "Image",
    "memory": "Memory",
    "vcpus": "vCPUs",
    "guest_network": "Guest network configuration mode",
    "running": "Power",
    "disk": "Disk {target}",
    "nic": "NIC {mac}",
    "nic field": "NIC {mac}: {field}",
    "guest": "NIC {mac}: guest network configuration",
    "address": "NIC {mac}: reserved address",
}

VALUES = {
    "memory": "{value} MiB",
    "running": "running",
    "off": "off",
    "hypervisor": "as set on hypervisor",
    "gateway": "gateway {value}",
    "dns": "DNS {value}",
    "only DNS": "no other DNS",
    "route": "default route",
    "no route": "no default route",
    "metric": "metric {value}",
    "nothing": "settings of the NIC",
}


@dataclass(frozen=True, kw_only=True)
class SavedNIC:
    """A NIC of a saved definition; `address` is the one that is reserved for it, "" without."""

    spec: NICSpec
    place: str = ""
    guest: GuestSpec = field(default_factory=GuestSpec)
    address: str = ""

    @classmethod
    def read(cls, stored: Mapping[str, object]) -> Self:
        """Return the NIC that `stored` was made from."""
        values = {name: stored[name] for name in ("kind", "source", "model", "mac")}
        spec = NICSpec(**values)
        if stored["document"]:
            spec = replace(parse_nic(etree.fromstring(stored["document"], domain.PARSER)).spec, **values)
        guest = GuestSpec.read(stored["guest"])
        return cls(spec=spec, place=stored["place"], guest=guest, address=stored["address"])

    @property
    def key(self) -> str:
        return key_of(self.spec.mac, self.place)


@dataclass(frozen=True, kw_only=True)
class Saved:
    """A saved definition."""

    document: str
    nics: tuple[SavedNIC, ...] = ()
    image: str = ""
    guest_network: str = ""
    running: bool = True


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A difference of two saved definitions as text: `found` before, `wanted` after; "" for no value."""

    field: str
    wanted: str
    found: str


def differences(wanted: Saved, found: Saved | None) -> tuple[Difference, ...]:
    """Return the differences from one saved definition to another; everything if there was none before."""
    pairs = ((title, before, after) for title, before, after in _pairs(wanted, found) if before != after)
    return tuple(Difference(field=title, found=before, wanted=after) for title, before, after in pairs)


def _pairs(wanted: Saved, found: Saved | None) -> Iterator[tuple[str, str, str]]:
    """Yield each field with its value before and after."""
    after, before = _values(wanted), _values(found) if found else {}
    for name in dict.fromkeys([*after, *before]):
        yield name, before.get(name, ""), after.get(name, "")
    nics, earlier = ({nic.key: nic for nic in each.nics} if each else {} for each in (wanted, found))
    for key in dict.fromkeys([*earlier, *nics]):
        yield from _nic_pairs(key, earlier.get(key), nics.get(key))


def _values(saved: Saved) -> dict[str, str]:
    """Return the values that do not belong to a NIC, by title."""
    spec = domain.parse(saved.document)
    values = {
        "name": spec.name,
        "image": saved.image,
        "memory": VALUES["memory"].format(value=spec.memory),
        "vcpus": str(spec.vcpus),
        "guest_network": saved.guest_network or VALUES["hypervisor"],
        "running": VALUES["running" if saved.running else "off"],
    }
    disks = {TITLES["disk"].format(target=disk.target): disk.source for disk in spec.disks if disk.device == "disk"}
    fields = {title: hardware.value(name, getattr(spec.hardware, name)) for name, title in hardware.TITLES.items()}
    return {TITLES[name]: value for name, value in values.items()} | fields | disks


def _nic_pairs(key: str, before: SavedNIC | None, after: SavedNIC | None) -> Iterator[tuple[str, str, str]]:
    yield TITLES["nic"].format(mac=key), _place(before), _place(after)
    if before and after:
        for change in changes_between(after.spec, before.spec):
            if change.field != "source":
                title = TITLES["nic field"].format(mac=key, field=wording.title(change.field))
                yield title, wording.value(change.field, change.was), wording.value(change.field, change.becomes)
    if after:
        earlier = before or SavedNIC(spec=after.spec)
        yield TITLES["guest"].format(mac=key), guest_text(earlier.guest), guest_text(after.guest)
        yield TITLES["address"].format(mac=key), earlier.address, after.address


def _place(nic: SavedNIC | None) -> str:
    return wording.place(nic.spec.kind, nic.spec.source) if nic else ""


def guest_text(guest: GuestSpec) -> str:
    """Return a text about the desired configuration of a NIC in the guest; "" if nothing is set."""
    values = [
        *([] if guest.mode == Mode.AUTO else [Mode(guest.mode).label]),
        *guest.addresses,
        *(VALUES["gateway"].format(value=each) for each in guest.gateways),
        *(VALUES["dns"].format(value=each) for each in guest.dns),
        *([] if guest.use_dns else [VALUES["only DNS"]]),
        *([] if guest.default_route is None else [VALUES["route" if guest.default_route else "no route"]]),
        *([] if guest.metric is None else [VALUES["metric"].format(value=guest.metric)]),
    ]
    return ", ".join(values)


def event(code: str, about: Mapping[str, object]) -> str:
    """Return what has changed a VM's saved definition."""
    values = dict(about)
    for name in {"at", "until", "deleted"} & set(values):
        values[name] = f"{datetime.fromisoformat(str(values[name])):%Y-%m-%d %H:%M}"
    if "fields" in values:
        values["fields"] = ", ".join(map(wording.title, values["fields"])) or VALUES["nothing"]
    values |= {
        name: values[name] or NOBODY for name in ("before", "after", "before_team", "after_team") if name in values
    }
    return EVENTS[code].format(**values)
