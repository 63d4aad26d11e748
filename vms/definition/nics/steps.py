"""Steps that change a NIC in libvirt, and the errors of planning them. Pure: values only."""

import enum
from dataclasses import dataclass

from networks.definition.plans.steps import Disruption
from virterweb.messages import Failure
from vms.definition import wording

from .fields import Change
from .spec import NICSpec


class Verb(enum.Enum):
    UPDATE = "update"
    ATTACH = "attach"
    DETACH = "detach"
    REPLUG = "replug"
    DEFINE = "define"


VERBS = {  # as they are worded
    Verb.UPDATE: "change",
    Verb.REPLUG: "change",
    Verb.DEFINE: "change",
    Verb.ATTACH: "attach",
    Verb.DETACH: "detach",
}


class Manner(enum.StrEnum):
    """How a step is carried out, as far as its verb does not tell."""

    PLAIN = ""
    LIVE = "live"
    LINK_BLINKS = "live, link blinks"
    REPLUG = "replug"
    NEXT_BOOT = "next boot"
    DEFINITION = "definition"
    RUNNING = "running"


class Note(enum.StrEnum):
    """Additional information about a step."""

    BANDWIDTH = "bandwidth"
    VLAN = "vlan"
    BOOT_ORDER = "boot order"
    REPLUGGED = "replugged"
    DETACHED = "detached"
    VIRTUAL_PORT = "virtual port"


class OtherMAC(Failure, ValueError):
    """The MAC identifies a NIC, so it cannot be changed."""


class NotAttachable(Failure, ValueError):
    """A NIC of a kind that is not modelled can be changed in place, but not attached again."""


@dataclass(frozen=True, kw_only=True)
class NICStep:
    """One step: in the running guest (live), in the stored definition, or in both.

    `calls` are the documents for the running guest, in order: each is one call of an update; for a replug the first is
    detached and the second attached. `undo` is the previous NIC, in case an update or replug fails half-way.
    `definition` is the NIC for the stored definition; a detached NIC is removed there by its key.
    """

    verb: Verb
    mac: str
    where: tuple[str, str] = ("", "")  # kind and source, of one that is attached or detached
    manner: Manner = Manner.PLAIN
    key: str = ""  # what the NIC is known by in its VM
    spec: NICSpec | None = None  # the NIC in the running guest afterwards; None if it is detached
    live: bool = False
    stored: bool = False
    calls: tuple[str, ...] = ()
    undo: str = ""
    definition: str = ""
    disruption: Disruption = Disruption.NONE
    notes: tuple[Note, ...] = ()
    fields: tuple[Change, ...] = ()

    @property
    def text(self) -> str:
        changes = [(each.field, each.was, each.becomes) for each in self.fields]
        return wording.step(VERBS[self.verb], self.mac, self.where, self.manner, changes)

    @property
    def identity(self) -> tuple[object, ...]:
        """Return what distinguishes the step from others, independent of its wording."""
        return self.verb, self.mac, self.where, self.manner, self.notes, self.fields

    @property
    def note(self) -> str:
        return wording.notes(self.notes)


@dataclass(frozen=True, kw_only=True)
class NICPlan:
    """The steps, and the changes that the running guest gets only at its next boot."""

    steps: tuple[NICStep, ...] = ()
    waiting: tuple[Change, ...] = ()
