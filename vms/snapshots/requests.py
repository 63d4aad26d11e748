"""Requests about snapshots: checked and stored here, carried out by workers."""

from enum import StrEnum

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from virterweb.activity.choices import Result
from virterweb.activity.models import Entry
from virterweb.enqueue import LOOK, enqueue
from virterweb.hypervisors.desired.refusals import InvalidTransition
from virterweb.people import rights
from vms.definition.events import Event
from vms.definition.nics.parse import parse_domain
from vms.definition.snapshots import document as snapshot_xml
from vms.models import VM, Snapshot, SnapshotRequest, SnapshotVerb

from .preview import is_beneath_overlays

EVENTS = {
    SnapshotVerb.TAKE: Event.SNAPSHOT_TAKEN,
    SnapshotVerb.REVERT: Event.SNAPSHOT_REVERTED,
    SnapshotVerb.DELETE: Event.SNAPSHOT_DELETED,
    SnapshotVerb.MERGE: Event.SNAPSHOT_MERGED,
}


class SnapshotRefusal(StrEnum):
    """Why something cannot be done with the snapshots of a VM as they are now."""

    IN_PROGRESS = "snapshot_in_progress"
    EXISTS = "snapshot_exists"
    GONE = "snapshot_gone"
    TRANSIENT = "transient"
    NO_DISK = "no_disk"
    NOT_EXTERNAL = "not_external"
    NO_DEFINITION = "no_definition"
    BEING_LINKED = "being_linked"
    BENEATH_OVERLAYS = "beneath_overlays"


def being_linked(vm: VM) -> QuerySet[VM]:
    """Return the linked clones of a VM whose disks are not complete yet."""
    here = VM.objects.filter(hypervisor=vm.hypervisor_id, copied_from=vm.uuid, status__made_at=None)
    return here.exclude(linked_to="")


def take(vm: VM, name: str, by: AbstractBaseUser | None, **about: object) -> SnapshotRequest:
    """Request a snapshot; `about` has its `description`, whether it has the `memory`, and whether it is `external`.

    Raises:
        InvalidTransition: the VM cannot have it now.
        Exceeded: the team of the VM may not have more.
    """
    with vm.kept_limits():
        request = _ask(vm, SnapshotVerb.TAKE, name, by, about)
        vm.status.refresh_from_db(fields=["present", "persistent", "document"])
        if vm.status.transient:
            raise InvalidTransition(vm, SnapshotRefusal.TRANSIENT)
        if not snapshot_xml.disks(vm.status.document):
            raise InvalidTransition(vm, SnapshotRefusal.NO_DISK)
        if vm.snapshots.filter(name=name).exists():
            raise InvalidTransition(vm, SnapshotRefusal.EXISTS, name=name)
    return request


def revert(vm: VM, snapshot: Snapshot, by: AbstractBaseUser | None, *, start: bool) -> SnapshotRequest:
    """Request that a VM becomes as in a snapshot; with `start` it runs afterwards in any case.

    Raises:
        PermissionDenied: it would get back parts of the host or networks that the user may not give it.
        InvalidTransition: the snapshot is gone or beneath overlays, or another request is in progress.
    """
    require_reach(vm, snapshot, by)
    if not snapshot.document:
        raise InvalidTransition(vm, SnapshotRefusal.NO_DEFINITION, name=snapshot.name)
    if is_beneath_overlays(vm, snapshot):
        raise InvalidTransition(vm, SnapshotRefusal.BENEATH_OVERLAYS, name=snapshot.name)
    if start:
        vm.require_no_end()
    return _ask_about(vm, SnapshotVerb.REVERT, snapshot, by, {"start": start})


def delete(vm: VM, snapshot: Snapshot, by: AbstractBaseUser | None) -> SnapshotRequest:
    """Request the deletion of a snapshot: its children and the present state of the VM stay."""
    return _ask_about(vm, SnapshotVerb.DELETE, snapshot, by)


