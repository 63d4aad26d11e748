"""What is being done now for the entries of the activity log that are in progress."""

from collections.abc import Iterable

from django.db.models import CharField, F, QuerySet, Value

from networks.models import NetworkStatus
from virterweb.activity.choices import Kind, same_object
from virterweb.activity.models import Entry
from virterweb.hypervisors.desired.progress import InSteps, Step
from vms.models import ImageExport, ImageStatus, SnapshotRequest, VMStatus

#: The rows with the steps of objects, whose entries have a generation.
OF_OBJECTS = {Kind.NETWORK: NetworkStatus, Kind.VM: VMStatus, Kind.IMAGE: ImageStatus}
#: Requests with steps, each with an entry of its own.
REQUESTS = (SnapshotRequest, ImageExport)
REQUEST = "request"


def add_steps(entries: Iterable[Entry]) -> None:
    """Set the `work` of entries: their step in progress, None without one. It is one query."""
    waiting = {_key(entry): None for entry in entries if not entry.result}
    if waiting:
        first, *others = _rows(waiting)
        for name, key, *step in first.union(*others, all=True):
            waiting[name, key] = Step(**dict(zip(InSteps.NO_STEP, step, strict=True)))
    for entry in entries:
        step = None if entry.result else waiting[_key(entry)]
        entry.work = step if step and step.progress else None


def _key(entry: Entry) -> tuple[str, int]:
    """Return which row has the step of an entry: that of its object, or of a request."""
    if entry.generation is None:
        return REQUEST, entry.pk
    return str(same_object(entry.kind)[0]), entry.object_id


def _rows(keys: Iterable[tuple[str, int]]) -> list[QuerySet]:
    """Return queries with the same columns, for these keys."""
    places = [(kind.value, model, "desired") for kind, model in OF_OBJECTS.items()]
    places += [(REQUEST, model, "entry_id") for model in REQUESTS]
    found = []
    for name, model, column in places:
        wanted = [key for kind, key in keys if kind == name]
        columns = (Value(name, output_field=CharField()), F(column), *InSteps.NO_STEP)
        found.append(model.objects.filter(**{f"{column}__in": wanted}).order_by().values_list(*columns))
    return found
