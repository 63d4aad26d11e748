"""Reminders by e-mail: three days and one day before an end, and when an object has been stopped, each once.

A reminder is a row that is created once, and is sent until the mail server has taken it.
"""

import logging
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from virterweb.hypervisors.claims.clock import Now, database_time
from virterweb.notifications import mail
from virterweb.notifications.webhook import NotSent
from virterweb.pages.characters import visible
from virterweb.people import rights
from virterweb.people.models import EndReminder, Membership
from virterweb.people.verbs import Verb

from . import wording
from .ending import Ending, ending_models
from .rules import SOON, Stage, distance, stage

log = logging.getLogger(__name__)

PAUSE = timedelta(minutes=5)  # until the mail server is tried again
AT_ONCE = 200  # reminders in one round


def note() -> None:
    """Create the reminders that are due, and delete those about former end dates and deleted objects."""
    if not settings.EMAIL_HOST:
        return
    for model in ending_models():
        kind, now = model._meta.model_name, database_time()
        things = model.objects.filter(managed=True, removed_at=None)
        current = things.filter(
            Q(ends_at=OuterRef("moment")) | Q(ended_at=OuterRef("moment")), pk=OuterRef("object_id")
        )
        EndReminder.objects.filter(~Exists(current), kind=kind).delete()
        coming = things.filter(ended_at=None, ends_at__gt=Now(), ends_at__lte=Now() + SOON)
        rows = [
            EndReminder(kind=kind, object_id=pk, moment=end, stage=which)
            for pk, end, chosen in coming.values_list("pk", "ends_at", "end_chosen_at")
            if (which := stage(now, end, chosen or end)) is not None
        ]
        ended = things.filter(ended_at__isnull=False).values_list("pk", "ended_at")
        rows += [EndReminder(kind=kind, object_id=pk, moment=at, stage=Stage.ENDED) for pk, at in ended]
        EndReminder.objects.bulk_create(rows, ignore_conflicts=True, batch_size=500)


def send() -> None:
    """Send what is due, one e-mail for all objects with the same recipients; retry later if that fails."""
    if not settings.EMAIL_HOST:
        return
    waiting = EndReminder.objects.due().filter(sent_at=None).order_by("pk").values_list("pk", flat=True)[:AT_ONCE]
    with ExitStack() as stack:
        claims = [stack.enter_context(EndReminder.objects.filter(pk=pk, sent_at=None).claim()) for pk in waiting]
        mine = [reminder for reminder in claims if reminder]
        if mine:
            _send(mine)


def _send(reminders: Sequence[EndReminder]) -> None:
    things = _things(reminders)
    groups: dict[tuple[str, ...], list[EndReminder]] = {}
    for reminder in reminders:
        if thing := things.get((reminder.kind, reminder.object_id)):
            groups.setdefault(tuple(recipients(thing)), []).append(reminder)
    for addresses, group in groups.items():
        rows = EndReminder.objects.filter(pk__in=[reminder.pk for reminder in group])
        try:
            if addresses:
                parts = [(reminder, things[reminder.kind, reminder.object_id]) for reminder in group]
                mail.deliver(addresses, subject(parts), body(parts))
        except NotSent as problem:
            log.warning("reminder of end dates to %s: %s", ", ".join(addresses), problem)
            rows.update(due_at=Now() + PAUSE)
        else:
            rows.update(sent_at=timezone.now())


def _things(reminders: Iterable[EndReminder]) -> dict[tuple[str, int], Ending]:
    """Return the objects that still have the ends of these reminders."""
    found = {}
    for model in ending_models():
        kind = model._meta.model_name
        its = {reminder.object_id: reminder.moment for reminder in reminders if reminder.kind == kind}
        things = model.objects.filter(pk__in=its, removed_at=None).select_related("hypervisor", "owner", "team")
        found |= {(kind, thing.pk): thing for thing in things if its[thing.pk] in (thing.ends_at, thing.ended_at)}
    return found


def recipients(thing: Ending) -> list[str]:
    """Return the address of the owner; without one, those of the managers of the team. All of them may see it."""
    if thing.owner and thing.owner.email and rights.may(thing.owner, Verb.LIST, thing):
        return [thing.owner.email]
    members = Membership.objects.filter(team=thing.team_id, user__is_active=True).exclude(user__email="")
    managers = [each for each in members.select_related("role", "user") if rights.may(each.user, Verb.SHARE, thing)]
    field = get_user_model().get_email_field_name()
    return sorted({getattr(each.user, field) for each in managers})


def subject(parts: Sequence[tuple[EndReminder, Ending]]) -> str:
    """Return the subject of an e-mail: the first object, and the number of the others."""
    (reminder, thing), *more = parts
    about_one, about_several = wording.SUBJECTS[reminder.stage]
    text = (about_several if more else about_one).format(name=thing, more=len(more))
    return visible(" ".join(text.split()))


def body(parts: Sequence[tuple[EndReminder, Ending]]) -> str:
    """Return a line about each object with the address of its page, and how to extend the first."""
    lines = [line for reminder, thing in parts for line in (_line(reminder, thing), _address(thing)) if line]
    first = parts[0][1]
    names = {"command": first.command, "name": first, "hypervisor": first.hypervisor}
    return "\n".join([*lines, "", wording.HOW.format(**names), ""])


def _line(reminder: EndReminder, thing: Ending) -> str:
    names = {
        "kind": thing._meta.verbose_name,
        "name": visible(" ".join(str(thing).split())),
        "hypervisor": thing.hypervisor,
    }
    names["kind"] = f"{names['kind'][:1].upper()}{names['kind'][1:]}"
    if reminder.stage == Stage.ENDED:
        return wording.ENDED.format(end=_shown(thing.ends_at), deleted=_shown(thing.deleted_from), **names)
    grace = distance(timedelta(days=thing.end_rules.grace))
    return wording.COMING.format(end=_shown(thing.ends_at), grace=grace, **names)


def _address(thing: Ending) -> str:
    return f"{settings.PORTAL_URL}{thing.get_absolute_url()}" if settings.PORTAL_URL else ""


def _shown(at: datetime) -> str:
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M %Z}"
