"""End dates of networks: an unused network is stopped at its end, and deleted after the grace period."""

from collections.abc import Mapping
from typing import ClassVar

from networks.attachments import attachments
from networks.definition.events import Event
from virterweb.people.ends.ending import Ending


class NetworkEnds(Ending):
    """The part of the model `Network` that carries out its end date."""

    command: ClassVar = "network"

    class Meta:
        abstract = True

    def users_of_it(self) -> list[str]:
        return attachments().users(self.hypervisor_id, self.name)

    @property
    def is_kept(self) -> bool:
        """Return whether it stays although its end has come: every new VM of the hypervisor is attached to it."""
        return self.is_access_network

    def stop_at_end(self, about: Mapping[str, object]) -> None:
        if self.active or self.status.active:
            self.change(Event.ENDED, about=about, active=False, requested=("active",))
        else:
            self.note(Event.ENDED, **about)

    def remove_at_end(self, about: Mapping[str, object]) -> None:
        super().remove(allow_disconnect=[])
        self.note(Event.DELETED_AT_END, **about)
