"""Restoration of an earlier definition of a network."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from networks.definition.events import Event
from networks.definition.plans.steps import Step, Wanted, token
from networks.models import Granted, NetworkRevision
from networks.xml_editor.form import check
from virterweb.people import rights

from .shown import shown


@dataclass(frozen=True)
class NetworkRestoration:
    """What restoring a revision would do, for one user."""

    revision: NetworkRevision
    by: rights.Actor
    template = "networks/changes/_plan.html"

    @cached_property
    def now(self) -> NetworkRevision:
        network = self.revision.desired
        return NetworkRevision(desired=network, **network.revision_values())

    @cached_property
    def wanted(self) -> Wanted:
        revision = self.revision
        return Wanted(document=revision.document, active=revision.active, autostart=revision.autostart)

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        return self.revision.desired.plan(self.wanted)

    @cached_property
    def problems(self) -> Sequence[str]:
        """Return why the revision cannot be restored, one sentence each."""
        network, document, before = self.revision.desired, self.revision.document, self.now.document
        found = list(check(document, network, before, self.by))
        if not rights.is_operator(self.by, network.hypervisor_id):
            granted = Granted(network.team_id, network.hypervisor_id)
            found += granted.reasons(granted.refused(before, document))
        return found

    @property
    def token(self) -> str:
        return token(self.steps, self.revision.desired.found_alone())

    @property
    def context(self) -> dict[str, object]:
        return shown(self.revision.desired, self.steps, self.by)

    def save(self) -> None:
        """Save the definition of the revision as the desired one, with the shown steps as accepted."""
        wanted, about = self.wanted, {"at": self.revision.at.isoformat()}
        values = {"document": wanted.document, "active": wanted.active, "autostart": wanted.autostart}
        accepted = [step.as_json() for step in self.steps]
        self.revision.desired.change(Event.RESTORED, self.by, accepted=accepted, about=about, **values)
