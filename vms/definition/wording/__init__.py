"""The texts for VMs and their NICs: fields, values, drift, and the steps of plans. Pure.

Everything else stores, compares and branches on codes. Each table has the texts of one subject by code; nothing that is
stored or decided depends on a text.
"""

from collections.abc import Iterable, Mapping, Sequence

from virterweb.messages import Message, add_wording

from . import capture as _capture  # noqa: F401, adds its texts
from . import disks as _disks  # noqa: F401, adds its texts
from . import duplicate as _duplicate  # noqa: F401, adds its texts
from . import hardware
from . import reach as _reach  # noqa: F401, adds its texts
from . import steps as _steps  # noqa: F401, adds its texts

#: The kinds of NICs that the portal does not model, by their libvirt type.
KINDS = {
    "ethernet": "tap",
    "hostdev": "host device",
    "vhostuser": "vhost-user socket",
    "vdpa": "vDPA device",
    "mcast": "multicast group",
    "server": "TCP server",
    "client": "TCP client",
    "udp": "UDP tunnel",
    "internal": "internal network",
    "vds": "VMware switch",
    "null": "nothing",
}

#: What a NIC is attached to, by its libvirt type.
PLACES = {
    "network": "{source}",
    "user": "user networking",
    "bridge": "bridge {source}",
    "direct": "macvtap on {source}",
    "other": "{kind} {source}",
}

FIELDS = {
    "source": "Attached to",
    "mode": "macvtap mode",
    "port_group": "Port group",
    "model": "Model",
    "mtu": "MTU",
    "link_up": "Link",
    "inbound": "Bandwidth in",
    "outbound": "Bandwidth out",
    "vlan": "VLAN tag",
    "isolated": "Isolated port",
    "trust_rx_filters": "Guest’s receive filters trusted",
    "filter": "Network filter",
    "filter_parameters": "Filter parameters",
    "boot_order": "Boot order",
    "queues": "Queues",
    "alias": "Alias",
    "pci": "PCI address",
}

VALUES = {"up": "up", "down": "down", "yes": "yes", "no": "no", "none": "none", "parameter": "{name}={value}"}

CHANGES = {"change": "{field} {was} → {becomes}"}

#: By verb; a move is the change of what a NIC is attached to.
STEPS = {
    "detach": "Detach NIC {mac} from {place}",
    "attach": "Attach NIC {mac} to {place}",
    "attach new": "Attach a NIC to {place}",
    "change": "Change NIC {mac}",
    "move": "Move NIC {mac} from {was} to {becomes}",
}

#: When a step takes effect in the guest, by code; follows the step's text.
MANNERS = {
    "": "{step}",
    "live": "{step}: live",
    "live, link blinks": "{step}: live, with a short interruption of its link",
    "replug": "{step}: unplugged and plugged in again",
    "next boot": "{step}: at the next boot",
    "definition": "{step}: in the definition",
    "running": "{step} in the running guest",
}

NOTES = {
    "bandwidth": "Bandwidth limits need tc on the host.",
    "vlan": "A VLAN tag needs Open vSwitch or SR-IOV. libvirt refuses it on a Linux bridge.",
    "boot order": "libvirt accepts the boot order of a NIC only if <os> of the VM has no boot device.",
    "replugged": "The guest sees the NIC removed and added again with the same MAC. It must have booted to release "
    "the NIC.",
    "detached": "The guest must have booted to release the NIC.",
    "virtual port": "Its virtual port configuration belongs to the old network and is removed.",
}

#: The aspects of a VM: title, and value of a side.
ASPECTS = {
    "name": ("Name", "{value}"),
    "memory": ("Memory", "{value} MiB"),
    "vcpus": ("vCPUs", "{value}"),
    "autostart": ("Start with the host", "{value}"),
    "hardware": ("Hardware", "{value}"),
    "persistence": ("Definition", "{value}"),
    "disks": ("Disk {target}", "{value}"),
    "domain": ("VM", "{value}"),
}
PERSISTENCE = {True: "persistent", False: "transient: libvirt deletes it when it stops"}

DRIFTS = {
    "found": "{title}: found {found}, expected {saved}",
    "sides": "{title}: stored {stored}, running {running}, expected {saved}",
    "gone": "libvirt no longer has {saved}",
    "nic": "NIC {nic}",
    "nic field": "NIC {nic}: {field}",
    "on": "on {place}",
    "missing": "missing",
    "none": "none",
}


