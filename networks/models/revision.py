"""The history of a network: each saved definition, its author and its result."""

from django.db import models

from networks.definition import wording
from networks.definition.document.compare import Difference, differences
from networks.definition.document.edit import build
from networks.definition.document.leaves import Field
from networks.definition.spec import NetworkSpec
from virterweb.activity.choices import Kind
from virterweb.activity.wording import add_events
from virterweb.hypervisors.desired.revisions import Revision

for kind in (Kind.NETWORK, Kind.RESERVATION):
    add_events(kind, wording.EVENTS, wording.event)


class NetworkRevision(Revision):
    """A saved definition of a network, with its reservations."""

    desired = models.ForeignKey("Network", verbose_name="network", on_delete=models.CASCADE, related_name="revisions")
    active = models.BooleanField(default=True)
    autostart = models.BooleanField(default=True)
    plan = models.JSONField("executed steps", default=list, help_text="the steps that were carried out")

    @property
    def what(self) -> str:
        """Return the text for the event that changed the network."""
        return wording.event(self.event, self.about)

    @property
    def steps(self) -> list[str]:
        """Return the texts of the executed steps; earlier versions stored the texts themselves."""
        return [step if isinstance(step, str) else wording.step(step) for step in self.plan]

    def differences_from(self, other: "NetworkRevision | None") -> tuple[Difference, ...]:
        """Return how it differs from another definition, field by field; all fields if there is none."""
        before = other
        bare = build(NetworkSpec(name=self.desired.name, uuid=self.desired.uuid_text))
        found = differences(self.document, before.document if before else bare)
        flags = ((name, _yes_or_no(getattr(self, name)), _yes_or_no(getattr(before or self, name))) for name in FLAGS)
        more = (
            Difference(field=Field(f"@{name}"), wanted=now, found=was, listed=False)
            for name, now, was in flags
            if now != was
        )
        return (*found, *more)


FLAGS = ("active", "autostart")


def _yes_or_no(value: bool) -> str:
    return "yes" if value else "no"
