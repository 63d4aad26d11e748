"""The VMs as other tools read them: Ansible's inventory, OpenSSH's configuration and its list of known host keys.

All as last observed. Names are what the three have in common. A host is called like its VM; where two hypervisors have
a VM of one name, each is called NAME.HYPERVISOR, and where that does not tell them apart either, with a number behind.
Whoever makes a domain beside the portal may call it anything: what is no letter, digit, dot, dash or underscore becomes
an underscore, and `virter_name` has the name as it is.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser

from networks.models import Lease, Network
from virterweb.hypervisors.models import Hypervisor

from . import attached
from .attached import Address, Source
from .models import VM, NICAddress, NICStatus, Power, VMQuerySet

COLUMNS = ("name", "number", "managed", "ssh_user", "host_key_public", "hypervisor__name", "status__power")
GROUPS = {*Power.values, "all", "ungrouped", "_meta"}  # ours by state, and Ansible's own
LOCAL = {"localhost", "127.0.0.1"}  # what Ansible takes for the machine that it runs on


def visible_to(user: AbstractBaseUser | AnonymousUser | None) -> VMQuerySet:
    """The VMs that a user may see: all for everyone who may log in, none for an inactive, anonymous or unknown one."""
    return VM.objects.all() if user and user.is_authenticated and user.is_active else VM.objects.none()


@dataclass(frozen=True, kw_only=True)
class GuestNIC:
    """`network` is None of a NIC on something else, as a bridge of the host."""

    network: str | None
    mac: str
    ips: tuple[str, ...]
    host_device: str


@dataclass(frozen=True, kw_only=True)
class Guest:
    """A VM with its NICs in their order, under a name that no other VM has."""

    name: str
    vm: VM
    nics: tuple[GuestNIC, ...]

    @property
    def address(self) -> str:
        """The access address: the first of the first NIC, else of any; empty if no NIC has one."""
        return next((ip for nic in self.nics for ip in nic.ips), "")


def guests(vms: VMQuerySet) -> list[Guest]:
    """The VMs with NICs and addresses, in as many queries however many there are."""
    nics = _nics(vms)
    rows = list(vms.select_related("hypervisor", "status").only(*COLUMNS))
    names = _host_names(rows)
    return [Guest(name=names[vm.pk], vm=vm, nics=tuple(nics[vm.pk])) for vm in rows]


def _nics(vms: VMQuerySet) -> dict[int, list[GuestNIC]]:
    """All NICs by VM, each with the addresses that leases, and of a running VM agent and ARP, tell."""
    seen = NICStatus.objects.filter(vm__wish__in=vms)
    leased, told, nics = defaultdict(list), defaultdict(list), defaultdict(list)
    leases = Lease.objects.current().filter(network__in=seen.values("network"))
    for network, mac, ip in leases.values_list("network", "mac", "ip"):
        leased[network, mac.lower()].append(attached.of_lease(ip))
    others = NICAddress.objects.filter(vm__wish__in=vms, vm__power=Power.RUNNING)
    for pk, mac, ip, source in others.values_list("vm__wish", "mac", "ip", "source"):
        told[pk, mac.lower()].append(Address(ip=ip, source=Source(source)))
    columns = seen.values_list("vm__wish", "network", "network__name", "mac", "target")
    for pk, network, name, mac, target in columns:
        found = attached.addresses(leased[network, mac.lower()], told[pk, mac.lower()])
        ips = tuple(address.ip for address in found)
        nics[pk].append(GuestNIC(network=name, mac=mac, ips=ips, host_device=target))
    return nics


def _host_names(vms: Iterable[VM]) -> dict[int, str]:
    forms = {}
    for vm in vms:
        name = _host_name(vm.name)
        forms[vm.pk] = (name, f"{name}.{vm.hypervisor.name}", f"{name}.{vm.hypervisor.name}.{vm.pk}")
    return _distinct(forms, LOCAL)


def _host_name(name: str) -> str:
    """Without what Ansible's patterns, Jinja, ssh's options and its patterns would take for something else."""
    return re.sub(r"^\W|[^\w.-]", "_", name)


def _group_name(name: str) -> str:
    """Ansible wants a group's name to be a variable's, which does not begin with a digit."""
    return re.sub(r"^(?=\d)|\W", "_", name, flags=re.ASCII)


def _distinct(forms: Mapping[Hashable, tuple[str, ...]], taken: Iterable[str]) -> dict[Hashable, str]:
    """For each key the first of its forms that is neither taken nor another key's; case tells none apart."""
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
    """Groups by hypervisor and network: called like the network if no other is, else with the hypervisor in front."""
    forms = {}
    for pk, hypervisor, name in Network.objects.order_by("-pk").values_list("pk", "hypervisor__name", "name"):
        full = _group_name(f"{hypervisor}_{name}")
        forms[hypervisor, name] = (_group_name(name), full, f"{full}_{pk}")
    return _distinct(forms, taken)


def ansible(found: Iterable[Guest]) -> dict[str, object]:
    """What Ansible's `--list` asks for: hosts by network, hypervisor and state, and in `_meta` each host's variables.

    https://docs.ansible.com/ansible/latest/dev_guide/developing_inventory.html
    """
    hypervisors = _hypervisor_groups()
    networks = _network_groups([*GROUPS, *(name.casefold() for name in hypervisors.values())])
    groups: dict[str, list[str]] = {power: [] for power in Power.values}
    variables = {}
    for guest in found:
        hypervisor = guest.vm.hypervisor.name
        own = {networks.get((hypervisor, nic.network)) for nic in guest.nics}
        for group in (own | {hypervisors.get(hypervisor), guest.vm.status.power}) - {None}:
            groups.setdefault(group, []).append(guest.name)
        variables[guest.name] = host_variables(guest)
    return {"_meta": {"hostvars": variables}, **{name: {"hosts": hosts} for name, hosts in sorted(groups.items())}}


def host_variables(guest: Guest) -> dict[str, object]:
    """What Ansible's `--host` asks for; what is not known is left out."""
    vm = guest.vm
    known = {
        "ansible_host": guest.address,
        "ansible_user": vm.ssh_user if vm.managed else "",
        "virter_id": vm.number,
        "virter_name": _as_it_is(vm.name),
        "ssh_host_key": vm.host_key_public.strip(),
        "hypervisor": vm.hypervisor.name,
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
    """Text that others chose: Ansible would run a template in it on the machine of whoever reads the inventory."""
    return {"__ansible_unsafe": text} if text and "{" in text else text


def ssh_config(found: Iterable[Guest]) -> str:
    """A block of ssh_config(5) for each of our VMs that has an address; others' have no user that we know."""
    return "\n".join(_ssh_block(guest) for guest in found if guest.vm.managed and guest.address)


def _ssh_block(guest: Guest) -> str:
    vm = guest.vm
    if _host_name(vm.name) != vm.name:
        return f"# Left out, for this cannot be written as a Host: {vm.name!a}\n"
    lines = (f"HostName {guest.address}", f"User {vm.ssh_user}", f"HostKeyAlias {guest.name}")
    return "".join([f"Host {guest.name}\n", *(f"    {line}\n" for line in lines)])


def known_hosts(found: Iterable[Guest]) -> str:
    """Lines as of sshd(8)'s SSH_KNOWN_HOSTS, by the names of `ssh_config`: we chose the host keys of our guests."""
    ours = ((guest.name, " ".join(guest.vm.host_key_public.split())) for guest in found if guest.vm.managed)
    return "".join(f"{name} {key}\n" for name, key in ours if key)
