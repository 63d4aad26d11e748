"""End dates of VMs: a VM is shut down at its end, and deleted after the grace period if it is off."""

from collections.abc import Mapping
from typing import ClassVar

from django.db import models

from virterweb.hypervisors.desired.revisions import recorded
from virterweb.people.ends.ending import Ending
from vms.definition.events import Event

from ..power import Power
from ..power_verb import PowerVerb


class VMEnds(Ending):
    """The part of the model `VM` that carries out its end date."""

    only_if_off = models.BooleanField(
        default=False,
        editable=False,
        help_text="the deletion was requested because of the end date, and is refused if the VM runs",
    )

    command: ClassVar = "vm"

    class Meta:
        abstract = True

    def runs(self) -> bool:
        return self.status.present and self.status.power != Power.OFF

    def stop_at_end(self, about: Mapping[str, object]) -> None:
        with recorded(self, Event.ENDED, None, **about):
            if self.running or self.runs():
                self.ask_power(PowerVerb.SHUT_DOWN)

    def remove_at_end(self, about: Mapping[str, object]) -> None:
        with recorded(self, Event.DELETED_AT_END, None, **about):
            self.remove(only_if_off=True)
