"""The VMs for other tools: Ansible's inventory, OpenSSH's configuration and its list of known host keys.

All values are as last observed. A host is named like its VM; where two hypervisors have a VM of one name,
NAME.HYPERVISOR, and where that is not unique either, with a number appended. Names of domains are not restricted
outside the portal: every character other than a letter, digit, dot, dash or underscore is replaced by an underscore,
and `virter_name` has the original name.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from zlib import crc32

from networks.models import Network
from virterweb.hypervisors.models import Hypervisor
from vms.models import VM, NICStatus, Power, VMQuerySet

from . import ids
from .jump_host import jump_to
from .nic_addresses import addresses_of

COLUMNS = ("name", "number", "managed", "ssh_user", "host_key_public", "hypervisor__name", "status__power", "ends_at")
COLUMNS += ("tags",)
NIC_COLUMNS = ("pk", "vm__desired", "network__name", "mac", "target")
GROUPS = {*Power.values, "all", "ungrouped", "_meta"}  # the portal's groups by state, and Ansible's own
LOCAL = {"localhost", "127.0.0.1"}  # names of the machine that Ansible runs on


@dataclass(frozen=True, kw_only=True)
class GuestNIC:
    """A NIC; `network` is None if it is on something else, such as a bridge of the host.

    `jump` is the SSH host through which users reach it, "" if they reach it directly.
    """

    network: str | None
    mac: str
    ips: tuple[str, ...]
    host_device: str
    jump: str = ""


@dataclass(frozen=True, kw_only=True)
class Guest:
    """A VM with its NICs in order, under a unique name."""

    name: str
    vm: VM
    nics: tuple[GuestNIC, ...]

    @property
    def address(self) -> str:
        """Return the access address: the first of the first NIC, else of any; "" if no NIC has one."""
        return next((ip for nic in self.nics for ip in nic.ips), "")

    @property
    def jump(self) -> str:
        """Return the SSH host through which users reach the access address, "" if they reach it directly."""
        return next((nic.jump for nic in self.nics if nic.ips), "")


def guests(vms: VMQuerySet) -> list[Guest]:
    """Return the VMs with NICs and addresses, in a constant number of queries."""
    nics = _nics(vms)
    rows = list(vms.select_related("hypervisor", "status").only(*COLUMNS))
    names = _host_names(rows)
    return [Guest(name=names[vm.pk], vm=vm, nics=tuple(nics[vm.pk])) for vm in rows]


def _nics(vms: VMQuerySet) -> dict[int, list[GuestNIC]]:
    """Return all NICs by VM, each with its addresses."""
    seen, nics = NICStatus.objects.filter(vm__desired__in=vms), defaultdict(list)
    known, hypervisors = addresses_of(seen), Hypervisor.objects.only("uri", "ssh_host").in_bulk()
    columns = ("network__status__forward_mode", "network__hypervisor")
    for nic, vm, network, mac, target, mode, hypervisor in seen.values_list(*NIC_COLUMNS, *columns):
        jump = jump_to(hypervisors[hypervisor], mode) if hypervisor else ""
        nics[vm].append(GuestNIC(network=network, mac=mac, ips=known[nic].ips, host_device=target, jump=jump))
    return nics


def _host_names(vms: Iterable[VM]) -> dict[int, str]:
    forms = {}
    for vm in vms:
        name = _host_name(vm.name)
        forms[vm.pk] = (name, f"{name}.{vm.hypervisor.name}", f"{name}.{vm.hypervisor.name}.{vm.pk}")
    return _distinct(forms, LOCAL)


def _host_name(name: str) -> str:
    """Return the name without characters that are special in Ansible's patterns, Jinja or ssh."""
    return re.sub(r"^\W|[^\w.-]", "_", name)


def _group_name(name: str) -> str:
    """Return a group name that is valid as an Ansible variable: it must not begin with a digit."""
    return re.sub(r"^(?=\d)|\W", "_", name, flags=re.ASCII)


def _distinct(forms: Mapping[Hashable, tuple[str, ...]], taken: Iterable[str]) -> dict[Hashable, str]:
    """Return the first unused form of each key, ignoring case; no two keys get the same form."""
    level = dict.fromkeys(forms, 0)
    while True:
        names = {key: forms[key][level[key]] for key in forms}
        count = Counter([*taken, *(name.casefold() for name in names.values())])
        further = [
            key for key, name in names.items() if count[name.casefold()] > 1 and level[key] + 1 < len(forms[key])
        ]
        if not further:
            return names
        for key in further:
            level[key] += 1


def _hypervisor_groups() -> dict[str, str]:
    forms = {}
    for pk, name in Hypervisor.objects.values_list("pk", "name"):
        group = f"hypervisor_{_group_name(name).lstrip('_')}"
        forms[name] = (group, f"{group}_{pk}")
    return _distinct(forms, ())


