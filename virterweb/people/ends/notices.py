"""The notice on the page of an object whose end date is near or past."""

from django.utils import timezone

from virterweb.messages import Message, add_wording

from .ending import Ending
from .rules import SOON, distance

NOT_STOPPED = "Its end date, {ends}, has passed. "
add_wording(
    {
        "ends.notice.soon": "It is stopped on {ends}, and deleted {grace} later.",
        "ends.notice.stops": NOT_STOPPED + "A worker stops it as soon as the hypervisor can be reached.",
        "ends.notice.kept": NOT_STOPPED + "It is not stopped, because it is the access network of the hypervisor.",
        "ends.notice.used": NOT_STOPPED + "It is not stopped while VMs have NICs on it. VMs with NICs now: {vms}. "
        "After that, it is stopped, and deleted {grace} later.",
        "ends.notice.ended": "It was stopped because of its end date, {ends}, and will be deleted on {deleted}. "
        "Extend it to keep it. After the deletion, only its definition is kept.",
        "ends.notice.used_again": "It was stopped because of its end date, {ends}. "
        "It is not deleted while VMs have NICs on it. VMs with NICs now: {vms}.",
        "ends.notice.runs": "It was started outside the portal after its end date, {ends}. "
        "It is not deleted while it runs. It will be stopped again on {deleted}.",
    }
)


def notice(thing: Ending) -> Message:
    """Return the notice; an empty message if the end is more than three days away, or there is none."""
    now = timezone.now()
    if not thing.managed or thing.removed_at or thing.ends_at is None or thing.ends_at - now > SOON:
        return Message()
    ends, grace = _shown(thing.ends_at), distance(thing.end_rules.deleted(now) - now)
    if thing.ends_at > now:
        return Message("ends.notice.soon", ends=ends, grace=grace)
    users = [] if thing.is_kept else thing.users_of_it()
    if thing.ended_at is None:
        if thing.is_kept:
            return Message("ends.notice.kept", ends=ends)
        if users:
            return Message("ends.notice.used", ends=ends, vms=len(users), grace=grace)
        return Message("ends.notice.stops", ends=ends)
    if users:
        return Message("ends.notice.used_again", ends=ends, vms=len(users))
    deleted = _shown(thing.deleted_from)
    if thing.runs() and thing.done:
        return Message("ends.notice.runs", ends=ends, deleted=deleted)
    return Message("ends.notice.ended", ends=ends, deleted=deleted)


def _shown(at: object) -> str:
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M}"
