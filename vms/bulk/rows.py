"""The preview of a change of many VMs: a row each, with what is requested of the VM when the user confirms.

Only `why_not` decides which VMs may be changed. The preview has a fingerprint: if it differs when the user confirms,
nothing is changed.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import models

from virterweb.people import rights
from virterweb.people.verbs import Verb
from vms.definition.nics.spec import NICSpec
from vms.definition.nics.steps import NICStep
from vms.models import NIC, VM, PowerVerb

from .wording import Text, say

MAX_VMS = 900  # VMs at once: Django accepts a thousand fields in a form


class Action(models.TextChoices):
    ADD = "add", "Add a NIC to each"
    MOVE = "move", "Move NICs to another network"
    DOWN = "down", "Set links down"
    UP = "up", "Set links up"


@dataclass(frozen=True, kw_only=True)
class Change:
    """The requested change.

    `new` is the NIC to add, without a MAC. `source` is the network that the NICs are on; empty: all NICs. `to` is the
    network that they are moved to.
    """

    action: Action | PowerVerb
    new: NICSpec | None = None
    source: str = ""
    to: str = ""

    @property
    def target(self) -> str:
        """Return the network that NICs are attached to; "" if none is."""
        return self.to if self.new is None else self.new.source if self.new.kind == NIC.Kind.NETWORK else ""

    @property
    def where(self) -> str:
        """Return the network, bridge or device whose NICs show the result; "" for all."""
        return self.new.source if self.new else self.to or self.source


@dataclass(frozen=True, kw_only=True)
class Line:
    """The outcome for one NIC: a step of its plan, or a message in its place. `disruption`: none, brief or lasting."""

    step: NICStep | Text
    disruption: str = "none"
    notes: tuple[Text, ...] = ()

    @property
    def text(self) -> str:
        return str(self.step) if isinstance(self.step, Text) else self.step.text

    @property
    def note(self) -> str:
        of_step = "" if isinstance(self.step, Text) else self.step.note
        return " ".join(filter(None, (of_step, *map(str, self.notes))))

    @property
    def identity(self) -> tuple[object, ...]:
        """Return what distinguishes the line from others, independent of its wording."""
        of_step = self.step if isinstance(self.step, Text) else self.step.identity
        return of_step, self.disruption, self.notes


@dataclass(frozen=True, kw_only=True)
class Row:
    """The outcome for one VM: its steps, what remains unchanged, or why it cannot be changed."""

    vm: VM
    lines: tuple[Line, ...] = ()
    left: tuple[Text, ...] = ()
    wanted: tuple[tuple[str, NICSpec, frozenset[str]], ...] = ()  # key (new: ""), specification, fields
    power: PowerVerb | None = None
    refused: Text | None = None

    @property
    def changes(self) -> bool:
        """Return whether something is requested of the VM."""
        return bool(self.wanted or self.power)


def why_not(vm: VM, user: rights.Actor, verb: Verb = Verb.EDIT) -> Text | None:
    """Return why this user cannot change the VM; None if they can."""
    if reason := rights.refusal(user, verb, vm):
        return say("refusal", "rights", reason=reason)
    if vm.removed_at:
        return say("refusal", "being deleted")
    return say("refusal", "gone") if vm.status.made_at and not vm.status.present else None


def fingerprint(change: Change, found: Iterable[Row]) -> str:
    """Return a digest of the preview; a different digest means a different plan."""
    shown = [
        (row.vm.pk, [line.identity for line in row.lines], row.left, row.wanted, row.power, row.refused)
        for row in found
    ]
    return hashlib.sha256(repr((change, shown)).encode()).hexdigest()[:32]
