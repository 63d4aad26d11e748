"""Reads the values of a template, which may be any JSON: an older version or another program may have written them.

Pure. All uses of a template go through `read`: what they get has the fields of the form that runs VMs with the types
that `vms.run.similar` writes, and nothing else.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from virterweb.messages import Message

LARGEST = 2**63 - 1
UNSTORABLE = re.compile("[\0\ud800-\udfff]")
TEXTS = ("image", "ssh_keys", "user_data", "guest_network", "arch", "ssh_user", "console_dir", "vnc_bind", "firmware")
NUMBERS = ("memory", "vcpus", "boot_size")
FLAGS = ("wait_ssh", "console_log", "vnc_by_id")
OF_NIC = ("network", "bridge", "device", "model", "guest", "guest_addresses", "gateway", "dns", "default_route")
OF_DISK = ("name", "size", "format", "bus", "pool")

Accepts = Callable[[object], bool]


@dataclass(frozen=True, kw_only=True)
class Values:
    """The values that can be read, by field of the form, and the names of what cannot be read."""

    fields: dict[str, object]
    unreadable: tuple[str, ...] = ()

    def problem(self, name: str) -> Message:
        """Return the message that a part of the template of this name is left out; an empty one if nothing is."""
        if not self.unreadable:
            return Message()
        return Message("template.unreadable", template=name, values=", ".join(self.unreadable))


def _is_text(value: object) -> bool:
    """Return whether a value is a text that a page and a database can hold: no null bytes, no halves of characters."""
    return isinstance(value, str) and not UNSTORABLE.search(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


FIELDS: dict[str, Accepts] = {
    **dict.fromkeys(TEXTS, _is_text),
    **dict.fromkeys(NUMBERS, _is_number),
    **dict.fromkeys(FLAGS, _is_flag),
}
NIC_FIELDS: dict[str, Accepts] = {**dict.fromkeys(OF_NIC, _is_text), "metric": _is_number}
DISK_FIELDS: dict[str, Accepts] = dict.fromkeys(OF_DISK, _is_text)


def read(stored: object) -> Values:
    """Return what a stored template says. Nulls and fields that no version has are ignored."""
    if not isinstance(stored, Mapping):
        return Values(fields={"nics": [], "disks": []}, unreadable=("all values",) if stored is not None else ())
    unreadable: list[str] = []
    fields = _known(stored, FIELDS, unreadable, "")
    for key, title, accepted, first in (("nics", "NIC", NIC_FIELDS, 2), ("disks", "disk", DISK_FIELDS, 1)):
        rows = stored.get(key)
        if rows is not None and not isinstance(rows, list):
            unreadable.append(key)
        fields[key] = _rows(rows if isinstance(rows, list) else [], accepted, unreadable, (title, first))
    return Values(fields=fields, unreadable=tuple(unreadable))


def _rows(rows: list, accepted: Mapping[str, Accepts], unreadable: list[str], named: tuple[str, int]) -> list[dict]:
    """Return the rows that are objects; each disk has all its fields."""
    title, first = named
    found = []
    for number, row in enumerate(rows, first):
        if not isinstance(row, Mapping):
            unreadable.append(f"{title} {number}")
            continue
        values = _known(row, accepted, unreadable, f"{title} {number}: ")
        found.append({**dict.fromkeys(OF_DISK, ""), **values} if accepted is DISK_FIELDS else values)
    return found


def _known(stored: Mapping, accepted: Mapping[str, Accepts], unreadable: list[str], where: str) -> dict[str, object]:
    """Return the values of known fields with the right types; add the others to what is unreadable."""
    found = {}
    for name, accepts in accepted.items():
        value = stored.get(name)
        if value is not None and accepts(value):
            found[name] = value
        elif value is not None:
            unreadable.append(f"{where}{name.replace('_', ' ')}")
    return found
