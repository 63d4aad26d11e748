"""What a half-filled form that runs VMs means: names, MACs, addresses, and what speaks against it."""

from dataclasses import dataclass, field

from django.conf import settings
from django.db.models import Count, Sum

from virterweb.hypervisors.models import Hypervisor

from . import cloud_schema, ids, seed, user_data
from .models import Power, VMStatus
from .run_form import RunForm


@dataclass(frozen=True, kw_only=True)
class Preview:
    """Names, MACs and IPs are the first's and the last's of several VMs, and one of one; none while they are unknown.

    `problems` are pairs of a field and what is wrong with what was typed there; `warnings` keep nobody from it. `files`
    are those of the first one's cloud-init ISO, by name, without its private key.
    """

    host: Hypervisor | None
    number: int | None
    count: int = 1
    names: tuple[str, ...] = ()
    macs: tuple[str, ...] = ()
    ips: tuple[str, ...] = ()
    disks: int = 0
    problems: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)


def preview(form: RunForm) -> Preview:
    if not form.is_bound:
        number = form.fields["number"].initial
        image, name = form.initial.get("image"), form.initial.get("name")
        names = (name or f"{image}-{number}",) if image else ()
        shown = {"names": names, "disks": len(form.disks)}
        return Preview(host=form.host, number=number, **shown, **_addresses(form, [number or 0]))
    form.is_valid()
    numbers = form.numbers
    return Preview(
        host=form.host,
        number=form.cleaned_data.get("number") or (numbers[0] if numbers else None),
        count=len(numbers) or 1,
        names=_ends(form.names),
        disks=len(form.disks),
        problems=[] if not form.data.get("number") else _problems(form),
        warnings=warnings(form),
        files=files(form),
        **_addresses(form, numbers),
    )


def _ends(values: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*values[:1], *values[-1:])))


def _addresses(form: RunForm, numbers: list[int]) -> dict[str, tuple[str, ...]]:
    if not form.host:
        return {}
    found = []
    for number in _ends(numbers):
        try:
            found.append(ids.address(form.host, number))
        except ValueError:  # said as the ID's problem
            return {}
    return {"macs": tuple(one.mac for one in found), "ips": tuple(one.ip for one in found if one.ip)}


def _problems(form: RunForm) -> list[tuple[str, str]]:
    """Of what was typed: nobody is told that a field is empty while filling in the form."""
    typed = [name for name in form.fields if form.data.get(name) or name == "name"]  # without one it is IMAGE-ID
    found = [(str(form[name].label), error) for name in typed for error in form.errors.get(name, [])]
    for kind, rows in (("NIC", form.nics), ("Disk", form.disks)):
        for number, row in enumerate(rows, 1):
            follows = {"guest_addresses"}  # missing, once the guest's NIC is to be static
            for name in (name for name in row.fields if row.data.get(name) or name in follows):
                found += [(f"{kind} {number}, {row[name].label}", error) for error in row.errors.get(name, [])]
    return found


def files(form: RunForm) -> dict[str, str]:
    """What the first VM's guest is to find on its ISO; nothing while that cannot be known."""
    if (first := form.first()) is None:
        return {}
    vm, nics = first
    vm.host_key, vm.host_key_public = seed.HIDDEN, "(its public half)"  # they are made when it is run
    return {name: data.decode() for name, data in seed.files(vm, nics).items()}


def warnings(form: RunForm) -> list[str]:
    """What is odd and yet can be had, a sentence each."""
    data = form.cleaned_data
    schema = cloud_schema.find(settings.CLOUD_INIT_SCHEMA)
    found = [f"User data: {warning}" for warning in user_data.warnings(data.get("user_data") or "", schema)]
    if form.host and data.get("memory"):
        found += _memory(form.host, data["memory"], len(form.numbers) or 1)
    return found


def _memory(host: Hypervisor, each: int, count: int) -> list[str]:
    """Whether VMs of so many MiB fit the host, alone or beside those that run."""
    total, wanted = host.status.memory, each * count
    if not total:
        return []
    words = f"{count} × {each} MiB are {wanted} MiB" if count > 1 else f"{wanted} MiB"
    if wanted > total:
        return [f"Memory: {words}: more than the {total} MiB of {host}’s host."]
    running = VMStatus.objects.filter(wish__hypervisor=host, power__in=(Power.RUNNING, Power.PAUSED))
    taken = running.aggregate(memory=Sum("memory"), vms=Count("pk"))
    if taken["vms"] and wanted + taken["memory"] > total:
        vms = f"{taken['vms']} running VMs have" if taken["vms"] > 1 else "the running VM has"
        return [
            f"Memory: {words}, where {vms} {taken['memory']} MiB already: more than the {total} MiB of {host}’s host."
        ]
    return []
