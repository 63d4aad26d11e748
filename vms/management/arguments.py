"""Arguments of the command `vm`: NICs, disks and sizes as text."""

import time
from collections.abc import Mapping

from django.core.management.base import CommandError, CommandParser
from django.forms import BooleanField
from django.http import Http404, QueryDict

from virterweb.hypervisors.models import Hypervisor
from virterweb.people import rights
from virterweb.people.cli import check
from virterweb.people.verbs import Verb
from vms.definition import sizes
from vms.guests.form import GUEST
from vms.lookup import get_template
from vms.models import SSH_TIMEOUT, VM, Power, SSHState, VMTemplate
from vms.nics.form import NICChangeForm
from vms.nics.new_nic_form import NICForm
from vms.nics.place_form import USER
from vms.run.disk_form import DiskForm
from vms.run.form import RunForm

GZIP = b"\x1f\x8b"


PLACES = {"network", "bridge", "device"}


FLAGS = {  # of form fields with another name
    **{"image": "IMAGE", "number": "--id", "boot_size": "--boot-capacity", "ssh_keys": "--ssh-key"},
    **{"ssh_user": "--user", "console_dir": "--console", "vnc_by_id": "--vnc", "vnc_bind": "--vnc-bind-ip"},
    **{"firmware": "--secure-boot", "template": "NAME"},
}


NIC_HELP = {  # by form field: the labels and help texts of the form are not clear without the form
    "guest": "configuration of the NIC in the guest: auto (as the network offers), dhcp, static, up (no address) or "
    "alone (not configured)",
    "guest_addresses": "static addresses with prefix lengths, for example 10.0.0.5/24; empty: the reserved address",
    "gateway": "gateway of a static NIC; empty: as the network offers",
    "dns": "DNS servers for the guest; none: no servers of the network; empty: as the network offers",
    "default_route": "whether this NIC has the default route: yes or no; empty: the first NIC that gets one has it",
    "metric": "metric of the IPv4 default route; the lowest metric has priority",
    "network": "attach the NIC to this network",
    "bridge": "attach the NIC to this bridge of the host",
    "device": "attach the NIC by macvtap to this device of the host",
    "model": "device model, for example virtio or e1000",
    "address": "reserved IP address on the network, or next for the next free one; it moves with the NIC",
    "link_up": "whether the link is up",
    "mode": "macvtap mode: bridge, vepa, private or passthrough",
    "port_group": "port group of the network",
    "isolated": "whether the NIC cannot reach other isolated NICs on the same bridge",
    "filter": "network filter of libvirt, for example clean-traffic, which prevents spoofed addresses",
    "filter_parameters": "parameters of the network filter: NAME=VALUE, separated by spaces",
    "trust_rx_filters": "whether the host accepts receive filters of the guest, such as changed MACs",
    "vlan": "VLAN tag",
    "mtu": "MTU of the NIC",
    "inbound": "inbound bandwidth limit: average,peak,burst in KiB/s (burst in KiB)",
    "outbound": "outbound bandwidth limit: average,peak,burst in KiB/s (burst in KiB)",
    "queues": "number of virtio queues",
    "boot_order": "position in the boot order",
    "alias": "libvirt alias, which begins with ua-",
    "pci": "PCI address in the guest, for example 0000:00:05.0",
    "at_shutdown": "delay changes that unplug the NIC until the next boot",
}


def sent(initial: Mapping[str, object]) -> QueryDict:
    """Return what a browser would send of the form that runs VMs with these initial values."""
    data = QueryDict(mutable=True)
    for name, value in initial.items():
        if name in (*RunForm.base_fields, "template") and value not in (None, False):
            data[name] = "on" if value is True else str(value)
    for prefix, rows, fields in (("nic", "nics", NICForm.FIELDS), ("disk", "disks", DiskForm.FIELDS)):
        for row in initial.get(rows, ()):
            for field in fields:
                value = row.get(field)
                data.appendlist(f"{prefix}_{field}", "" if value is None else str(value))
    return data


def check_run(form: RunForm) -> None:
    """Raise CommandError with each error of the form that runs VMs, and of its rows."""
    form.is_valid()
    for flag, rows in (("--nic", form.nics), ("--disk", form.disks)):
        for row in rows:
            check(row, dict.fromkeys(row.fields, flag))
    check(form, FLAGS)


