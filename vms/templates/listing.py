"""The list of templates as its address asks for it, and as a file."""

from collections.abc import Callable, Iterator, Mapping
from operator import attrgetter

from django.db.models import F, QuerySet

from virterweb.pages.tables import Column, natural, natural_key
from virterweb.people import rights
from vms.models import VMTemplate
from vms.run.template_names import with_shown

FILE = ("hypervisor", "name", "image", "memory_mib", "vcpus", "boot_gib", "networks", "disks", "owner")


def columns(user: rights.Actor, *, several: bool) -> tuple[Column, ...]:
    """Return the columns, which sort by what the user may see; with `several` hypervisors, one for them."""

    def by(name: str) -> Callable[[QuerySet], Mapping[int, object]]:
        """Return a function that gives what rows are sorted by: a value that the database does not know."""
        shown = attrgetter(f"shown.{name}")
        return lambda rows: {each.pk: _key(shown(each)) for each in with_shown(rows, user)}

    found = (
        Column(key="name", title="Name", order=(natural("name"),)),
        Column(key="image", title="Image", keys=by("image")),
        Column(key="memory", title="Memory", keys=by("memory")),
        Column(key="vcpus", title="vCPUs", keys=by("vcpus")),
        Column(key="networks", title="Networks", keys=by("places_text")),
        Column(key="owner", title="Owner", order=(F("owner__username").asc(nulls_first=True),)),
    )
    hypervisor = Column(key="hypervisor", title="Hypervisor", order=(natural("hypervisor__name"),))
    return (*found, hypervisor) if several else found


def _key(value: object) -> list:
    return natural_key("" if value is None else value)


def file_rows(templates: QuerySet[VMTemplate], user: rights.Actor) -> Iterator[tuple[object, ...]]:
    """Yield the cells of `FILE`; only names of those whose values the user may not see."""
    for each in with_shown(templates, user):
        values = _values(each) if each.shown.places else [None] * (len(FILE) - 3)
        yield each.hypervisor.name, each.name, *values, each.owner and each.owner.get_username()


def _values(template: VMTemplate) -> tuple[object, ...]:
    shown = template.shown
    return shown.image, shown.memory, shown.vcpus, shown.boot_size, list(shown.places), list(shown.disks)
