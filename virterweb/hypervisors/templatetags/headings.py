"""`{% headings "IP" "MAC" actions=True %}`: the head of a table whose columns do not sort."""

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

register = template.Library()

ACTIONS = SafeString('<th scope="col" class="end"><span class="hidden">Actions</span></th>')


@register.simple_tag
def headings(*titles: str, actions: bool = False) -> SafeString:
    """Return the head with a cell for each title, and with `actions` one for the buttons at the end of rows."""
    cells = format_html_join("\n", '<th scope="col">{}</th>', ((title,) for title in titles))
    return format_html("<thead>\n<tr>\n{}\n{}</tr>\n</thead>", cells, ACTIONS if actions else "")
