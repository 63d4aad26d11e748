"""`{{ lease.first_seen|moment }}`, `|age`: a time as a person would say it, with the exact one when pointed at."""

from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


@register.filter
def moment(at: datetime | None) -> SafeString:
    """The hour if it is of today, the day as well if not."""
    if at is None:
        return SafeString("")
    local = timezone.localtime(at)
    near = local.date() == timezone.localdate()
    shown = local.strftime("%H:%M" if near else "%Y-%m-%d %H:%M")
    exact = local.strftime("%Y-%m-%d %H:%M:%S")
    return format_html('<time datetime="{}" title="{}">{}</time>', local.isoformat(), exact, shown)


@register.filter
def age(at: datetime) -> SafeString:
    """How long ago, in one unit, as narrow columns need it: 40 s, 5 min, 3 h, 12 d."""
    left = max(0, int((timezone.now() - at).total_seconds()))
    seconds, unit = next((each for each in UNITS if left >= each[0]), UNITS[-1])
    local, shown = timezone.localtime(at), f"{left // seconds} {unit}"
    return format_html(
        '<time datetime="{}" title="since {}">{}</time>', local.isoformat(), local.strftime("%Y-%m-%d %H:%M:%S"), shown
    )
