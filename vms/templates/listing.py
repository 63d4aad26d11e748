"""The list of templates as its address asks for it, and as a file."""

from collections.abc import Callable, Iterator, Mapping

from django.db.models import F, QuerySet

from virterweb.pages.tables import Column, natural, natural_key
from virterweb.people import rights
from virterweb.people.verbs import Verb
from vms.models import VMTemplate

FILE = ("hypervisor", "name", "image", "memory_mib", "vcpus", "boot_gib", "networks", "disks", "owner")


def _by(name: str) -> Callable[[QuerySet], Mapping[int, object]]:
    """Return a function that gives what rows are sorted by: a property that the database does not know."""
    return lambda rows: {each.pk: _key(getattr(each, name)) for each in rows.select_related("hypervisor")}


def _key(value: object) -> list:
    return natural_key("" if value is None else value)


COLUMNS = (
    Column(key="name", title="Name", order=(natural("name"),)),
    Column(key="image", title="Image", keys=_by("image")),
    Column(key="memory", title="Memory", keys=_by("memory")),
    Column(key="vcpus", title="vCPUs", keys=_by("vcpus")),
    Column(key="networks", title="Networks", keys=_by("places_text")),
    Column(key="owner", title="Owner", order=(F("owner__username").asc(nulls_first=True),)),
    Column(key="hypervisor", title="Hypervisor", order=(natural("hypervisor__name"),)),
)


def file_rows(templates: QuerySet[VMTemplate], user: rights.Actor) -> Iterator[tuple[object, ...]]:
    """Yield the cells of `FILE`; only names of those whose values the user may not see."""
    for each in templates:
        if not rights.may(user, Verb.SEE, each):
            yield (each.hypervisor.name, each.name, *[None] * (len(FILE) - 2))
            continue
        disks = [f"{disk['name']} {disk['size']}" for disk in each.fields.get("disks", ())]
        values = (each.image, each.memory, each.vcpus, each.fields.get("boot_size"), each.places, disks)
        yield (each.hypervisor.name, each.name, *values, each.owner and each.owner.get_username())
