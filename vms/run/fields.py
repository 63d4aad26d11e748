"""The fields of the form that runs VMs; `form` validates them together."""

import re
from itertools import zip_longest

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict

from virterweb.hypervisors.fleet.field import HypervisorField
from virterweb.hypervisors.models import Hypervisor
from virterweb.pages.ssh_key_field import SSHKeysField, SSHKeysInput
from vms.cloud_init import user_data
from vms.definition.wording.hardware import FIRMWARE
from vms.models import PORT, VM, Image

from .copy_as import FIRST_VNC_PORT

MAX_VMS = 100  # VMs at once


def of_vm(column: str) -> list:
    """Return the validators of a column of VMs."""
    return VM._meta.get_field(column).validators


def asked_count(text: object) -> int:
    """Return how many VMs an address asks for: 1 unless it names a number, and at most `MAX_VMS`."""
    count = str(text)
    return max(1, min(int(count), MAX_VMS)) if count.isdecimal() and len(count) < 10 else 1


class RunFields(forms.Form):
    """Fields of the form that runs VMs, and the groups they are shown in."""

    FOLDS = (
        ("SSH and cloud-init", ("ssh_keys", "ssh_user", "wait_ssh", "guest_network", "user_data")),
        ("Firmware", ("firmware",)),
        ("Console and VNC", ("console_log", "console_dir", "vnc_port", "vnc_by_id", "vnc_bind")),
    )

    hypervisor = HypervisorField()
    image = forms.ModelChoiceField(
        Image.objects.none(),
        to_field_name="name",
        empty_label="choose an image",
        error_messages={"invalid_choice": "This hypervisor has no image %(value)s."},
    )
    number = forms.IntegerField(
        label="ID", min_value=2, max_value=2**24 - 1, help_text="Determines the MAC and IP on the access network."
    )
    count = forms.IntegerField(
        label="Number of VMs",
        required=False,
        min_value=1,
        max_value=MAX_VMS,
        initial=1,
        help_text="Several VMs get consecutive IDs, starting with this one.",
    )
    name = forms.CharField(required=False, max_length=50, help_text="Empty: IMAGE-ID. Several VMs are named NAME-ID.")
    memory = forms.IntegerField(label="Memory, MiB", min_value=1, max_value=2**24, initial=1024)
    vcpus = forms.IntegerField(label="vCPUs", min_value=1, max_value=512, initial=1)
    boot_size = forms.IntegerField(
        label="Boot disk, GiB", min_value=0, max_value=2**20, initial=10, help_text="At least the size of the image."
    )
    ssh_keys = SSHKeysField(
        label="SSH keys",
        required=False,
        widget=SSHKeysInput(attrs={"rows": 2, "placeholder": "ssh-ed25519 AAAA… you@example", "spellcheck": "false"}),
        help_text="Public keys that may log in, one per line, in addition to those of the hypervisor.",
    )
    guest_network = forms.ChoiceField(
        label="Configuration mode",
        required=False,
        choices=[("", "as set on the hypervisor"), *Hypervisor.GuestNetwork.choices],
    )
    user_data = forms.CharField(
        label="User data",
        required=False,
        strip=False,  # leading spaces matter in YAML
        widget=forms.Textarea(attrs={"rows": 4, "placeholder": "#cloud-config"}),
        help_text="Additional cloud-init user data: cloud-config or a script of at most "
        f"{user_data.MAX_BYTES // 1000} kB.",
    )
    arch = forms.CharField(
        label="Architecture",
        required=False,
        max_length=16,
        widget=forms.Select,
        help_text="VMs of other architectures than that of the host are emulated, which is slow.",
    )
    firmware = forms.ChoiceField(
        required=False,
        choices=[("", "as libvirt chooses"), *FIRMWARE.items()],
        help_text="Secure boot uses the machine type q35, and only boots images that are signed for it.",
    )
    ssh_user = forms.CharField(
        label="SSH user", required=False, max_length=32, initial="root", validators=of_vm("ssh_user")
    )
    wait_ssh = forms.BooleanField(
        label="Wait for SSH",
        required=False,
        help_text="The VM is ready when the portal can log in by SSH and cloud-init has finished.",
    )
    console_log = forms.BooleanField(
        label="Keep a console log",
        required=False,
        initial=True,
        help_text="The log is stored in the pool and shown on the page of the VM.",
    )
    console_dir = forms.CharField(
        label="Console log folder on the host",
        required=False,
        max_length=500,
        validators=of_vm("console_dir"),
        widget=forms.TextInput(attrs={"placeholder": "/var/log/vms"}),
        help_text="The log is written to NAME.log in this folder instead of the pool.",
    )
    vnc_port = forms.IntegerField(
        label="VNC port", required=False, validators=PORT, help_text="Empty: the next free port."
    )
    vnc_by_id = forms.BooleanField(label=f"VNC at {FIRST_VNC_PORT} + ID", required=False)
    vnc_bind = forms.GenericIPAddressField(label="VNC bind IP", required=False, initial="127.0.0.1")

    def clean_count(self) -> int:
        return self.cleaned_data["count"] or 1

    def clean_user_data(self) -> str:
        """Return the text with Unix line ends: browsers send others, with which no script runs."""
        text = self.cleaned_data["user_data"].removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
        if problems := user_data.errors(text):
            raise ValidationError(problems)
        return text

    def clean_ssh_user(self) -> str:
        return self.cleaned_data["ssh_user"] or "root"


def sent_rows(data: QueryDict, prefix: str, fields: tuple[str, ...]) -> list[dict[str, str]]:
    """Return the rows of values as sent, with a row added or removed if that button was used."""
    columns = [data.getlist(f"{prefix}_{field}") for field in fields]
    rows = [dict(zip(fields, row, strict=True)) for row in zip_longest(*columns, fillvalue="")]
    match data.get("change", "").split("-"):
        case ["add", kind] if kind == prefix:
            rows.append({})
        case ["drop", kind, index] if kind == prefix and re.fullmatch(r"\d{1,4}", index) and int(index) < len(rows):
            del rows[int(index)]
    return rows