def place(kind: str, source: str) -> str:
    """Return what a NIC is attached to; a network by its name alone."""
    return PLACES.get(kind, PLACES["other"]).format(kind=KINDS.get(kind, kind), source=source).strip()


def title(field: str) -> str:
    return FIELDS[field]


def value(field: str, found: object) -> str:
    """Return the value of a NIC's field, given as `nic_plan.value` has it, or as JSON keeps that."""
    if field == "source":
        return place(*found)
    if field == "link_up":
        return VALUES["up" if found else "down"]
    if field == "filter_parameters":
        pairs = [VALUES["parameter"].format(name=name, value=text) for name, text in found]
        return ", ".join(pairs) or VALUES["none"]
    if isinstance(found, bool):
        return VALUES["yes" if found else "no"]
    return VALUES["none"] if found in (None, "") else str(found)


def change(field: str, was: object, becomes: object) -> str:
    text = title(field)
    text = text if text[:2].isupper() else f"{text[:1].lower()}{text[1:]}"
    return CHANGES["change"].format(field=text, was=value(field, was), becomes=value(field, becomes))


def step(
    verb: str, mac: str, where: Sequence[str], manner: str, changes: Iterable[tuple[str, object, object]] = ()
) -> str:
    """Return one step of a NIC's plan; `where` are kind and source, and the MAC is empty until it is chosen."""
    if verb in ("attach", "detach"):
        kind = "attach new" if verb == "attach" and not mac else verb
        text = STEPS[kind].format(mac=mac, place=place(*where))
    else:
        parts = [STEPS["change"].format(mac=mac)]
        for field, was, becomes in changes:
            if field == "source":
                parts[0] = STEPS["move"].format(mac=mac, was=value(field, was), becomes=value(field, becomes))
            else:
                parts.append(change(field, was, becomes))
        text = ", ".join(parts)
    return MANNERS[manner].format(step=text)


def notes(codes: Iterable[str]) -> str:
    return " ".join(NOTES[code] for code in codes)


def drift_title(code: Mapping[str, object]) -> str:
    """Return what a difference is about."""
    if aspect := code.get("aspect"):
        if aspect == "hardware":
            return hardware.TITLES[code["field"]]
        return ASPECTS[aspect][0].format(target=code.get("field"))
    kind = "nic field" if code.get("field") else "nic"
    return DRIFTS[kind].format(nic=code["nic"], field=FIELDS.get(code.get("field", ""), ""))


def drift_side(code: Mapping[str, object], side: str) -> str:
    """Return what a side has, "" if there is no such side."""
    if side not in code:
        return ""
    found = code[side]
    if aspect := code.get("aspect"):
        if aspect == "persistence":
            return PERSISTENCE[found]
        if isinstance(found, bool):
            return VALUES["yes" if found else "no"]
        if aspect == "hardware":
            return hardware.value(code["field"], found)
        lacking = DRIFTS["none" if code.get("added") else "missing"]
        return lacking if found is None else ASPECTS[aspect][1].format(value=found)
    if "problem" in code and side == "stored":
        return str(Message.read(code["problem"].get("message", "")))
    if code.get("field"):
        return value(code["field"], found)
    if found is None:
        return DRIFTS["none" if code.get("added") else "missing"]
    return DRIFTS["on"].format(place=place(*found)) if "problem" not in code else place(*found)


def drift(code: Mapping[str, object]) -> str:
    """Return how libvirt differs from what is saved, in one line."""
    if "text" in code:  # of an earlier version, which stored its words
        return code["text"]
    saved = drift_side(code, "saved")
    if code.get("aspect") == "domain":
        return DRIFTS["gone"].format(saved=saved)
    sides = {name: drift_side(code, name) for name in ("stored", "running")}
    there = dict.fromkeys(text for text in sides.values() if text)
    values = {"title": drift_title(code), "saved": saved, **sides}
    if len(there) > 1:
        return DRIFTS["sides"].format(**values)
    return DRIFTS["found"].format(found=next(iter(there), DRIFTS["missing"]), **values)


def _sentences(*texts: str) -> str:
    return " ".join(texts)


def _nics_held(macs: Sequence[str], refused: Iterable[Message]) -> str:
    return _sentences(NICS_HELD.format(macs=", ".join(macs)), *map(str, refused))


def _nics_refused(refused: Iterable[Message]) -> str:
    return _sentences(*map(str, refused))


def _not_deleted(vm: str, reason: Message) -> str:
    text = str(reason)
    return NOT_DELETED.format(vm=vm, reason=f"{text[:1].upper()}{text[1:]}")


