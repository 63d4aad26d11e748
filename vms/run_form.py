"""The form that runs VMs: for the page, and for the command line with the same fields."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import zip_longest

from django import forms
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import QueryDict

from networks import addressing, rules
from virterweb.hypervisors.models import Hypervisor

from . import disk_form, ids, tasks, user_data
from .copy_as import FIRST_VNC_PORT
from .disk_form import DiskForm
from .guest_nic import GuestSpec
from .models import NIC, PORT, VIRTIO, VM, WORK, Disk, Image, Volume, free_mac
from .nic_form import NICForm

MOST = 100  # VMs at once
PLAIN = ("memory", "vcpus", "boot_size", "ssh_keys", "user_data", "guest_network", "ssh_user", "wait_ssh")
PLAIN += ("console_log", "console_dir", "vnc_bind")  # fields that are columns of the VM


def of_vm(column: str) -> list:
    """The validators of a column of VMs."""
    return VM._meta.get_field(column).validators


class RunForm(forms.Form):
    """Runs VMs. The NICs after the access NIC are rows of `nic_…` values, in order; the further disks of `disk_…`."""

    FOLDS = (
        ("SSH and cloud-init", ("ssh_keys", "ssh_user", "wait_ssh", "guest_network", "user_data")),
        ("Console and VNC", ("console_log", "console_dir", "vnc_port", "vnc_by_id", "vnc_bind")),
    )

    hypervisor = forms.ModelChoiceField(Hypervisor.objects.all(), empty_label=None)
    image = forms.ModelChoiceField(
        Image.objects.none(),
        to_field_name="name",
        empty_label="choose an image",
        error_messages={"invalid_choice": "There is no image %(value)s on this hypervisor."},
    )
    number = forms.IntegerField(
        label="ID", min_value=2, max_value=2**24 - 1, help_text="Decides MAC and IP on the access network."
    )
    count = forms.IntegerField(
        label="How many", required=False, min_value=1, max_value=MOST, initial=1, help_text="With IDs from this one on."
    )
    name = forms.CharField(required=False, max_length=50, help_text="Empty: IMAGE-ID. Of several: NAME-ID.")
    memory = forms.IntegerField(label="Memory, MiB", min_value=1, max_value=2**24, initial=1024)
    vcpus = forms.IntegerField(label="vCPUs", min_value=1, max_value=512, initial=1)
    boot_size = forms.IntegerField(
        label="Boot disk, GiB", min_value=0, max_value=2**20, initial=10, help_text="At least the image’s own size."
    )
    ssh_keys = forms.CharField(
        label="SSH keys",
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "placeholder": "ssh-ed25519 AAAA… you@example"}),
        help_text="Public keys that may log in, one a line, beside those of the hypervisor.",
    )
    guest_network = forms.ChoiceField(
        label="Guest’s NICs",
        required=False,
        choices=[("", "as the hypervisor is set"), *Hypervisor.GuestNetwork.choices],
    )
    user_data = forms.CharField(
        label="User data",
        required=False,
        strip=False,  # leading spaces are YAML's
        widget=forms.Textarea(attrs={"rows": 4, "placeholder": "#cloud-config"}),
        help_text=f"Further cloud-init user data: cloud-config or a script, of {user_data.LIMIT // 1000} kB at most.",
    )
    ssh_user = forms.CharField(
        label="SSH user", required=False, max_length=32, initial="root", validators=of_vm("ssh_user")
    )
    wait_ssh = forms.BooleanField(
        label="Wait for SSH", required=False, help_text="Ready once SSH lets the portal in and cloud-init is through."
    )
    console_log = forms.BooleanField(
        label="Keep what the console says",
        required=False,
        initial=True,
        help_text="In the pool; the VM’s page shows it.",
    )
    console_dir = forms.CharField(
        label="Console log in a folder of the host",
        required=False,
        max_length=500,
        validators=of_vm("console_dir"),
        widget=forms.TextInput(attrs={"placeholder": "/var/log/vms"}),
        help_text="Instead of the pool, as NAME.log.",
    )
    vnc_port = forms.IntegerField(
        label="VNC port", required=False, validators=PORT, help_text="Empty: the next free one."
    )
    vnc_by_id = forms.BooleanField(label=f"VNC at {FIRST_VNC_PORT} + ID", required=False)
    vnc_bind = forms.GenericIPAddressField(label="VNC bind IP", required=False, initial="127.0.0.1")

    def __init__(
        self, data: QueryDict | None = None, *args, numbered: bool = False, operator: bool = True, **kwargs
    ) -> None:
        """`numbered`: the name given is followed by the ID even of one VM. `initial` may have rows: `nics`, `disks`.

        Only operators name folders of the host.
        """
        super().__init__(data, *args, **kwargs)
        if not operator:
            del self.fields["console_dir"]
        self.label_suffix, self.numbered = "", numbered
        self.numbers: list[int] = []  # the IDs; none while the first or the count cannot be one
        self.names: list[str] = []  # as many; none while they cannot be known
        self.host = self._hypervisor()
        if self.host:
            self.fields["hypervisor"].initial = self.host
            self.fields["image"].queryset = self.host.images.filter(removed_at=None)
            self.fields["number"].initial = ids.next_free_id(self.host)
        pool = self.host.pool if self.host else ""
        self.nics = self._rows(NICForm, "nic", self._first_nics(), hypervisor=self.host)
        self.disks = self._rows(DiskForm, "disk", self.initial.get("disks", []), pool=pool)

    def _rows(self, form: type[forms.Form], prefix: str, first: list[dict], **options: object) -> list[forms.Form]:
        """The rows as sent, or the first ones of a fresh form."""
        if not self.is_bound:
            return [form(initial=row, row=number, **options) for number, row in enumerate(first)]
        return [form(row, row=number, **options) for number, row in enumerate(_sent(self.data, prefix, form.FIELDS))]

    def _hypervisor(self) -> Hypervisor | None:
        """The hypervisor chosen so far: the other fields' choices depend on it."""
        chosen = str(self.data.get("hypervisor") or self.initial.get("hypervisor") or "")
        every = Hypervisor.objects.select_related("status")
        return (every.filter(pk=chosen).first() if chosen.isdecimal() else None) or every.first()

    def _first_nics(self) -> list[dict[str, str]]:
        """A fresh form's rows: those of the VM that this is to be like, else one on the network that it was asked for
        from, unless the access NIC is there anyway."""
        if "nics" in self.initial:
            return self.initial["nics"]
        network = self.initial.get("network")
        if not network or not self.host or network == self.host.access_network:
            return []
        return [{"network": network, "model": VIRTIO}]

    def folds(self) -> list[tuple[str, str, bool, list[forms.BoundField]]]:
        """The folded groups: title, what it holds, whether something in it is wrong, its fields."""
        groups = [(title, [self[name] for name in names if name in self.fields]) for title, names in self.FOLDS]
        return [(title, _held(fields), any(field.errors for field in fields), fields) for title, fields in groups]

    def is_valid(self) -> bool:
        return all([super().is_valid(), *(row.is_valid() for row in [*self.nics, *self.disks])])

    def _names(self) -> list[str]:
        """As given, or NAME-ID, or Virter's IMAGE-ID."""
        given, image, numbers = self.cleaned_data.get("name"), self.cleaned_data.get("image"), self.numbers
        if not numbers or not (given or image) or "name" in self.errors:
            return []
        if given and len(numbers) == 1 and not self.numbered:
            return [given]
        # web-8 beside the ID 8 is the first of web-8, web-9 …
        base = given.removesuffix(f"-{numbers[0]}") if given and not self.numbered else given or image.name
        return [f"{base}-{number}" for number in numbers]

    def clean_image(self) -> Image:
        image = self.cleaned_data["image"]
        if image.managed and image.status.made_at is None:
            raise ValidationError(f"{image} is not in the pool yet: {image.status.error or 'it is on its way'}.")
        return image

    def clean_count(self) -> int:
        return self.cleaned_data["count"] or 1

    def clean_user_data(self) -> str:
        """With the line ends of Unix, without which no script runs: browsers send others."""
        text = self.cleaned_data["user_data"].removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
        if problems := user_data.errors(text):
            raise ValidationError(problems)
        return text

    def clean_ssh_user(self) -> str:
        return self.cleaned_data["ssh_user"] or "root"

    def clean_console_dir(self) -> str:
        return self.cleaned_data["console_dir"].rstrip("/")

    def clean_vnc_bind(self) -> str:
        return self.cleaned_data["vnc_bind"] or "127.0.0.1"

    def clean(self) -> dict:
        data = super().clean()
        hypervisor, first, count = data.get("hypervisor"), data.get("number"), data.get("count")
        self.numbers = list(range(first, first + count)) if first and count else []
        self.names = self._names()
        if hypervisor and self.numbers:
            self._check_numbers(hypervisor, self.numbers)
        if hypervisor and self.names:
            self._check_names(hypervisor, self.names)
        self._check_vnc()
        self._check_macs()
        self._check_routes()
        disk_form.check(self.disks)
        return data

    def _check_numbers(self, hypervisor: Hypervisor, numbers: list[int]) -> None:
        found = ids.problems(hypervisor, numbers)
        for problem in found[:3]:
            self.add_error("number", problem)
        if len(found) > 3:
            self.add_error("number", f"So it is with {len(found) - 3} more of the {len(numbers)} IDs.")

    def _check_names(self, hypervisor: Hypervisor, names: list[str]) -> None:
        try:
            for name in (names[0], names[-1]):  # the others have no more digits than the last
                rules.validate_name(name)
                rules.validate_hostname(name)
        except ValidationError as problem:
            self.add_error("name", problem)
            return
        if there := VM.objects.on(hypervisor).filter(name__in=names).order_by("number").first():
            self.add_error("name", f"There is a VM {there} on {hypervisor} already.")
            return
        disks = [name for row in self.disks if (name := row["name"].value())]
        own = [
            f"{WORK}{name}{part}"
            for name in names
            for part in ("", "-cidata", "-console", *(f"-{disk}" for disk in disks))
        ]
        if left := Volume.objects.filter(hypervisor=hypervisor, name__in=own).first():
            self.add_error("name", f"The pool has a volume {left} left over; delete it or take another name.")

    def _check_vnc(self) -> None:
        data, numbers = self.cleaned_data, self.numbers
        if data.get("vnc_port") and len(numbers) > 1:
            self.add_error("vnc_port", "Several VMs cannot have one port; leave it empty, or take the one by ID.")
        elif data.get("vnc_by_id") and numbers and numbers[-1] + FIRST_VNC_PORT > 65535:
            self.add_error("vnc_by_id", f"There is no port {FIRST_VNC_PORT + numbers[-1]}; the last is 65535.")

    def _check_macs(self) -> None:
        """Refuse, at its row, a MAC that another NIC of this form has."""
        holders = {}
        for number in self.numbers:
            holders[addressing.mac_of_id(number)] = f"The access NIC has this MAC: ID {number} decides it."
        for row, nic in enumerate(self.nics, 1):
            mac = nic.cleaned_data.get("mac") if nic.is_valid() else None
            if mac and len(self.numbers) > 1:
                nic.add_error("mac", "Each of several VMs needs a MAC of its own; leave it empty.")
            elif mac and mac in holders:
                nic.add_error("mac", holders[mac])
            elif mac:
                holders[mac] = f"NIC {row} has this MAC too."

    def _check_routes(self) -> None:
        """Refuse, at the later row, a second default route, an address again, and what several VMs cannot all have."""
        ranked: dict[int | None, int] = {}
        having: dict[str, int] = {}
        for row, nic in enumerate(self.nics, 1):
            wish = nic.guest_wish if nic.is_valid() else GuestSpec()
            if wish.default_route and wish.metric in ranked:
                nic.add_error("default_route", f"NIC {ranked[wish.metric]} has it; there can be two by metrics only.")
            elif wish.default_route:
                ranked[wish.metric] = row
            for address in wish.addresses:
                if having.setdefault(address, row) != row:
                    nic.add_error("guest_addresses", f"NIC {having[address]} has {address}, too.")
            if wish.addresses and len(self.numbers) > 1:
                nic.add_error("guest_addresses", "Each of several VMs needs an address of its own.")

    def first(self) -> tuple[VM, list[NIC]] | None:
        """The first VM and its NICs, kept nowhere; None while they cannot be known. MACs not chosen yet say so."""
        needed = {"hypervisor", "image", "vnc_port", "vnc_by_id", "ssh_keys", "user_data", "wait_ssh"}
        if not self.names or not needed <= self.cleaned_data.keys() or not all(row.is_valid() for row in self.nics):
            return None
        vm = self._vm(self.numbers[0], self.names[0], None)
        nics = list(self._nics(vm))
        for nic, row in zip(nics[1:], self.nics, strict=True):
            nic.mac = row.wanted.mac or f"(MAC of NIC {nic.position})"
        return vm, nics

    def save(self, by: AbstractBaseUser | None = None) -> list[VM]:
        """Wish the VMs, all or none, and have the worker look at each."""
        vms = [self._vm(number, name, by) for number, name in zip(self.numbers, self.names, strict=True)]
        with ThreadPoolExecutor() as pool:  # keys take their time; the database is not to wait for it
            list(pool.map(VM.make_host_key, vms))
        with transaction.atomic():
            for vm in vms:
                vm.save()
                NIC.objects.bulk_create(self._nics(vm))
                Disk.objects.bulk_create(Disk(vm=vm, **row.cleaned_data) for row in self.disks)
                transaction.on_commit(partial(tasks.push.delay, vm.pk), robust=True)
        return vms

    def _vm(self, number: int, name: str, by: AbstractBaseUser | None) -> VM:
        data = self.cleaned_data
        port = data["vnc_port"] or (FIRST_VNC_PORT + number if data["vnc_by_id"] else None)
        wished = {"hypervisor": data["hypervisor"], "image": data["image"], "owner": by, "vnc_port": port}
        plain = {column: data[column] for column in PLAIN if column in data}
        return VM(name=name, number=number, power_generation=1, **wished, **plain)

    def _nics(self, vm: VM) -> Iterable[NIC]:
        """The access NIC, then the rows'; each MAC is chosen now, and kept."""
        access = vm.hypervisor.access_network
        yield NIC(vm=vm, position=0, kind=NIC.Kind.NETWORK, source=access, mac=addressing.mac_of_id(vm.number))
        for position, row in enumerate(self.nics, 1):
            spec = row.wanted
            nic = NIC(vm=vm, position=position, mac=spec.mac or free_mac(), guest=row.guest_wish.stored)
            nic.follow(replace(spec, mac=nic.mac))
            yield nic


def _held(fields: list[forms.BoundField]) -> str:
    """Those that are not as a fresh form has them, with what is short enough."""
    held = []
    for field in fields:
        value, usual = field.value() or "", field.field.initial or ""
        if isinstance(field.field, forms.BooleanField):
            if bool(value) != bool(usual):
                held.append(field.label if value else f"not: {field.label}")
        elif value and str(value) != str(usual):
            short = not isinstance(field.field.widget, forms.Textarea)
            held.append(f"{field.label} {value}" if short else field.label)
    return ", ".join(held)


def _sent(data: QueryDict, prefix: str, fields: tuple[str, ...]) -> list[dict[str, str]]:
    """The rows of values as sent, with one more or less if that was asked for."""
    columns = [data.getlist(f"{prefix}_{field}") for field in fields]
    rows = [dict(zip(fields, row, strict=True)) for row in zip_longest(*columns, fillvalue="")]
    match data.get("change", "").split("-"):
        case ["add", kind] if kind == prefix:
            rows.append({})
        case ["drop", kind, index] if kind == prefix and index.isdecimal() and int(index) < len(rows):
            del rows[int(index)]
    return rows
