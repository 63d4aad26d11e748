"""The texts for networks: fields, differences, drift, steps of plans, and events of the history. Pure.

Everything else stores, compares and branches on codes. Each table has the texts of one subject by code; nothing that is
stored or decided depends on a text.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from virterweb.messages import Message, add_wording

#: The fields of a definition, by the path of their leaves; a path that is not listed is its own title.
TITLES = {
    "name": "Name",
    "uuid": "UUID",
    "title": "Title",
    "description": "Description",
    "metadata": "Metadata",
    "forward mode": "Forward mode",
    "forward interface": "Forward device",
    "forward nat ipv6": "NAT of IPv6",
    "forward nat port": "NAT ports",
    "forward nat address": "NAT addresses",
    "bridge name": "Bridge",
    "bridge stp": "STP",
    "bridge delay": "Bridge delay",
    "bridge zone": "Firewall zone",
    "mtu size": "MTU",
    "mac address": "MAC address of the host",
    "port isolated": "Isolated ports",
    "domain name": "Domain",
    "domain localOnly": "Domain is local only",
    "dns enable": "DNS",
    "dns forwarder": "DNS forwarder",
    "dns host": "DNS host",
    "dns txt": "TXT record",
    "dns srv": "SRV record",
    "ip": "Block",
    "ip tftp root": "TFTP root",
    "ip dhcp range": "DHCP range",
    "ip dhcp host": "DHCP reservation",
    "ip dhcp bootp file": "Boot file",
    "ip dhcp bootp server": "Boot server",
    "route": "Route",
    "portgroup": "Port group",
    "vlan tag": "VLAN tag",
    "vlan trunk": "VLAN trunk",
    "dnsmasq option": "dnsmasq option",
    "bandwidth inbound": "Bandwidth in",
    "bandwidth outbound": "Bandwidth out",
    "@active": "Active",
    "@autostart": "Starts with the host",
    "@persistent": "Persistent",
}

FIELDS = {
    "of block": "{title} of {block}",
    "none": "none",
    "start": "how it starts and stops",
    "more": "{names} and {count} more",
}

DIFFERENCES = {
    "value": "{field}: found {found}, expected {wanted}",
    "missing": "{field} {wanted} is missing",
    "added": "{field} {found} was added outside the portal",
}

DRIFTS = {
    "gone": "libvirt no longer has it",
    "recreated": "was recreated outside the portal, with another UUID",
    "value": "{field}: found {stored}, expected {saved}",
    "values": "{field}: stored {stored}, running {running}, expected {saved}",
    "missing": "{field} {saved} is missing",
    "missing stored": "{field} {saved} is missing in the stored definition",
    "missing running": "{field} {saved} is missing in the running network",
    "added": "{field} {off} was added outside the portal",
    "added stored": "{field} {off} was added outside the portal, only in the stored definition",
    "added running": "{field} {off} was added outside the portal, only in the running network",
    "@active yes": "is active",
    "@active no": "is not active",
    "@autostart yes": "starts with the host",
    "@autostart no": "does not start with the host",
    "@persistent no": "is transient: libvirt deletes it when it stops",
}

#: By verb, and where a verb has several meanings by its variant.
STEPS = {
    "define": "Define {network}",
    "define anew": "Define {network} again",
    "define persistent": "Make {network} persistent: libvirt keeps its definition when it stops",
    "autostart": "Set {network} to start with the host",
    "no autostart": "Set {network} to not start with the host",
    "start": "Start {network}",
    "stop": "Stop {network}",
    "stop transient": "Stop {network}; libvirt deletes it because it is transient",
    "undefine": "Undefine {network}",
    "delete": "Delete {network}",
    "restart": "Restart {network}, because libvirt cannot change this live: {fields}",
    "restart stored": "Restart {network}, because libvirt cannot change this live: {fields}. "
    "Changes stored outside the portal also take effect: {stored}",
    "reconnect": "Reconnect {count} running VMs: {vms}",
    "reconnect one": "Reconnect 1 running VM: {vms}",
    "reconnect all": "Reconnect the running VMs whose NICs are on {network}",
    "update delete": "Delete {field}: {value}",
    "update change": "Change {field}: {value}",
    "update change from": "Change {field}: {was} → {value}",
    "update add": "Add {field}: {value}",
}

NOTES = {
    "stp": "STP on the bridge causes 4 s of the interruption; you can turn STP off",
    "access network": "This is the access network of {hypervisor}. No VM can be run there without it.",
}

NOBODY, OWNERS = "nobody", ("before", "after", "before_team", "after_team")

#: What has changed a network's desired configuration.
EVENTS = {
    "baseline": "saved before the history began",
    "added": "added",
    "admin": "edited in the admin",
    "changed": "changed",
    "changed fields": "changed {fields}",
    "xml": "XML changed",
    "xml fields": "XML changed: {fields}",
    "started": "started",
    "started again": "started again after a restart of the host",
    "stopped": "stopped",
    "autostart": "set to start with the host",
    "no autostart": "set to not start with the host",
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
    "followed": "adopted the network that replaced it",
    "recreated": "recreated",
    "persistent": "made persistent",
    "accepted": "changes from libvirt accepted",
    "accepted by itself": "changes from libvirt accepted automatically",
    "reverted": "reverted to saved definition",
    "reverted by itself": "reverted to saved definition automatically",
    "refused": "definition before the refused change restored",
    "restored": "restored as of {at}",
    "reserved": "{ip} reserved for {guest}",
    "reservation changed": "DHCP reservation of {ip} changed",
    "reservation of vm": "DHCP reservation of VM {vm}",
    "reservations pasted": "{count} DHCP reservations pasted",
    "reservations removed": "DHCP reservations of {names} removed",
    "reservations removed more": "DHCP reservations of {names} and {more} more removed",
    "id reserved": "DHCP reservations of ID {first} added",
    "ids reserved": "DHCP reservations of IDs {first}–{last} added",
    "id released": "DHCP reservations of ID {first} removed",
    "ids released": "DHCP reservations of IDs {first}–{last} removed",
    "deleted": "deletion requested",
    "retried": "retried",
    "lease released": "release of lease {ip} requested",
    "on drift": "reaction to changes outside the portal set",
    "draft discarded": "refused change discarded",
    "text": "{text}",  # of an earlier version, which stored its words
}

MAX_NAMED = 4  # fields that an event names


def title(path: str, block: str = "") -> str:
    """Return a field's name as forms have it, with its block where it is in one."""
    text = TITLES.get(path, path)
    return FIELDS["of block"].format(title=text, block=block) if block else text


