"""The list of images as its address asks for it: searched, narrowed by chips, and sorted."""

from collections.abc import Collection

from django.db.models import F, Q, QuerySet
from django.http import QueryDict

from virterweb.pages.chips import OWNER, Narrowed, hypervisor_property
from virterweb.pages.columns import Column
from virterweb.pages.tables import natural
from virterweb.people import rights
from vms.images.relations.tree import relations, volumes_of
from vms.models import Image

COLUMNS = (
    Column(key="name", title="Name", order=(natural("name"), natural("hypervisor__name"))),
    Column(key="volume", title="Volume", order=(natural("volume"),)),
    Column(key="size", title="Size"),
    Column(key="format", title="Format"),
    Column(key="used", title="Used by"),
    Column(key="state", title="State"),
    Column(key="owner", title="Owner", order=(F("owner__username").asc(nulls_last=True),)),
    Column(key="hypervisor", title="Hypervisor", order=(natural("hypervisor__name"),)),
)


def narrowed(images: QuerySet[Image], query: QueryDict, hypervisors: int) -> Narrowed:
    """Return those of the images that match the search and the chips of a query."""
    text = query.get("q", "").strip().replace("\0", "")
    found = images.filter(Q(name__icontains=text) | Q(volume__icontains=text)) if text else images
    return Narrowed(found, (hypervisor_property(hypervisors), OWNER), query)


def loaded(images: QuerySet[Image], keys: Collection[int], user: rights.Actor) -> list[Image]:
    """Return the rows of the list with these keys, with their volumes and what uses them."""
    found = list(images.filter(pk__in=keys))
    volumes, related = volumes_of(found), relations(found, user)
    for image in found:
        image.seen = volumes.get((image.hypervisor_id, image.volume))
        image.relations, image.flat = related[image.pk], bool(image.seen and not image.seen.backing)
    return found
