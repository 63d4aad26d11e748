"""For which VM of the portal an unused volume was made, according to the activity log."""

from collections.abc import Iterator, Sequence

from virterweb.activity.choices import Kind
from virterweb.activity.models import Entry
from virterweb.people import rights
from vms.definition.events import Event
from vms.models import WORK, Volume


def with_makers(volumes: Sequence[Volume], user: rights.Actor) -> Sequence[Volume]:
    """Return volumes of one hypervisor, each with the latest entry about running the VM that it is named after.

    That is `made`; None if there is no such entry, or none that the user may see.
    """
    names = {volume.name: list(_names(volume.name)) for volume in volumes}
    wanted = {name for its in names.values() for name in its}
    runs = Entry.objects.visible_to(user).filter(kind=Kind.VM, event=Event.RUN, name__in=wanted)
    if wanted:
        runs = runs.filter(hypervisor_id=volumes[0].pool.hypervisor_id).order_by("pk")
    latest = {entry.name: entry for entry in runs} if wanted else {}
    for volume in volumes:
        volume.made = next((latest[name] for name in names[volume.name] if name in latest), None)
    return volumes


def _names(volume: str) -> Iterator[str]:
    """Yield the names of VMs that a volume may be named after, the longest first: VM a-b, or the disk b of VM a."""
    name = volume.removeprefix(WORK) if volume.startswith(WORK) else ""
    while name:
        yield name
        name = name.rpartition("-")[0]
