"""`{{ tag|hue }}`: the class of the colour of a tag."""

from django import template

from virterweb.people.tags import names

register = template.Library()


@register.filter
def hue(tag: str) -> str:
    return f"hue-{names.hue(tag)}"
