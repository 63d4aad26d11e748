"""`{{ lease.first_seen|moment }}`, `|age`: a time as a person would say it, with the exact one when pointed at.

Pages keep counting ages: static/js/updates/ages.js.
"""

from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from virterweb.hypervisors.models import HypervisorStatus

register = template.Library()

EXACT = "%Y-%m-%d %H:%M:%S %Z"
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
    exact = local.strftime(EXACT)
    return format_html('<time datetime="{}" title="{}">{}</time>', local.isoformat(), exact, shown)


@register.filter
def age(at: datetime) -> SafeString:
    """Return how long ago that was, in one unit for narrow columns: 40 s, 5 min, 3 h, 12 d."""
    local = timezone.localtime(at)
    exact = local.strftime(EXACT)
    shown = _in_one_unit(at)
    return format_html('<time data-age="for" datetime="{}" title="since {}">{}</time>', local.isoformat(), exact, shown)


@register.filter
def ago(at: datetime) -> SafeString:
    """Return how long ago something happened."""
    local = timezone.localtime(at)
    exact = local.strftime(EXACT)
    return format_html('<time data-age="ago" datetime="{}" title="{}">{}</time>', local.isoformat(), exact, _ago(at))


@register.filter
def updated(status: HypervisorStatus) -> SafeString:
    """Return the age of the last poll of a hypervisor; open pages learn of later ones."""
    local = timezone.localtime(status.observed_at)
    exact = local.strftime(EXACT)
    element = '<time data-age="updated" data-hypervisor="{}" datetime="{}" title="{}">updated {}</time>'
    return format_html(element, status.hypervisor_id, local.isoformat(), exact, _ago(status.observed_at))


def _ago(at: datetime) -> str:
    new = (timezone.now() - at).total_seconds() < JUST_NOW
    return "just now" if new else f"{_in_one_unit(at)} ago"


def _in_one_unit(at: datetime) -> str:
    left = max(0, int((timezone.now() - at).total_seconds()))
    seconds, unit = next((each for each in UNITS if left >= each[0]), UNITS[-1])
    return f"{left // seconds} {unit}"
