"""The form that runs VMs, used by the page and by the command line."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache, partial

from django import forms
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.http import QueryDict

from networks.definition import addressing, rules
from virterweb.hypervisors.desired.one_at_a_time import exclusive
from virterweb.hypervisors.desired.revisions import record
from virterweb.hypervisors.models import Hypervisor
from virterweb.messages import Message
from virterweb.pages.forms.folds import Fold, folds
from virterweb.people import creating, pools, rights
from virterweb.people.ends.forms import add_end, choose_end
from virterweb.people.hidden.names import name_in_use
from virterweb.people.limits import Exceeded
from virterweb.people.models import Team
from vms.addresses import ids
from vms.definition import hardware, host_reach
from vms.definition.events import Event
from vms.models import NIC, VIRTIO, VM, WORK, Disk, Image, StoragePool, Volume, document, free_mac
from vms.nics.new_nic_form import NICForm
from vms.pools.choice import pool_choices

from . import disk_form, nic_checks
from .copy_as import FIRST_VNC_PORT
from .disk_form import DiskForm
from .fields import RunFields, asked_count, sent_rows

PLAIN = ("memory", "vcpus", "boot_size", "ssh_keys", "user_data", "guest_network", "arch")
PLAIN += ("ssh_user", "wait_ssh", "console_log", "console_dir", "vnc_bind")  # fields that are columns of the VM


class RunForm(RunFields):
    """Creates VMs. NICs after the access NIC are rows of `nic_…` values, in order; further disks of `disk_…` values."""

    def __init__(
        self, data: QueryDict | None = None, *args, numbered: bool = False, user: rights.Actor, **kwargs
    ) -> None:
        """Create the form; `initial` may contain rows for `nics` and `disks`.

        With `numbered`, the ID is appended to the name even of a single VM. Only operators choose folders, bridges and
        devices of the host, and addresses for VNC.
        """
        super().__init__(data, *args, **kwargs)
        self.label_suffix, self.numbered, self.user = "", numbered, user
        creating.prepare(self, user)
        add_end(self)
        self.fields["hypervisor"].widget.hypervisors = pools.hypervisors(user)
        self.team: Team | None = None
        self.fields["user_data"].validators = []  # Django’s message about null bytes does not tell where they are
        self.numbers: list[int] = []  # the IDs; empty while the first ID or the count is invalid
        self.names: list[str] = []  # one per ID; empty while they are not known
        self.left_in: StoragePool | None = None  # the pool that has a volume of the name of a new one
        self.host = self._hypervisor()
        self.archs = [arch for arch in self.host.status.archs if arch in hardware.ARCHS] if self.host else []
        self.own_arch = document.arch_of_host(self.host) if self.host else hardware.X86
        others = [(arch, arch) for arch in self.archs if arch != self.own_arch]
        self.fields["arch"].widget.choices = [("", f"that of the host: {self.own_arch}"), *others]
        if self.host:
            self.fields["hypervisor"].initial = self.host
            self.fields["image"].queryset = (
                Image.objects.usable_by(user).on(self.host).filter(removed_at=None, status__gone_at=None)
            )
            self._fill_in_number(self.host)
        pool = self.host.pool if self.host else ""
        self.nics = self._rows(NICForm, "nic", self._first_nics(), hypervisor=self.host, user=user)
        offered = cache(partial(pool_choices, user, self.host)) if self.host else None
        self.disks = self._rows(DiskForm, "disk", self.initial.get("disks", []), pool=pool, pools=offered)

    def _fill_in_number(self, host: Hypervisor) -> None:
        """Fill in the next free ID, and the name BASE-ID if `initial` has a `base`."""
        self.access = ids.access_spec(host)
        number = ids.next_free_id_in(host, self.access, asked_count(self.initial.get("count")))
        self.fields["number"].initial, base = number, self.initial.get("base", "")
        self.fields["name"].initial = f"{base}-{number}" if base and number else base

    def _rows(self, form: type[forms.Form], prefix: str, first: list[dict], **options: object) -> list[forms.Form]:
        """Return the rows as sent, or the initial ones of an unbound form."""
        if not self.is_bound:
            return [form(initial=row, row=number, **options) for number, row in enumerate(first)]
        return [
            form(row, row=number, **options) for number, row in enumerate(sent_rows(self.data, prefix, form.FIELDS))
        ]

    def _hypervisor(self) -> Hypervisor | None:
        """Return the hypervisor chosen so far, which the choices of other fields depend on."""
        chosen = str(self.data.get("hypervisor") or self.initial.get("hypervisor") or "")
        every = creating.hypervisors(self.user).select_related("status")
        found = every.filter(pk=chosen).first() if chosen.isdecimal() and len(chosen) < 19 else None
        return found or self.fields["hypervisor"].widget.hypervisors.preselected() or every.preselected()

    def _first_nics(self) -> list[dict[str, str]]:
        """Return the initial NIC rows: those of the VM to copy, or the network that the page was opened from.

        No row is needed for the access network, which the first NIC is always on.
        """
        if "nics" in self.initial:
            return self.initial["nics"]
        network = self.initial.get("network")
        if not network or not self.host or network == self.host.access_network:
            return []
        return [{"network": network, "model": VIRTIO}]

    @property
    def folds(self) -> list[Fold]:
        return folds((title, [self[name] for name in names if self._shows(name)]) for title, names in self.FOLDS)

    @property
    def rows(self) -> list[tuple[str, forms.Form]]:
        """Return the rows with their names."""
        kinds = (("NIC", self.nics), ("Disk", self.disks))
        return [(f"{kind} {number}", row) for kind, rows in kinds for number, row in enumerate(rows, 1)]

    @property
    def operator(self) -> bool:
        return rights.is_operator(self.user, self.host)

    def _shows(self, name: str) -> bool:
        allowed = self.operator or name not in ("console_dir", "vnc_bind")
        return name in self.fields and (allowed or bool(self[name].errors))

    def is_valid(self) -> bool:
        return all([super().is_valid(), *(row.is_valid() for row in [*self.nics, *self.disks])])

    def _names(self) -> list[str]:
        """Return the names as given, or NAME-ID, or IMAGE-ID as in Virter."""
        given, image, numbers = self.cleaned_data.get("name"), self.cleaned_data.get("image"), self.numbers
        if not numbers or not (given or image) or "name" in self.errors:
            return []
        if given and len(numbers) == 1 and not self.numbered:
            return [given]
        # The name web-8 with the ID 8 is the first of web-8, web-9 …
        base = given.removesuffix(f"-{numbers[0]}") if given and not self.numbered else given or image.name
        return [f"{base}-{number}" for number in numbers]

    def clean_image(self) -> Image:
        image = self.cleaned_data["image"]
        if image.managed and image.status.made_at is None:
            raise ValidationError(f"{image} is not in the pool yet: {image.status.error or 'it is being uploaded'}.")
        return image

    def clean_arch(self) -> str:
        """Return the architecture by libvirt's name; "" for that of the host."""
        given = self.cleaned_data["arch"].strip()
        arch = hardware.ALIASES.get(given, given)
        if self.host and arch not in ("", self.own_arch, *self.archs):
            there = ", ".join(self.archs) or "none yet"
            raise ValidationError(f"{self.host} has no emulator for {given}. The architectures it has are: {there}.")
        return "" if arch == self.own_arch else arch

    def clean_console_dir(self) -> str:
        folder = self.cleaned_data["console_dir"].rstrip("/")
        self._check_reach(host_reach.parts(console_dir=folder))
        return folder

    def clean_vnc_bind(self) -> str:
        address = self.cleaned_data["vnc_bind"] or "127.0.0.1"
        self._check_reach(host_reach.parts(vnc_bind=address))
        return address

    def _check_reach(self, found: frozenset[host_reach.Part]) -> None:
        if found and not self.operator:
            raise ValidationError(host_reach.reasons(found))

    def clean(self) -> dict:
        data = super().clean()
        hypervisor, first, count = data.get("hypervisor"), data.get("number"), data.get("count")
        self.numbers = list(range(first, first + count)) if first and count else []
        self.names = self._names()
        if hypervisor and self.numbers:
            self._check_numbers(hypervisor, self.numbers)
        if hypervisor and self.names:
            self._check_names(hypervisor, self.names)
        self.team = self._team()
        if hypervisor:
            choose_end(self, VM(hypervisor=hypervisor, name=data.get("name") or "The VM", team=self.team), self.user)
        self._check_vnc()
        nic_checks.check_macs(self.nics, self.numbers)
        nic_checks.check_routes(self.nics, self.numbers)
        disk_form.check(self.disks, without_ide=self._without_ide())
        self._check_pools()
        return data

    def _team(self) -> Team | None:
        """Return the team that the VMs belong to, or None with an error in the form."""
        return creating.team_of(self, self.user)

    def _check_numbers(self, hypervisor: Hypervisor, numbers: list[int]) -> None:
        found = ids.problems(hypervisor, numbers, self.user)
        for problem in found[:3]:
            self.add_error("number", problem)
        if len(found) > 3:
            self.add_error("number", f"The same applies to {len(found) - 3} more of the {len(numbers)} IDs.")

    def _check_names(self, hypervisor: Hypervisor, names: list[str]) -> None:
        try:
            for name in (names[0], names[-1]):  # the others have no more digits than the last
                rules.validate_name(name)
                rules.validate_hostname(name)
        except ValidationError as problem:
            self.add_error("name", problem)
            return
        if there := VM.objects.on(hypervisor).filter(name__in=names).order_by("number").first():
            self.add_error("name", name_in_use(self.user, "a VM", there, hypervisor))
            return
        ends = [("", ""), ("", "-cidata")]
        ends += [(row["pool"].value(), f"-{disk}") for row in self.disks if (disk := row["name"].value())]
        own = [(pool or hypervisor.pool, f"{WORK}{name}{end}") for name in names for pool, end in ends]
        if left := Volume.objects.at(hypervisor, own).select_related("pool__hypervisor").first():
            self.left_in = left.pool
            self.add_error("name", str(Message("vm.volume_left", pool=left.pool.name, volume=left)))

    def _without_ide(self) -> str:
        """Return what the VM has that excludes an IDE bus, or ""; add an error to a firmware that it cannot have."""
        arch, firmware = self.cleaned_data.get("arch") or self.own_arch, self.cleaned_data.get("firmware")
        if firmware and firmware not in hardware.firmware_of(arch):
            self.add_error("firmware", f"A VM with the architecture {arch} has UEFI firmware without secure boot.")
        return f"the architecture {arch}" if arch == hardware.ARM else "secure boot" * (firmware == hardware.SECURE)

    def _check_pools(self) -> None:
        if hypervisor := self.cleaned_data.get("hypervisor"):
            granted = pools.Pools(self.user, self.team and self.team.pk, hypervisor)
            if reason := granted.refusal():
                self.add_error(None, str(reason))
            disk_form.check_pools(self.disks, granted)

    def _check_vnc(self) -> None:
        data, numbers = self.cleaned_data, self.numbers
        if data.get("vnc_port") and len(numbers) > 1:
            self.add_error("vnc_port", "Several VMs cannot share a port. Leave it empty, or select the port by ID.")
        elif data.get("vnc_by_id") and numbers and numbers[-1] + FIRST_VNC_PORT > 65535:
            highest = FIRST_VNC_PORT + numbers[-1]
            self.add_error("vnc_by_id", f"Port {highest} does not exist. The highest port is 65535.")

    def first(self) -> tuple[VM, list[NIC]] | None:
        """Return the first VM and its NICs, unsaved; None while they are not known.

        A MAC that is not chosen yet has a placeholder.
        """
        needed = {"hypervisor", "image", "vnc_port", "vnc_by_id", "ssh_keys", "user_data", "wait_ssh"}
        if not self.names or not needed <= self.cleaned_data.keys() or not all(row.is_valid() for row in self.nics):
            return None
        vm = self._vm(self.numbers[0], self.names[0], None)
        nics = list(self._nics(vm))
        for nic, row in zip(nics[1:], self.nics, strict=True):
            nic.mac = row.wanted.mac or f"(MAC of NIC {nic.position})"
        return vm, nics

    def save(self, by: AbstractBaseUser | None = None) -> list[VM]:
        """Save the VMs, all or none, and enqueue each; return none, with errors, if a value was just taken."""
        vms = [self._vm(number, name, by) for number, name in zip(self.numbers, self.names, strict=True)]
        with ThreadPoolExecutor() as pool:  # generating keys takes time, so it is done before the lock is taken
            list(pool.map(VM.make_host_key, vms))
        with exclusive(self.cleaned_data["hypervisor"]):
            if not self._still_valid():
                return []
            try:
                with vms[0].kept_limits():
                    for vm in vms:
                        self._add(vm, by)
            except Exceeded as problem:
                self.add_error(None, str(problem))
                return []
        return vms

    def _add(self, vm: VM, by: AbstractBaseUser | None) -> None:
        vm.save()
        NIC.objects.bulk_create(self._nics(vm))
        Disk.objects.bulk_create(Disk(vm=vm, **row.cleaned_data) for row in self.disks)
        record(vm, Event.RUN, by, about={"image": vm.image.name})

    def _still_valid(self) -> bool:
        """Validate everything again: what was free a moment ago may be taken."""
        for form in (*self.nics, *self.disks, self):  # this one last, for it adds errors to its rows
            form.full_clean()
        return self.is_valid()

    def _vm(self, number: int, name: str, by: AbstractBaseUser | None) -> VM:
        data = self.cleaned_data
        port = data.get("vnc_port") or (FIRST_VNC_PORT + number if data["vnc_by_id"] else None)
        given_values = {"hypervisor": data["hypervisor"], "image": data["image"], "vnc_port": port}
        given_values |= {"owner": by, "team": self.team}
        plain = {column: data[column] for column in PLAIN if column in data}
        plain["boot_size"] = max(plain.get("boot_size", 0), data["image"].capacity)  # as the disk will be, for limits
        plain["hardware"] = {"firmware": data["firmware"]} if data.get("firmware") else {}
        vm = VM(name=name, number=number, power_generation=1, **given_values, **plain)
        choose_end(self, vm, self.user)
        return vm

    def _nics(self, vm: VM) -> Iterable[NIC]:
        """Yield the access NIC, then those of the rows; each MAC is chosen now and kept."""
        access = vm.hypervisor.access_network
        yield NIC(vm=vm, position=0, kind=NIC.Kind.NETWORK, source=access, mac=addressing.mac_of_id(vm.number))
        for position, row in enumerate(self.nics, 1):
            spec = row.wanted
            nic = NIC(vm=vm, position=position, mac=spec.mac or free_mac(), guest=row.desired_guest.stored)
            nic.follow(replace(spec, mac=nic.mac))
            yield nic
