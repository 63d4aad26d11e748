"""`{% icon "clock" %}`: one of heroicons' small icons, drawn once and kept, for a list may show hundreds."""

from functools import lru_cache

from django import template
from heroicons.templatetags.heroicons import heroicon_mini

register = template.Library()


@register.simple_tag
@lru_cache
def icon(name: str) -> str:
    return heroicon_mini(name, size=14)
