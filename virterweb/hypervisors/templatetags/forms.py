"""`{{ form|errors_of }}`: the errors that the page of a refused form lists."""

from django import template
from django.forms import BaseForm

from virterweb.pages.forms import errors

register = template.Library()


@register.filter
def errors_of(form: BaseForm | None) -> list[errors.FormError]:
    """Return the errors of a form; none for a page without one."""
    return errors.errors_of(form) if form else []
