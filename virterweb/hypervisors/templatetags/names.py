"""`{% look_alike network %}`, `{% look_alike "network" nic.source %}`: marks a name that looks like another one.

`{{ ranges|wrapping_after:"," }}`: where a long text may wrap.
"""

from django import template
from django.db import models
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString

from virterweb.hypervisors.desired import look_alikes

register = template.Library()


@register.filter
def wrapping_after(text: object, characters: str) -> SafeString:
    """Return a text that a narrow column may wrap after each of these characters."""
    return SafeString("".join(f"{each}<wbr>" if each in characters else each for each in conditional_escape(text)))


@register.simple_tag(takes_context=True)
def look_alike(context: template.Context, of: models.Model | str, name: str = "") -> SafeString:
    """Mark a name, of an object or of a kind of object, where another of that kind looks like it; "" is no such kind.

    `LookAlikeMarks` inserts the mark when the whole page is known.
    """
    kind, name = (of._meta.model_name, of.name) if isinstance(of, models.Model) else (of, name)
    return look_alikes.placeholder(context["request"], kind, name) if kind and name else SafeString("")
