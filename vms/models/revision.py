"""The history of a VM: each saved definition, its author and its result."""

from django.db import models

from virterweb.activity.choices import Kind
from virterweb.activity.wording import add_events
from virterweb.hypervisors.desired.revisions import Revision
from vms.definition import saved
from vms.definition.saved import Difference, Saved, SavedNIC

for kind in (Kind.VM, Kind.NIC, Kind.CONSOLE):
    add_events(kind, saved.EVENTS, saved.event)


class VMRevision(Revision):
    """A saved definition of a VM, with values that libvirt's document does not have."""

    desired = models.ForeignKey("VM", verbose_name="VM", on_delete=models.CASCADE, related_name="revisions")
    nics = models.JSONField(
        "NICs", default=list, help_text="the NICs with their settings in the guest and reserved addresses"
    )
    image = models.CharField(blank=True, help_text="name of the image that it was run from")
    guest_network = models.CharField("guest network configuration", blank=True)
    running = models.BooleanField(default=True)

    class Meta(Revision.Meta):
        verbose_name = "VM revision"

    @property
    def what(self) -> str:
        """Return the text for the event that changed the VM."""
        return saved.event(self.event, self.about)

    @property
    def saved(self) -> Saved:
        """Return the definition as one value."""
        values = {name: getattr(self, name) for name in ("document", "image", "guest_network", "running")}
        return Saved(nics=tuple(map(SavedNIC.read, self.nics)), **values)

    def differences_from(self, other: "VMRevision | None") -> tuple[Difference, ...]:
        """Return how it differs from another definition, field by field; all fields if there is none."""
        return saved.differences(self.saved, other.saved if other else None)
