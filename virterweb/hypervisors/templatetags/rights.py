"""Template filters that say what a user may change, and why not."""

from django import template

from virterweb.hypervisors import rights

register = template.Library()
register.filter("refused_to", lambda thing, user: rights.refusal(user, thing))


@register.filter
def changeable_by(thing: rights.Owned, user: rights.Actor) -> bool:
    """Return whether a user may change an object."""
    return rights.may_change(user, thing)


@register.filter
def is_operator(user: rights.Actor) -> bool:
    return rights.is_operator(user)
