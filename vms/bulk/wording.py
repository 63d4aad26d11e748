"""The product's words for changes of many VMs. Pure: nothing is decided by them."""

from collections.abc import Mapping
from dataclasses import dataclass

from virterweb.messages import Message

#: What is not changed of a VM, and why.
LEFT = {
    "there already": "NIC {mac} is on {network} already",
    "gone": "NIC {mac}: libvirt no longer has it",
    "up already": "NIC {mac}: its link is up already",
    "down already": "NIC {mac}: its link is down already",
    "no NIC there": "It has no NIC on {network}.",
    "no NIC": "It has no NIC.",
}

#: Why nothing is changed of a VM.
REFUSALS = {
    "rights": "{reason}",
    "being deleted": "It is being removed.",
    "gone": "libvirt no longer has it.",
    "no network": "There is no network {network} on {hypervisor}.",
}

STEPS = {"settled": "NIC {mac} is like this already; it is saved in the definition"}

NOTES = {
    "inactive": "{network} is not active: libvirt refuses it while the VM runs.",
    "has one": "It has one there already.",
    "no slot": "It has no free PCI slot while it runs: libvirt will refuse the NIC.",
    "access NIC": "This is the access NIC: SSH no longer reaches the guest by it.",
    "address lost": "It gives up its fixed address {ip} and gets none: {reason}",
    "next address": "Instead of its fixed address {ip} it gets the next free one of {network}.",
    "next boot": "At its next boot: {changes}.",
}

#: Where a NIC is, after a change.
PLACES = {
    "missing": "not there",
    "not yet": "not there yet, wanted on {wanted}",
    "elsewhere": "on {found}, wanted on {wanted}",
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
    """What is said: a code of one of the tables of `wording`, with its parameters."""

    table: str
    code: str
    about: tuple[tuple[str, object], ...] = ()

    def __str__(self) -> str:
        return text(self.table, self.code, dict(self.about))


def say(table: str, code: str, **about: object) -> Text:
    kept = ((name, value if isinstance(value, tuple | Message) else str(value)) for name, value in about.items())
    return Text(table, code, tuple(kept))
