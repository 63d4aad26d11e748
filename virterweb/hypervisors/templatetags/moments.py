"""`{{ lease.first_seen|moment }}`: a time as a person would say it, with the exact one when pointed at."""

from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


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
