"""Tags in lists: the filter by a tag, and the tags that forms suggest."""

from collections.abc import Mapping

from django.db.models import QuerySet

from virterweb.pages.chips import NO_VALUE, Property
from virterweb.pages.tables import natural_key
from virterweb.people import rights

from . import names
from .tagged import tagged_models

SUGGESTED = 200  # tags that a form suggests


def having(rows: QuerySet, tag: str) -> QuerySet:
    """Return the rows with a tag, or with NO_VALUE those without any."""
    if tag == NO_VALUE:
        return rows.filter(tags="")
    return rows.filter(tags__contains=names.stored([tag])) if names.is_tag(tag) else rows.none()


def _values(column: str) -> Mapping[str, str]:
    return {tag: tag for tag in names.read(column)} or {NO_VALUE: "no tag"}


PROPERTY = Property(key="tag", title="Tag", columns=("tags",), values=_values, having=having)


def in_use(user: rights.Actor) -> list[str]:
    """Return the tags of all networks and VMs that a user may see."""
    found: set[str] = set()
    for model in tagged_models():
        columns = model.objects.visible_to(user).exclude(tags="").order_by().values_list("tags", flat=True)
        found.update(*map(names.read, columns.distinct()))
    return sorted(found, key=natural_key)[:SUGGESTED]
