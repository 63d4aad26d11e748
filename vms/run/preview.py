"""The preview of a half-filled form that runs VMs: names, MACs, addresses, problems and warnings."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.conf import settings

from virterweb.hypervisors.models import Hypervisor
from virterweb.people import creating
from virterweb.people.limits import Limit
from vms.addresses import ids
from vms.capacity.figures import MIB, Capacity, capacity_of
from vms.capacity.fit import Wanted, shortages
from vms.cloud_init import schema as cloud_schema
from vms.cloud_init import seed, user_data

from .form import RunForm


@dataclass(frozen=True, kw_only=True)
class Preview:
    """Names, MACs and IPs of the first and the last VM, or of the only one; empty while they are not known.

    `nics` tells where each NIC is attached. `problems` are pairs of a field and what is wrong with its value;
    `warnings` do not prevent saving. `files` are those of the first VM's cloud-init ISO, without its private key.
    """

    host: Hypervisor | None
    number: int | None
    count: int = 1
    names: tuple[str, ...] = ()
    macs: tuple[str, ...] = ()
    ips: tuple[str, ...] = ()
    nics: tuple[str, ...] = ()
    disks: int = 0
    capacity: list[Capacity] = field(default_factory=list)
    limits: list[Limit] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)


def preview(form: RunForm) -> Preview:
    capacity = capacity_of(form.user, [form.host] if form.host else [])
    if not form.is_bound:
        number = form.fields["number"].initial
        image, name = form.initial.get("image"), form["name"].value()
        names = (name or f"{image}-{number}",) if image else ()
        shown = {"names": names, "nics": _nics(form), "disks": len(form.disks)}
        shown["limits"] = creating.limits_of(form, form.host)
        return Preview(host=form.host, number=number, capacity=capacity, **shown, **_addresses(form, [number or 0]))
    form.is_valid()
    numbers = form.numbers
    return Preview(
        host=form.host,
        number=form.cleaned_data.get("number") or (numbers[0] if numbers else None),
        count=len(numbers) or 1,
        names=_ends(form.names),
        nics=_nics(form),
        disks=len(form.disks),
        limits=creating.limits_of(form, form.host),
        capacity=capacity,
        problems=[] if not form.data.get("number") else _problems(form),
        warnings=warnings(form, capacity),
        files=files(form),
        **_addresses(form, numbers),
    )


def _nics(form: RunForm) -> tuple[str, ...]:
    """Return where each NIC is attached, as text, the access NIC first."""
    first = (f"{form.host.access_network} (access network)",) if form.host else ()
    return (*first, *(row.shown_place for row in form.nics))


def _ends(values: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*values[:1], *values[-1:])))


def _addresses(form: RunForm, numbers: list[int]) -> dict[str, tuple[str, ...]]:
    if not form.host:
        return {}
    found, block = [], form.access[1].block() if form.access else None
    for number in _ends(numbers):
        try:
            found.append(ids.address_in(block, number))
        except ValueError:  # reported as a problem of the ID
            return {}
    return {"macs": tuple(one.mac for one in found), "ips": tuple(one.ip for one in found if one.ip)}


def _problems(form: RunForm) -> list[tuple[str, str]]:
    """Return problems of values that were typed: empty fields are not reported while the form is being filled in."""
    typed = [name for name in form.fields if form.data.get(name) or name == "name"]  # the default is IMAGE-ID
    found = [(str(form[name].label), error) for name in typed for error in form.errors.get(name, [])]
    for title, row in form.rows:
        follows = {"guest_addresses"}  # required as soon as the guest's NIC is static
        for name in (name for name in row.fields if row.data.get(name) or name in follows):
            found += [(f"{title}, {row[name].label}", error) for error in row.errors.get(name, [])]
    return found


def files(form: RunForm) -> dict[str, str]:
    """Return the files of the first VM's ISO; empty while they cannot be known."""
    if (first := form.first()) is None:
        return {}
    vm, nics = first
    vm.host_key, vm.host_key_public = seed.HIDDEN, "(its public half)"  # they are made when it is run
    return {name: data.decode() for name, data in seed.files(vm, nics).items()}


def warnings(form: RunForm, capacity: Iterable[Capacity]) -> list[str]:
    """Return what is unusual but allowed, one sentence each; `capacity` is that of the hypervisor, if it is known."""
    data = form.cleaned_data
    schema = cloud_schema.find(settings.CLOUD_INIT_SCHEMA)
    user = data.get("ssh_user", "")
    found = [f"User data: {warning}" for warning in user_data.warnings(data.get("user_data") or "", schema, user)]
    wanted = Wanted(
        count=len(form.numbers) or 1,
        memory=data.get("memory") or 0,
        vcpus=data.get("vcpus") or 0,
        disks=_disks(form),
    )
    return [*found, *(warning for one in capacity for warning in shortages(one, wanted))]


def _disks(form: RunForm) -> dict[str, int]:
    """Return the bytes of all disks of a VM, by pool."""
    image, pool = form.cleaned_data.get("image"), form.host.pool if form.host else ""
    boot = form.cleaned_data.get("boot_size") or (image.capacity if image else 0)
    found: Counter[str] = Counter({pool: boot * 1024**3})
    for row in form.disks:
        found[row.cleaned_data.get("pool") or pool] += (row.cleaned_data.get("size") or 0) * MIB
    return dict(found)
