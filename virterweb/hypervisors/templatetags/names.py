"""`{% look_alike network %}`, `{% look_alike "network" nic.source %}`: marks a name that looks like another one.

`{{ ranges|wrapping_after:"," }}`: where a long text may wrap.
"""

from django import template
from django.apps import apps
from django.db import models
from django.http import HttpRequest
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString

from virterweb.hypervisors.desired.models import Desired
from virterweb.hypervisors.models import Hypervisor
from virterweb.pages import characters

register = template.Library()


@register.filter
def wrapping_after(text: object, characters: str) -> SafeString:
    """Return a text that a narrow column may wrap after each of these characters."""
    return SafeString("".join(f"{each}<wbr>" if each in characters else each for each in conditional_escape(text)))


@register.simple_tag(takes_context=True)
def look_alike(context: template.Context, of: models.Model | str, name: str = "") -> SafeString:
    """Mark a name, of an object or of a kind of object, where another of that kind looks like it."""
    kind, name = (of._meta.model_name, of.name) if isinstance(of, models.Model) else (of, name)
    warning = _warnings(context["request"], kind).get(name)
    mark = ' <span class="tag" title="Look closely: it may be taken for another.">{}</span>'
    return format_html(mark, warning) if warning else SafeString("")


def _warnings(request: HttpRequest, kind: str) -> dict[str, str]:
    """Return the warnings about every name of a kind, read once for a page."""
    known = request.__dict__.setdefault("look_alikes", {})
    if kind not in known:
        named = {each._meta.model_name: each for each in apps.get_models() if issubclass(each, Desired | Hypervisor)}
        known[kind] = characters.warnings(named[kind].objects.values_list("name", flat=True))
    return known[kind]
