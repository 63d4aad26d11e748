"""`{% icon "clock" %}`: a small icon. It refers to one file, which `script/icons` writes: a list may show hundreds."""

import re
from functools import cache, lru_cache

from django import template
from django.conf import settings
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag
@lru_cache
def icon(name: str) -> SafeString:
    if name not in _names():
        raise LookupError(f"{name} is not in static/icons.svg")
    return format_html('<svg aria-hidden="true" width="14" height="14"><use href="{}#{}"/></svg>', _file(), name)


@cache
def _names() -> frozenset[str]:
    return frozenset(re.findall('<symbol id="([^"]+)"', (settings.BASE_DIR / "static/icons.svg").read_text()))


@cache
def _file() -> str:
    return static("icons.svg")