def _network_groups(taken: Iterable[str]) -> dict[tuple[str, str], str]:
    """Return groups by hypervisor and network, named like the network, with the hypervisor's name if ambiguous."""
    forms = {}
    for pk, hypervisor, name in Network.objects.order_by("-pk").values_list("pk", "hypervisor__name", "name"):
        full = _group_name(f"{hypervisor}_{name}")
        forms[hypervisor, name] = (_group_name(name), full, f"{full}_{pk}")
    return _distinct(forms, taken)


def _tag_groups(found: Iterable[Guest]) -> dict[str, str]:
    """Return groups by tag, such as tag_web; tags of which the same name would be made have a number appended."""
    forms = {}
    for tag in {tag for guest in found for tag in guest.vm.tag_names}:
        group = _group_name(f"tag_{tag}")
        forms[tag] = (group, f"{group}_{crc32(tag.encode())}")
    return _distinct(forms, ())


def ansible(found: Iterable[Guest]) -> dict[str, object]:
    """Return the data for Ansible's `--list`: hosts by network, hypervisor, tag and state; `_meta` has their variables.

    https://docs.ansible.com/ansible/latest/dev_guide/developing_inventory.html
    """
    found = list(found)
    hypervisors, tags = _hypervisor_groups(), _tag_groups(found)
    networks = _network_groups([*GROUPS, *(name.casefold() for name in (*hypervisors.values(), *tags.values()))])
    groups: dict[str, list[str]] = {power: [] for power in Power.values}
    variables = {}
    for guest in found:
        hypervisor = guest.vm.hypervisor.name
        own = {networks.get((hypervisor, nic.network)) for nic in guest.nics} | {
            tags[tag] for tag in guest.vm.tag_names
        }
        for group in (own | {hypervisors.get(hypervisor), guest.vm.status.power}) - {None}:
            groups.setdefault(group, []).append(guest.name)
        variables[guest.name] = host_variables(guest)
    return {"_meta": {"hostvars": variables}, **{name: {"hosts": hosts} for name, hosts in sorted(groups.items())}}


def host_variables(guest: Guest) -> dict[str, object]:
    """Return the data for Ansible's `--host`; unknown values are left out."""
    vm = guest.vm
    known = {
        "ansible_host": guest.address,
        "ansible_user": vm.ssh_user if vm.managed else "",
        "ansible_ssh_common_args": f"-o ProxyJump={guest.jump}" if guest.jump else "",
        "virter_id": vm.number,
        "virter_name": _as_it_is(vm.name),
        "ssh_host_key": vm.host_key_public.strip(),
        "hypervisor": vm.hypervisor.name,
        "vm_tags": list(vm.tag_names),
        "ends_at": vm.ends_at and vm.ends_at.isoformat(timespec="seconds"),
    }
    nics = [
        {
            "network": _as_it_is(nic.network),
            "mac": nic.mac,
            "ip": list(nic.ips),
            "host_device": _as_it_is(nic.host_device),
        }
        for nic in guest.nics
    ]
    return {**{name: value for name, value in known.items() if value}, "nics": nics}


def _as_it_is(text: str | None) -> str | dict[str, str] | None:
    """Return text marked as unsafe, so that Ansible does not run a template in it."""
    return {"__ansible_unsafe": text} if text and "{" in text else text


def ssh_config(found: Iterable[Guest]) -> str:
    """Return a block of ssh_config(5) for each managed VM with an address; the user of others is not known."""
    return "\n".join(_ssh_block(guest) for guest in found if guest.vm.managed and guest.address)


def _ssh_block(guest: Guest) -> str:
    vm = guest.vm
    if _host_name(vm.name) != vm.name:
        return f"# Left out, for this cannot be written as a Host: {vm.name!a}\n"
    lines = [f"HostName {guest.address}", f"User {vm.ssh_user}", f"HostKeyAlias {guest.name}"]
    lines += [f"ProxyJump {guest.jump}"] if guest.jump else []
    return "".join([f"Host {guest.name}\n", *(f"    {line}\n" for line in lines)])


def known_hosts(found: Iterable[Guest]) -> str:
    """Return lines for sshd(8)'s SSH_KNOWN_HOSTS, by the names of `ssh_config`, with the host keys of managed VMs."""
    keys = ((guest.name, " ".join(guest.vm.host_key_public.split())) for guest in found if guest.vm.managed)
    return "".join(f"{name} {key}\n" for name, key in keys if key)


def virters_known_hosts(vm: VM) -> str:
    """Return Virter's line for a VM: its address on the access network, its name, and the full name."""
    access = ids.access_spec(vm.hypervisor)
    domain = access[0].status.domain if access else ""
    try:
        ip = ids.address(vm.hypervisor, vm.number).ip if vm.number else ""
    except ValueError:  # the block was changed in the meantime
        ip = ""
    names = (ip, vm.name, f"{vm.name}.{domain}" if domain else "")
    return f"{','.join(name for name in names if name)} {' '.join(vm.host_key_public.split())}"