def titles(fields: Iterable[Sequence[str]]) -> str:
    """Return the names of fields, each given as path and block."""
    return ", ".join(dict.fromkeys(title(*field) for field in fields))


def value(text: str) -> str:
    """Return a value, or the word for none."""
    return text or FIELDS["none"]


def difference(field: str, wanted: str, found: str, listed: bool) -> str:
    """Return one difference between two documents."""
    if not listed:
        return DIFFERENCES["value"].format(field=field, found=value(found), wanted=value(wanted))
    return DIFFERENCES["added" if found else "missing"].format(field=field, found=found, wanted=wanted)


def drift(code: Mapping[str, str | bool | None]) -> str:
    """Return one entry of a status's drift, as it is stored."""
    if "field" not in code:
        return DRIFTS[code["code"]]
    path, block = code["field"]
    saved, stored, running = code["saved"], code["stored"], code["running"]
    if path.startswith("@"):
        return DRIFTS[f"{path} {stored}"]
    names = {"field": title(path, block)}
    sides = [stored] if running is None else [stored, running]
    if not code["listed"]:
        kind = "value" if len(set(sides)) == 1 else "values"
        return DRIFTS[kind].format(saved=value(saved), stored=value(stored), running=value(running or ""), **names)
    off = [side for side in sides if side != saved]
    kind = "missing" if saved else "added"
    if len(off) == 1 and running is not None:
        kind += " stored" if stored != saved else " running"
    return DRIFTS[kind].format(saved=saved, off=off[0], **names)


