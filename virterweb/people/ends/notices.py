"""What the page of an object says about an end that is near or past."""

from django.utils import timezone

from virterweb.messages import Message, add_wording

from .ending import Ending
from .rules import SOON, distance

NOT_STOPPED = "Its end date, {ends}, has passed. "
add_wording(
    {
        "ends.notice.soon": "It is stopped on {ends}, and deleted {grace} later.",
        "ends.notice.stops": NOT_STOPPED + "It is stopped as soon as a worker reaches its hypervisor.",
        "ends.notice.kept": NOT_STOPPED + "It stays, because all VMs of the hypervisor need it.",
        "ends.notice.used": NOT_STOPPED + "{vms} on it, so it stays. It is stopped when they are gone, and deleted "
        "{grace} later.",
        "ends.notice.ended": "It ended on {ends}, and is deleted on {deleted}. Only its definition is kept.",
        "ends.notice.used_again": "It ended on {ends}. {vms} on it, so it is not deleted before they are gone.",
        "ends.notice.runs": "It ended on {ends}, and was started outside the portal. It is not deleted while it runs: "
        "on {deleted} it is stopped again.",
    }
)


def notice(thing: Ending) -> Message:
    """Return what is said; an empty message if the end is far away, or there is none."""
    now = timezone.now()
    if not thing.managed or thing.removed_at or thing.ends_at is None or thing.ends_at - now > SOON:
        return Message()
    ends, grace = _shown(thing.ends_at), distance(thing.end_rules.deleted(now) - now)
    if thing.ends_at > now:
        return Message("ends.notice.soon", ends=ends, grace=grace)
    users = [] if thing.is_kept else thing.users_of_it()
    vms = f"{len(users)} VMs have NICs" if len(users) > 1 else "A VM has a NIC"
    if thing.ended_at is None:
        if thing.is_kept:
            return Message("ends.notice.kept", ends=ends)
        if users:
            return Message("ends.notice.used", ends=ends, vms=vms, grace=grace)
        return Message("ends.notice.stops", ends=ends)
    if users:
        return Message("ends.notice.used_again", ends=ends, vms=vms)
    deleted = _shown(thing.deleted_from)
    if thing.runs() and thing.done:
        return Message("ends.notice.runs", ends=ends, deleted=deleted)
    return Message("ends.notice.ended", ends=ends, deleted=deleted)


def _shown(at: object) -> str:
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M}"