def merge(vm: VM, snapshot: Snapshot, by: AbstractBaseUser | None) -> SnapshotRequest:
    """Request that the overlays of an external snapshot are merged into the disks beneath them."""
    if not snapshot.external:
        raise InvalidTransition(vm, SnapshotRefusal.NOT_EXTERNAL, name=snapshot.name)
    return _ask_about(vm, SnapshotVerb.MERGE, snapshot, by)


def cancel(vm: VM, by: AbstractBaseUser | None) -> None:
    """Request that the request in progress is cancelled, if there is one."""
    with transaction.atomic():
        waiting = SnapshotRequest.objects.filter(vm=vm, done_at=None, cancel_asked_at=None)
        found = waiting.select_for_update().first()
        if found and waiting.update(cancel_asked_at=timezone.now(), due_at=None):
            about = {"snapshot": found.name}
            subject = vm.activity_subject(Event.SNAPSHOT_CANCELLED)
            Entry.objects.record(subject, Event.SNAPSHOT_CANCELLED, about, by=by, result=Result.DONE)


def reach_refused(vm: VM, snapshot: Snapshot, by: rights.Actor) -> list[str]:
    """Return why a user may not revert a VM to a snapshot, one sentence for each reason; none for operators."""
    if rights.is_operator(by, vm.hypervisor_id) or not (snapshot.document and vm.status.document):
        return []
    now = [nic.spec for document in _documents(vm) for nic in parse_domain(document)]
    then = [nic.spec for nic in parse_domain(snapshot.document)]
    reasons = vm.reach_refused(now, then, by)
    known = frozenset().union(*(snapshot_xml.host_parts(document) for document in _documents(vm)))
    known |= {path for each in vm.snapshots.all() for path in each.files}
    if more := sorted(snapshot_xml.host_parts(snapshot.document) - known):
        reasons.append(
            f"Only operators may revert to it, because the VM had parts of the host that it no longer has: "
            f"{', '.join(more[:3])}."
        )
    return reasons


def require_reach(vm: VM, snapshot: Snapshot, by: rights.Actor) -> None:
    if reasons := reach_refused(vm, snapshot, by):
        raise PermissionDenied(" ".join(reasons))


def _documents(vm: VM) -> list[str]:
    return [document for document in (vm.status.document, vm.status.stored) if document]


def _ask_about(
    vm: VM, verb: SnapshotVerb, snapshot: Snapshot, by: AbstractBaseUser | None, about: dict | None = None
) -> SnapshotRequest:
    with transaction.atomic():
        request = _ask(vm, verb, snapshot.name, by, about or {})
        if not vm.snapshots.filter(pk=snapshot.pk).exists():
            raise InvalidTransition(vm, SnapshotRefusal.GONE, name=snapshot.name)
    return request


def _ask(vm: VM, verb: SnapshotVerb, name: str, by: AbstractBaseUser | None, about: dict) -> SnapshotRequest:
    """Store a request, and its entry in the activity log."""
    with vm.transition(present=True):
        if SnapshotRequest.objects.filter(vm=vm, done_at=None).exists():
            raise InvalidTransition(vm, SnapshotRefusal.IN_PROGRESS)
        if clones := sorted(being_linked(vm).values_list("name", flat=True)):
            raise InvalidTransition(vm, SnapshotRefusal.BEING_LINKED, clones=", ".join(clones))
        event = EVENTS[verb]
        entry = Entry.objects.record(vm.activity_subject(event), event, {"snapshot": name}, by=by)
        values = {"verb": verb, "name": name, "about": about, "asked_by": by, "entry_id": entry.pk}
        values |= {
            "asked_at": timezone.now(),
            "done_at": None,
            "cancel_asked_at": None,
            "error": "",
            **SnapshotRequest.NO_STEP,
        }
        request, _ = SnapshotRequest.objects.update_or_create(vm=vm, defaults=values | {"due_at": None, "crashes": 0})
        enqueue(LOOK, request.pk)
    return request