def step(code: Mapping[str, object]) -> str:
    """Return one step of a plan, as it is stored."""
    kind, values = " ".join(filter(None, (code["step"], code["variant"]))), {"network": code["network"]}
    if code["step"] == "restart":
        values |= {"fields": titles(code["fields"]), "stored": titles(code["stored"])}
    elif code["step"] == "reconnect":
        vms = code["vms"]
        kind += " one" if len(vms) == 1 else ""
        values |= {"count": len(vms), "vms": ", ".join(vms)}
    elif code["step"] == "update":
        kind = f"update {code['command']}{' from' if code['was'] else ''}"
        field = title(*code["field"])
        field = field if field[:2].isupper() else field[:1].lower() + field[1:]
        values |= {"field": field, "was": code["was"], "value": code["value"]}
    return STEPS[kind].format(**values)


def note(code: str, about: str = "") -> str:
    """Return the remark for a step; "" without one."""
    return NOTES[code].format(hypervisor=about) if code else ""


def event(code: str, about: Mapping[str, object]) -> str:
    """Return what has changed a network's desired configuration."""
    values = dict(about)
    if "fields" in values:
        names = list(dict.fromkeys(title(*field) for field in values["fields"])) or [FIELDS["start"]]
        text, more = ", ".join(names[:MAX_NAMED]), len(names) - MAX_NAMED
        values["fields"] = FIELDS["more"].format(names=text, count=more) if more > 0 else text
    for name in {"at", "until", "deleted"} & set(values):
        values[name] = f"{datetime.fromisoformat(str(values[name])):%Y-%m-%d %H:%M}"
    if "names" in values:
        values["names"] = ", ".join(values["names"])
    values |= {
        name: values[name] or NOBODY for name in ("before", "after", "before_team", "after_team") if name in values
    }
    return EVENTS[code].format(**values)


def _not_shown(steps: Iterable[Mapping[str, object]]) -> str:
    return NOT_SHOWN.format(steps="; ".join(dict.fromkeys(map(step, steps))))


def _action(**code: Mapping[str, object]) -> str:
    text = step(code["step"])
    return text[:1].lower() + text[1:]


def _in_use(vms: Sequence[str]) -> str:
    return IN_USE.format(vms=", ".join(vms))


def _disconnected(network: str, nics: Iterable[Sequence[str]]) -> str:
    texts = (DISCONNECTED_NIC.format(vm=vm, mac=mac, reason=Message.read(reason)) for vm, mac, reason in nics)
    return DISCONNECTED.format(network=network, nics="; ".join(texts))


NOT_SHOWN = (
    "Nothing was done, because the plan has changed since you saw it: {steps}. Check the plan and confirm it again."
)
IN_USE = "Not deleted: this would disconnect {vms}. Delete it again and confirm that these VMs may be disconnected."
DISCONNECTED = "{network} runs, but these NICs are still disconnected: {nics}"
DISCONNECTED_NIC = "{vm} (NIC {mac}): {reason}"

#: Why something was not done, and what is waited for.
MESSAGES = {
    "dns.not_active": "{network} is not active: no dnsmasq runs for it.",
    "lease.kept": "dnsmasq of the network did not release the lease.",
    "network.steps": "{done} of {count} steps done",
    "network.NICs": "{done} of {count} NICs done",
    "network.step": _action,
    "network.not_shown": _not_shown,
    "network.in_use": _in_use,
    "network.disconnected": _disconnected,
    "nic.not_on_bridge": "libvirt reported success, but the NIC is not on the bridge",
    "network.managed": "The portal already manages it",
    "network.unmanaged": "The portal does not manage it. Adopt it first",
    "network.gone": "libvirt no longer has {network}. Revert to the saved definition, which defines it again.",
    "network.recreated": "{network} was recreated outside the portal with another UUID. Adopt that network instead, "
    "or recreate the saved one.",
    "network.no_block": "In libvirt, {network} no longer has the block {blocks}. Revert to the saved definition, or "
    "accept the changes from libvirt.",
    "network.name_taken": "Not done: {name} is now the name of another DHCP reservation, {entry}. It was renamed "
    "outside the portal.",
    "network.entry_not_taken": "libvirt did not accept the DHCP reservation {entry} on {network}. The network may "
    "just have been changed outside the portal.",
}

add_wording(MESSAGES)
