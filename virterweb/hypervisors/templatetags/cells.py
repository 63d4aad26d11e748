"""`{% cell "bridge" class="mono" %}…{% endcell %}`: a cell of a column, if the user of the page sees this column.

The columns are those of `table`; on a page without one, all are shown. Each cell has the title of its column, which
narrow screens show beside its value.
"""

from django import template
from django.forms.utils import flatatt
from django.template.base import FilterExpression, NodeList, Parser, Token, token_kwargs
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


class Cell(template.Node):
    def __init__(self, key: FilterExpression, attributes: dict[str, FilterExpression], nodelist: NodeList) -> None:
        self.key, self.attributes, self.nodelist = key, attributes, nodelist

    def render(self, context: template.Context) -> SafeString:
        table = context.get("table")
        title = table.columns.titles.get(self.key.resolve(context)) if table else ""
        if title is None:
            return SafeString("")
        found = {name.replace("_", "-"): value.resolve(context) for name, value in self.attributes.items()}
        values = {name: value for name, value in found.items() if value != ""}
        content = self.nodelist.render(context).strip()
        return format_html('<td data-title="{}"{}>{}</td>', title, flatatt(values), SafeString(content))


@register.tag
def cell(parser: Parser, token: Token) -> Cell:
    _, key, *bits = token.split_contents()
    attributes = token_kwargs(bits, parser)
    nodelist = parser.parse(("endcell",))
    parser.delete_first_token()
    return Cell(parser.compile_filter(key), attributes, nodelist)
