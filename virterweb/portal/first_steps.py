"""The steps from a new portal to the first VM, for users who may create objects: on the overview until all are done."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Exists, QuerySet
from django.urls import reverse

from networks.models import Network
from virterweb.hypervisors.models import Hypervisor
from virterweb.people import rights
from vms.models import VM, Image


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step: what it is for, whether it is done, and the page that does it. The next one is the first not done."""

    title: str
    about: str
    done: bool
    link: str
    is_next: bool = False


# A step for each column that `with_first_objects` adds: title, purpose, view.
STEPS = {
    "has_network": ("Add a network", "VMs on it get their addresses from it.", "networks:add"),
    "has_image": ("Add an image", "The disk of a VM starts as a copy of it. The catalogue has some.", "vms:images"),
    "has_vm": ("Run a VM", "It starts from the image, with a NIC on the network.", "vms:run"),
}
HYPERVISOR = ("Add a hypervisor", "A machine with libvirt, by its URI.", "admin:hypervisors_hypervisor_add")


def with_first_objects(hypervisors: QuerySet[Hypervisor], user: rights.Actor) -> QuerySet[Hypervisor]:
    """Add whether a user sees, on any hypervisor, a network and a VM that the portal manages, and an image."""
    networks, vms = (model.objects.visible_to(user).filter(managed=True, removed_at=None) for model in (Network, VM))
    images = Image.objects.visible_to(user).filter(removed_at=None)
    found = {"has_network": networks, "has_image": images, "has_vm": vms}
    return hypervisors.annotate(**{name: Exists(rows.order_by()) for name, rows in found.items()})


def first_steps(hypervisors: Sequence[Hypervisor], user: rights.Actor) -> list[Step]:
    """Return the steps, given hypervisors `with_first_objects`; [] if all are done, or the user may create nothing.

    Somebody who has a VM has made all of them, in whatever way.
    """
    one = next(iter(hypervisors), None)
    if not rights.access_of(user).creates() or (one and one.has_vm):
        return []
    if one is None and not rights.is_operator(user):
        return []
    found = [(*HYPERVISOR, False)] if one is None else []
    found += [(*step, bool(one) and getattr(one, name)) for name, step in STEPS.items()]
    following = next(number for number, (*_, done) in enumerate(found) if not done)
    return [
        Step(title=title, about=about, done=done, link=reverse(view), is_next=number == following)
        for number, (title, about, view, done) in enumerate(found)
    ]
