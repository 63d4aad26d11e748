"""`{{ lease.first_seen|moment }}`, `|age`: a time as a person would say it, with the exact one when pointed at."""

from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

JUST_NOW = 10  # seconds; static/js/updates/ages.js counts on with the same
UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


@register.filter
def moment(at: datetime | None) -> SafeString:
    """Return the time of day, with the date unless it is today."""
    if at is None:
        return SafeString("")
    local = timezone.localtime(at)
    near = local.date() == timezone.localdate()
    shown = local.strftime("%H:%M" if near else "%Y-%m-%d %H:%M")
    exact = local.strftime("%Y-%m-%d %H:%M:%S")
    return format_html('<time datetime="{}" title="{}">{}</time>', local.isoformat(), exact, shown)


@register.filter
def age(at: datetime) -> SafeString:
    """Return how long ago that was, in one unit for narrow columns: 40 s, 5 min, 3 h, 12 d."""
    local = timezone.localtime(at)
    exact = local.strftime("%Y-%m-%d %H:%M:%S")
    return format_html('<time datetime="{}" title="since {}">{}</time>', local.isoformat(), exact, _in_one_unit(at))


@register.filter
def updated(at: datetime) -> SafeString:
    """Return the age of the last reading, which the page keeps counting."""
    local = timezone.localtime(at)
    new = (timezone.now() - at).total_seconds() < JUST_NOW
    shown = "updated just now" if new else f"updated {_in_one_unit(at)} ago"
    exact = local.strftime("%Y-%m-%d %H:%M:%S")
    return format_html('<time data-age datetime="{}" title="{}">{}</time>', local.isoformat(), exact, shown)


def _in_one_unit(at: datetime) -> str:
    left = max(0, int((timezone.now() - at).total_seconds()))
    seconds, unit = next((each for each in UNITS if left >= each[0]), UNITS[-1])
    return f"{left // seconds} {unit}"
