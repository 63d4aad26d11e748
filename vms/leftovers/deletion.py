"""Deletes volumes that nothing uses: requests, and the worker that carries them out.

Right before the deletion, the worker checks again that no VM, overlay or image uses the volume. Workers may be
interrupted and run in parallel: the request stays until the pool no longer has the volume.
"""

import logging
from collections.abc import Iterable, Iterator
from datetime import timedelta

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.utils import timezone
from lxml import etree

from virterweb.activity.models import Entry
from virterweb.enqueue import LOOK, enqueue
from virterweb.hypervisors.claims.clock import database_time
from virterweb.hypervisors.claims.due import DATABASE_AWAY
from virterweb.hypervisors.connections.guard import failure
from virterweb.hypervisors.connections.pool import connected
from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import (
    FoundVolume,
    HypervisorError,
    PoolUnreadable,
    Refused,
    fail_on_unreadable,
)
from virterweb.messages import Message
from virterweb.people import rights
from vms.definition import domain as domain_xml
from vms.definition import volume as volume_xml
from vms.images import layers
from vms.images.uses import uses
from vms.models import Volume

log = logging.getLogger(__name__)

RETRY = timedelta(seconds=5)  # after a hypervisor was busy or unreachable


def request(volumes: Iterable[Volume], by: AbstractBaseUser | None) -> list[Volume]:
    """Request the deletion of unused volumes; return those that were not requested before and are still unused.

    Raises:
        PermissionDenied: the user does not operate their hypervisors.
    """
    wanted = []
    with transaction.atomic():
        for volume in volumes:
            rights.require_operator(by, volume.hypervisor)
            rows = Volume.objects.unused().filter(pk=volume.pk, delete_asked_at=None)
            if rows.update(delete_asked_at=timezone.now(), delete_problem="", due_at=None):
                about = {"pool": volume.pool.name}
                Entry.objects.record(volume.subject, "deleted from pool", about, by=by, generation=0)
                enqueue(LOOK, volume.pk)
                wanted.append(volume)
    return wanted


def carry_out(pk: int) -> None:
    """Delete one volume whose deletion is due, unless another worker does; record why it cannot be deleted."""
    with Volume.objects.to_delete().select_related("pool__hypervisor").filter(pk=pk).claim() as volume:
        if volume is None:
            return
        rows = Volume.objects.filter(pk=pk)
        try:
            with connected(volume.hypervisor.pk, volume.hypervisor.uri) as connection:
                _delete(volume, connection)
        except HypervisorError as problem:
            log.warning("volume %s: %s (%s)", volume, problem, problem.detail)
            stopped = isinstance(problem, PoolUnreadable) and not problem.missing
            if problem.again or stopped:  # it waits until the pool is active again
                rows.update(delete_problem=problem.message, due_at=database_time() + RETRY)
            else:
                rows.refuse(problem.message)
        except DATABASE_AWAY:
            raise
        except Exception as problem:
            rows.update(delete_problem=failure(problem)[0])
            raise
        else:
            rows.forget()


def _delete(volume: Volume, connection: Connection) -> None:
    """Delete a volume from the pool, if it is there.

    Raises:
        Refused: it has changed, or something uses it.
    """
    pool = volume.pool.name
    found = {each.name: each for each in connection.volumes.all(pool, fail_on_unreadable)}
    if (its := found.get(volume.name)) is None:
        return
    if not _is_as_recorded(volume, its):
        raise Refused(Message("volume.changed", volume=volume.name))
    elsewhere = layers.overlays_elsewhere(connection, found.values(), {pool})
    in_use = uses(volume.pool, _named(connection), [*found.values(), *elsewhere.values()])
    if reason := in_use.of(its):
        raise Refused(Message("volume.in_use", volume=volume.name, reason=reason))
    connection.volumes.delete(pool, volume.name)


def _is_as_recorded(volume: Volume, found: FoundVolume) -> bool:
    """Return whether the found volume is the one that the page showed: another may have its name now."""
    spec, day = volume_xml.parse(found.document), volume_xml.changed_on(found.document)
    now = (found.path, spec.format, spec.capacity, spec.backing, day)
    return now == (volume.path, volume.format, volume.capacity, volume.backing, volume.changed_on)


def _named(connection: Connection) -> Iterator[tuple[str, set[str]]]:
    """Yield the name of each domain, transient or inactive ones too, with the files that it and its snapshots name.

    Raises:
        Refused: a domain cannot be read.
    """
    for domain in connection.domains.all(fail_on_unreadable):
        snapshots = connection.snapshots.documents(domain.uuid)
        try:
            found = [domain_xml.files(document) for document in (domain.document, domain.stored) if document]
            found += [files for document in snapshots for files in domain_xml.snapshot_files(document)]
        except etree.XMLSyntaxError as problem:
            raise Refused(Message("volume.unreadable_vm", vms=[domain.name]), str(problem)) from problem
        yield domain.name, set().union(*found)
