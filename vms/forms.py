"""Forms that run VMs, add NICs and name images: for the pages, and for the command line with the same fields."""

import secrets
from functools import partial
from itertools import zip_longest

from django import forms
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import QueryDict

from networks import addressing, rules
from virterweb.hypervisors.models import Hypervisor

from . import ids, tasks
from .models import NIC, VIRTIO, VM, WORK, Disk, Image, Volume
from .nic_form import NICForm


class RunForm(forms.Form):
    """Runs one VM. The NICs after the access NIC are rows of `nic_…` values, in order."""

    hypervisor = forms.ModelChoiceField(Hypervisor.objects.all(), empty_label=None)
    image = forms.ModelChoiceField(
        Image.objects.none(),
        to_field_name="name",
        empty_label="choose an image",
        error_messages={"invalid_choice": "There is no image %(value)s on this hypervisor."},
    )
    number = forms.IntegerField(label="ID", min_value=2, help_text="Decides MAC and IP on the access network.")
    name = forms.CharField(required=False, max_length=50, help_text="Empty: IMAGE-ID.")
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
    user_data = forms.CharField(
        label="User data",
        required=False,
        max_length=200_000,
        widget=forms.Textarea(attrs={"rows": 4, "placeholder": "#cloud-config"}),
        help_text="Further cloud-init user data: cloud-config or a script.",
    )

    def __init__(
        self, data: QueryDict | None = None, *args, disks: tuple[Disk, ...] = (), also: dict | None = None, **kwargs
    ) -> None:
        """`also` are further columns of the VM, which only the command line asks for."""
        super().__init__(data, *args, **kwargs)
        self.label_suffix = ""
        self.disks, self.also = disks, also or {}
        self.host = self._hypervisor()
        if self.host:
            self.fields["hypervisor"].initial = self.host
            self.fields["image"].queryset = self.host.images.filter(removed_at=None)
            self.fields["number"].initial = ids.next_free_id(self.host)
        self.nics = self._nic_rows(data) if data is not None else self._first_rows()

    def _hypervisor(self) -> Hypervisor | None:
        """The hypervisor chosen so far: the other fields' choices depend on it."""
        chosen = str(self.data.get("hypervisor") or self.initial.get("hypervisor") or "")
        every = Hypervisor.objects.select_related("status")
        return (every.filter(pk=chosen).first() if chosen.isdecimal() else None) or every.first()

    def _first_rows(self) -> list[NICForm]:
        """A fresh form's rows: one on the network that it was asked for from, unless the access NIC is there anyway."""
        network = self.initial.get("network")
        if not network or not self.host or network == self.host.access_network:
            return []
        return [NICForm(hypervisor=self.host, initial={"network": network, "model": VIRTIO})]

    def _nic_rows(self, data: QueryDict) -> list[NICForm]:
        columns = [data.getlist(f"nic_{field}") for field in NICForm.FIELDS]
        rows = [dict(zip(NICForm.FIELDS, row, strict=True)) for row in zip_longest(*columns, fillvalue="")]
        match data.get("change", "").split("-"):
            case ["add"]:
                rows.append({"model": VIRTIO})
            case ["drop", index] if index.isdecimal() and int(index) < len(rows):
                del rows[int(index)]
        return [NICForm(row, hypervisor=self.host, row=number) for number, row in enumerate(rows)]

    def is_valid(self) -> bool:
        return all([super().is_valid(), *(nic.is_valid() for nic in self.nics)])

    @property
    def wanted_name(self) -> str:
        """The name given, or Virter's IMAGE-ID."""
        data = self.cleaned_data
        if data.get("name"):
            return data["name"]
        image, number = data.get("image"), data.get("number")
        return f"{image.name}-{number}" if image and number else ""

    def clean_image(self) -> Image:
        image = self.cleaned_data["image"]
        if image.managed and image.status.made_at is None:
            raise ValidationError(f"{image} is not in the pool yet: {image.status.error or 'it is on its way'}.")
        return image

    def clean(self) -> dict:
        data = super().clean()
        if data.get("hypervisor") and data.get("number"):
            self._check_number(data["hypervisor"], data["number"])
        if (name := self.wanted_name) and data.get("hypervisor"):
            self._check_name(data["hypervisor"], name)
        macs = [nic.data.get("mac", "").lower() for nic in self.nics if nic.data.get("mac")]
        if len(macs) != len(set(macs)):
            self.add_error(None, "Two NICs have the same MAC.")
        return data

    def _check_number(self, hypervisor: Hypervisor, number: int) -> None:
        try:
            address = ids.address(hypervisor, number)
        except ValueError as problem:
            self.add_error("number", str(problem))
            return
        reserved = ids.reserved_macs(hypervisor)
        if holder := ids.taken_macs(hypervisor).get(address.mac):
            self.add_error("number", f"ID {number} is taken: {holder} has the MAC {address.mac}.")
        elif VM.objects.on(hypervisor).filter(number=number, managed=True).exists():
            self.add_error("number", f"ID {number} is taken by another VM.")
        elif hypervisor.static_dhcp and address.mac not in reserved:
            self.add_error("number", f"This hypervisor uses static DHCP, and {address.mac} has no host entry.")
        elif not hypervisor.static_dhcp and address.mac in reserved:
            entry = f"{address.mac} {reserved[address.mac]}"
            self.add_error("number", f"ID {number} is taken: {hypervisor.access_network} has a host entry {entry}.")

    def _check_name(self, hypervisor: Hypervisor, name: str) -> None:
        try:
            rules.validate_name(name)
            rules.validate_hostname(name)
        except ValidationError as problem:
            self.add_error("name", problem)
            return
        if VM.objects.on(hypervisor).filter(name=name).exists():
            self.add_error("name", f"There is a VM {name} on {hypervisor} already.")
        own = [f"{WORK}{name}", f"{WORK}{name}-cidata", *(f"{WORK}{name}-{disk.name}" for disk in self.disks)]
        left = Volume.objects.filter(hypervisor=hypervisor, name__in=own).first()
        if left:
            self.add_error("name", f"The pool has a volume {left} left over; delete it or take another name.")

    @transaction.atomic
    def save(self, by: AbstractBaseUser | None = None) -> VM:
        data = self.cleaned_data
        vm = VM(
            owner=by,
            hypervisor=data["hypervisor"],
            image=data["image"],
            name=self.wanted_name,
            number=data["number"],
            power_generation=1,
            **{key: data[key] for key in ("memory", "vcpus", "boot_size", "ssh_keys", "user_data")},
            **self.also,
        )
        vm.make_host_key()
        vm.save()
        access = {"kind": NIC.Kind.NETWORK, "source": data["hypervisor"].access_network}
        vm.nics.create(position=0, mac=addressing.mac_of_id(vm.number), **access)
        for nic in self.nics:
            vm.add_nic(nic.wanted)
        for disk in self.disks:
            disk.vm = vm
            disk.save()
        transaction.on_commit(partial(tasks.push.delay, vm.pk), robust=True)
        return vm


