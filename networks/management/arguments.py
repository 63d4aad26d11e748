"""Flags of `manage.py network` that stand for fields of the network form."""

import argparse

from django import forms
from django.core.management.base import CommandParser

from networks.changes.forms.fields import LinesField
from networks.changes.forms.network import NetworkForm
from networks.changes.merge import as_text

Subparsers = argparse._SubParsersAction

# Virter's flags, whose names differ from the form's fields. The others are --field-name, in the singular for lists.
FLAGS = {
    "forward_mode": ("--forward-mode", "-m"),
    "ipv4": ("--network-cidr", "-n"),
    "ipv6": ("--network-v6-cidr", "-6"),
    "dhcp": ("--dhcp", "-p"),
    "domain": ("--domain", "-d"),
    "host_mac": ("--dhcp-mac",),
    "host_first_id": ("--dhcp-id",),
    "host_count": ("--dhcp-count",),
}


def flags(name: str, field: forms.Field) -> tuple[str, ...]:
    listed = isinstance(field, LinesField)
    return FLAGS.get(name) or (f"--{name.removesuffix('s') if listed else name}".replace("_", "-"),)


NAMES = {name: flags(name, field)[0] for name, field in NetworkForm.base_fields.items()} | {"name": "NAME"}


def add_fields(parser: CommandParser, leave_out: tuple[str, ...]) -> None:
    """Add one flag for each field of the form, with the help text of the field."""
    for name, field in NetworkForm.base_fields.items():
        if name in ("hypervisor", "name", *leave_out):
            continue
        label = str(field.label or name.replace("_", " "))
        text = ": ".join(filter(None, (label[:1].upper() + label[1:], str(field.help_text)))).replace("%", "%%")
        options: dict = {"dest": name, "help": text}
        if isinstance(field, LinesField):
            options |= {"action": "append", "help": f"{text} Repeatable; one empty value: none."}
        elif isinstance(field, forms.BooleanField):
            options["action"] = argparse.BooleanOptionalAction
        parser.add_argument(*flags(name, field), **options)


def add_plan_flags(parser: CommandParser) -> None:
    """Add the flags of a verb that plans before it writes."""
    parser.add_argument("--dry-run", action="store_true", help="print the steps and do nothing")
    parser.add_argument("--json", action="store_true", help="print the steps as JSON and do nothing")
    parser.add_argument(
        "--yes", action="store_true", help="confirm that running VMs may be disconnected or interrupted"
    )


def values_of(form: NetworkForm, options: dict) -> dict[str, object]:
    """Return the initial values of the form, replaced by those of the flags that were given."""
    data: dict[str, object] = dict(as_text(form))
    for name, field in form.fields.items():
        value = options.get(name)
        if isinstance(field, forms.BooleanField):
            value = data[name] == "True" if value is None else value
        if isinstance(value, list):
            value = "\n".join(value)
        if value is not None:
            data[name] = value
    return data