def _not_changed(mac: str, changes: Iterable[tuple[str, object, object]]) -> str:
    return NOT_CHANGED.format(mac=mac, changes="; ".join(change(*each) for each in changes))


NOT_DELETED = "{vm} was not deleted. {reason}"
NOT_CHANGED = "libvirt reported success, but NIC {mac} has not changed: {changes}."
NICS_HELD = (
    "the guest has not released NIC {macs}. The portal asks it again. It releases the NIC once it has booted or when "
    "the VM is off."
)

#: Why something was not done, and what is waited for.
MESSAGES = {
    "nics.held": _nics_held,
    "nics.refused": _nics_refused,
    "vm.shutting_down": "shutting down; forced off in {seconds} s",
    "vm.no_network": "{hypervisor} has no network {about}.",
    "vm.no_access_network": "{hypervisor} has no network {network}, which the first NIC of every VM needs.",
    "vm.name_taken": "{hypervisor} already has a VM {vm}.",
    "vm.mac_taken": lambda mac, vms=(), vm="": f"The MAC {mac} is in use by {', '.join(vms) or vm}.",
    "vm.number_taken": "ID {number} is taken: {network} already has a DHCP reservation for {mac}.",
    "vm.number_outside": "ID {number} has no address in {block}.",
    "vm.no_reservation": "{network} has no DHCP reservation for {mac}, and this hypervisor uses static DHCP.",
    "vm.no_image": "{vm} has no image.",
    "vm.disk_name": "A disk cannot be named cidata or console, because the VM has volumes with these names.",
    "vm.volume_left": "The pool {pool} already has a volume {volume}. If nothing uses it, delete it on the page "
    "Leftovers, or choose another name.",
    "vm.volume_taken": "The volume {volume} of the pool {pool} belongs to another VM. Choose another name.",
    "vm.disk_gone": "The disk {disk} of {vm} no longer exists. Delete {vm} and run it again.",
    "vm.not_deleted": _not_deleted,
    "vm.runs": "The VM runs, although its end date has passed",
    "vm.disk_in_snapshot": "The disk of {vm} is in the snapshot overlay {path}, outside its pool, where libvirt cannot "
    "delete it. Merge it into the disk with virsh blockcommit, or detach it, then delete {vm} again.",
    "vm.disk_in_use": "The volume {volume} in the pool {pool} is an overlay on {beneath}, which would "
    "be deleted with {vm}. Delete that volume, or make it independent with virsh blockpull or qemu-img rebase. Then "
    "delete {vm} again.",
    "vm.gone": "libvirt no longer has {vm}. Recreate it from the saved definition, or delete it.",
    "vm.recreated": "libvirt has another VM {vm} with the UUID {uuid}. Adopt that one instead, or rename or delete it "
    "first.",
    "vm.transient": "{vm} is transient: there is no stored definition to change. Make it persistent first.",
    "vm.became_transient": "Not stopped: {vm} has become transient, so libvirt deletes it when it stops. Make it "
    "persistent, or stop it again to confirm.",
    "vm.rename_running": "libvirt can rename only VMs that are off. Shut down {vm}, then revert its name.",
    "address.no_network": "An address can be reserved only on a network.",
    "address.leave_empty": "{reason} A reserved address is part of the definition of the network. Leave it empty, or "
    "ask somebody who may change the network.",
    "address.keep": "{reason} A reserved address is part of the definition of the network. Keep {ip}, or ask "
    "somebody who may change the network.",
    "address.no_dhcp": "{network} has no DHCP, so the guest would not get the address.",
    "address.none_free": "{network} has no free address left.",
    "address.ipv6": "An IPv6 guest is identified by its DUID, not by its MAC. Reserve the address on the page of the "
    "network.",
    "size.invalid": "{text} is not a size, for example 512M or 2G",  # without full stop
    "user.static": "{ip} is the static address of {vm} ({mac}).",
    "address.invalid": "{text} is not an IP address. Enter one like 10.255.0.8, without leading zeros.",
    "nic.shared_mac": "Several NICs have the MAC {mac}, and no PCI address or alias distinguishes them.",
    "nic.other_mac": "The MAC of NIC {found} cannot change to {mac}. Attach a new NIC and detach this one.",
    "nic.not_attachable": "NIC {mac} is of the kind {kind}, which the portal cannot attach. Use virsh.",
    "nic.not_changed": _not_changed,
    "nic.not_restored": "{problem} The old state could not be restored: {stays}",
}

add_wording(MESSAGES)