class ImageForm(forms.Form):
    """Names a volume of the pool as an image, or uploads a file to be one."""

    hypervisor = forms.ModelChoiceField(Hypervisor.objects.all(), empty_label=None)
    name = forms.CharField(max_length=100, validators=[rules.validate_name, rules.validate_hostname])
    volume = forms.CharField(
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"list": "volumes", "placeholder": "a volume of the pool"}),
        help_text="A volume that exists in the hypervisor’s pool.",
    )
    file = forms.FileField(
        required=False, label="or file", help_text="qcow2 or raw; streamed into the pool as a new volume."
    )

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""

    def clean(self) -> dict:
        data = super().clean()
        hypervisor, name = data.get("hypervisor"), data.get("name")
        if bool(data.get("volume")) == bool(data.get("file")) and "file" not in self.errors:
            self.add_error("volume", "Name a volume of the pool, or choose a file; one of both.")
        if not hypervisor or not name:
            return data
        if hypervisor.images.filter(name=name).exists():
            self.add_error("name", f"There is an image {name} on {hypervisor} already.")
        exists = hypervisor.volumes.filter(name=data.get("volume") or name).exists()
        if data.get("volume") and not exists:
            self.add_error("volume", f"The pool {hypervisor.pool} has no volume {data['volume']}.")
        if data.get("file") and exists:
            self.add_error(
                "name", f"The pool {hypervisor.pool} has a volume {name} already; name that, or rename this."
            )
        if data.get("volume", "").startswith(WORK):
            self.add_error("volume", "This is the disk of a VM.")
        return data

    def save(self) -> Image:
        data = self.cleaned_data
        file = data.get("file")
        upload = secrets.token_hex(16) if file else ""
        if file:
            with (settings.SPOOL_DIR / upload).open("wb") as spool:
                for chunk in file.chunks():
                    spool.write(chunk)
        with transaction.atomic():
            image = Image.objects.create(
                hypervisor=data["hypervisor"],
                name=data["name"],
                volume=data.get("volume") or data["name"],
                upload=upload,
                size=file.size if file else 0,
            )
            transaction.on_commit(partial(tasks.push_image.delay, image.pk), robust=True)
        return image
