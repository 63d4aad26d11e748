"""`{{ vm.ends_at|countdown }}`: how far away an end is, with the exact time when pointed at."""

from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from virterweb.messages import Message
from virterweb.people.ends import notices
from virterweb.people.ends.ending import Ending
from virterweb.people.ends.rules import SOON
from virterweb.people.ends.wording import countdown as words

register = template.Library()


@register.filter
def countdown(end: datetime | None) -> SafeString:
    """Return “in 3 days” or “ended 2 hours ago”; amber if it is soon, and nothing without an end."""
    if end is None:
        return SafeString("")
    local, now = timezone.localtime(end), timezone.now()
    shown = format_html(
        '<time datetime="{}" title="{}">{}</time>', local.isoformat(), f"{local:%Y-%m-%d %H:%M}", words(now, end)
    )
    return format_html('<span class="pending">{}</span>', shown) if end - now <= SOON else shown


@register.filter
def end_notice(thing: Ending) -> Message:
    """Return what the page of an object says about an end that is near or past."""
    return notices.notice(thing)