def find_template(user: rights.Actor, hypervisor: Hypervisor, name: str, verb: Verb) -> VMTemplate:
    """Return the template of that name, with which the user may do this; CommandError if there is none."""
    try:
        return get_template(user, hypervisor.name, name, verb=verb)
    except Http404 as missing:
        raise CommandError(str(missing)) from missing


def parts(text: str, keys: tuple[str, ...]) -> dict[str, str]:
    """Return the values of a flag like type=network,source=net1."""
    found = dict(part.partition("=")[::2] for part in text.split(",") if part)
    if unknown := found.keys() - set(keys):
        raise CommandError(f"{text}: unknown key {', '.join(sorted(unknown))}; the keys are {', '.join(keys)}")
    return found


def nic_values(text: str) -> dict[str, str]:
    """Return the fields of NICForm for --nic type=network|bridge,source=,model=,mac= as in Virter.

    In addition to Virter's: the types direct and user, and guest settings by the names of GuestForm's fields, with +
    between addresses.
    """
    nic = parts(text, ("type", "source", "model", "mac", *(name.replace("_", "-") for name in GUEST)))
    fields = {"network": "network", "bridge": "bridge", "direct": "device", "user": "network"}
    field, source = fields.get(nic.get("type", "")), nic.get("source", "")
    if field is None or bool(source) == (nic["type"] == "user"):
        raise CommandError(
            f"--nic {text}: enter type=network, bridge or direct with source=, or type=user without source="
        )
    empty = dict.fromkeys(NICForm.FIELDS, "")
    guest = {name: nic.get(name.replace("_", "-"), "").replace("+", " ") for name in GUEST}
    return {**empty, field: source or USER, "model": nic.get("model", ""), "mac": nic.get("mac", ""), **guest}


def nic_flags(parser: CommandParser) -> None:
    """Add a flag for each field of the page's form."""
    for name, field in NICChangeForm.base_fields.items():
        if name != "mac":
            choices = {"choices": ("yes", "no")} if isinstance(field, BooleanField) else {}
            parser.add_argument(f"--{name.replace('_', '-')}", help=NIC_HELP[name], **choices)


def nic_data(form: NICChangeForm, given: dict[str, str], options: dict) -> dict[str, str]:
    """Return what a browser would send of the form, with the values from the command line."""
    given = given | {name: options[name] for name in form.fields if name != "mac" and options.get(name) is not None}
    shown = {field.name: field.value() for field in form}
    if PLACES & given.keys():
        shown |= dict.fromkeys(PLACES, "")
    boxes = {name for name, field in form.fields.items() if isinstance(field, BooleanField)}
    shown |= {name: value == "yes" if name in boxes else value for name, value in given.items()}
    sent = {name: value for name, value in shown.items() if value is not None and value is not False}
    return {name: "on" if value is True else str(value) for name, value in sent.items()}


def disk_values(text: str) -> dict[str, str]:
    """Return the fields of DiskForm for --disk name=,size=,format=,bus=,pool= as in Virter."""
    values = parts(text, DiskForm.FIELDS)
    if not values.get("name") or not values.get("size"):
        raise CommandError(f"--disk {text}: enter name= and size=")
    return {**dict.fromkeys(DiskForm.FIELDS, ""), **values}


def size(text: str) -> int:
    """Return a size in MiB."""
    try:
        return sizes.mebibytes(text)
    except ValueError as problem:
        raise CommandError(str(problem)) from problem


def wait_for_ssh(vms: list[VM]) -> None:
    """Wait until SSH to all VMs works; CommandError with the reasons of those that fail or no longer run."""
    waiting, failures = {vm.pk: vm.name for vm in vms}, []
    deadline = time.monotonic() + SSH_TIMEOUT.total_seconds() + 30  # in case no worker ends the check
    while waiting:
        now = {vm.pk: vm for vm in VM.objects.shown().filter(pk__in=waiting)}
        for pk, name in list(waiting.items()):
            vm = now.get(pk)
            runs = vm and vm.status.power == Power.RUNNING
            if runs and vm.ssh_state == SSHState.WAITING and time.monotonic() < deadline:
                continue
            del waiting[pk]
            if not runs:
                failures.append(f"{name} is no longer running, so nobody can log in to it")
            elif vm.ssh_state:
                failures.append(f"{name}: {vm.ssh_reason}")
        time.sleep(0.3 if waiting else 0)
    if failures:
        raise CommandError("\n".join(failures))
