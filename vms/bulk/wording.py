"""The texts for changes of many VMs. Pure: no decision depends on them."""

from collections.abc import Mapping
from dataclasses import dataclass

from virterweb.messages import Message

#: Why a NIC of a VM is not changed.
LEFT = {
    "there already": "NIC {mac} is already on {network}",
    "gone": "NIC {mac}: libvirt no longer has it",
    "up already": "the link of NIC {mac} is already up",
    "down already": "the link of NIC {mac} is already down",
    "no NIC there": "It has no NIC on {network}.",
    "no NIC": "It has no NIC.",
    "state": "it is {state}",
    "ended": "its end date has passed. Extend it first",
}

#: Why a VM is not changed.
REFUSALS = {
    "rights": "{reason}",
    "being deleted": "It is being deleted.",
    "gone": "libvirt no longer has the VM.",
    "no network": "{hypervisor} has no network {network}.",
}

STEPS = {
    "settled": "NIC {mac} already matches; only the definition is saved",
    "start": "Start it",
    "resume": "Resume it",
    "shutdown": "Ask the guest to shut down; after the time limit of the hypervisor it is forced off",
    "reboot": "Ask the guest to reboot",
    "pause": "Pause it",
    "save": "Save its state and stop it",
    "discard": "Delete its saved state",
    "reset": "Reset it at once. Data that the guest has not written to its disks is lost",
    "force-off": "Force it off at once. Data that the guest has not written to its disks is lost",
}

NOTES = {
    "inactive": "{network} is not active. libvirt refuses the NIC while the VM runs.",
    "has one": "It already has a NIC on this network.",
    "no slot": "It has no free PCI slot. libvirt will refuse the NIC while the VM runs.",
    "access NIC": "This is the access NIC. SSH can no longer reach the guest through it.",
    "address lost": "It loses its reserved address {ip} and gets no other one: {reason}",
    "next address": "Its reserved address {ip} is replaced by the next free address of {network}.",
    "next boot": "At its next boot: {changes}.",
}

#: Where a NIC is, after a change.
PLACES = {
    "missing": "not there",
    "not yet": "not there yet, expected on {wanted}",
    "elsewhere": "on {found}, expected on {wanted}",
    "there": "on {found}",
    "link down": "on {found}, link down",
    "user": "user networking",
}

TABLES = {"left": LEFT, "refusal": REFUSALS, "step": STEPS, "note": NOTES, "place": PLACES}


def text(table: str, code: str, about: Mapping[str, object]) -> str:
    shown = {name: ", ".join(map(str, value)) if isinstance(value, tuple) else value for name, value in about.items()}
    return TABLES[table][code].format(**shown)


@dataclass(frozen=True)
class Text:
    """A message: a code of one of the tables of `wording`, with its parameters."""

    table: str
    code: str
    about: tuple[tuple[str, object], ...] = ()

    def __str__(self) -> str:
        return text(self.table, self.code, dict(self.about))


def say(table: str, code: str, **about: object) -> Text:
    kept = ((name, value if isinstance(value, tuple | Message) else str(value)) for name, value in about.items())
    return Text(table, code, tuple(kept))
