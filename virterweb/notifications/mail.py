"""E-mails about entries: one for all that have happened since the last."""

from collections.abc import Sequence
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import send_mail
from django.utils import timezone

from virterweb.activity.models import Entry
from virterweb.messages import Message
from virterweb.pages.characters import visible

from .webhook import NotSent


def line(entry: Entry) -> str:
    """Return an entry as one line of text."""
    who = f"{entry.who} ({entry.get_via_display()})" if entry.who else entry.get_via_display()
    place = " on ".join(filter(None, [entry.name, entry.hypervisor]))
    said = ": ".join(filter(None, [place, entry.what, str(entry.error) or entry.result]))
    return visible(" ".join(f"{timezone.localtime(entry.at):%Y-%m-%d %H:%M:%S} {who}: {said}".split()))


def subject(entries: Sequence[Entry]) -> str:
    if len(entries) > 1:
        return f"Virterweb: {len(entries)} changes"
    (entry,) = entries
    return visible(" ".join(f"Virterweb: {entry}".split()))


def send(addresses: Sequence[str], entries: Sequence[Entry]) -> None:
    """Send an e-mail about entries; raise NotSent if the mail server does not take it."""
    deliver(addresses, subject(entries), "\n".join(map(line, entries)) + "\n")


def deliver(addresses: Sequence[str], title: str, text: str) -> None:
    """Send an e-mail; raise NotSent if the mail server does not take it."""
    if not settings.EMAIL_HOST:
        raise NotSent(Message("notification.no_mail"), unreachable=True)
    try:
        send_mail(title, text, None, list(addresses))
    except (OSError, SMTPException) as problem:
        text = str(problem) or type(problem).__name__
        raise NotSent(Message("notification.not_sent", reason=text), unreachable=True) from problem
