"""What images are based on, and what depends on them: VMs, and images on top of their layers.

It is read from the volumes of the pools as they were last recorded, and from the VMs that were run from the images.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Q

from virterweb.messages import Message
from virterweb.people.hidden.messages import visible_vms
from virterweb.people.rights import Actor
from vms.models import LAYER, TAG, VM, Image, Volume

MAX_DEPTH = 32  # layers on top of each other that are followed
SHOWN = 3  # names of users in a list
VIRTERS = Q(name__startswith=TAG) | Q(name__startswith=LAYER)
Place = tuple[int, str]  # ID of the hypervisor, and path or name of a volume


@dataclass(frozen=True, kw_only=True)
class Relations:
    """The layers that an image is based on, the uppermost first, and the names of what uses it."""

    layers: tuple[str, ...] = ()
    vms: tuple[str, ...] = ()
    images: tuple[str, ...] = ()

    @property
    def users(self) -> list[str]:
        return [*self.vms, *(f"image {name}" for name in self.images)]

    @property
    def first_vms(self) -> tuple[str, ...]:
        return self.vms[:SHOWN]

    @property
    def first_images(self) -> tuple[str, ...]:
        return self.images[: SHOWN - len(self.first_vms)]

    @property
    def more(self) -> int:
        return max(0, len(self.users) - SHOWN)

    def refusal(self, image: Image) -> Message:
        """Return why the image cannot be deleted; an empty message if nothing uses it."""
        names = {"vms": list(self.vms), "images": list(self.images)}
        return Message("image.used", image=image.name, **names) if self.users else Message()


def relations(images: Sequence[Image], user: Actor) -> dict[int, Relations]:
    """Return the relations of images by their keys; VMs and images that the user may not see are not named."""
    tree = _Tree({image.hypervisor_id for image in images})
    own = {image.pk: tree.own(image) for image in images}
    vms = _run_from(images)
    disks = _disks(place for place in own.values() if place)
    above = {image.pk: {name for name in tree.above(own[image.pk]) if name != image.name} for image in images}
    visible = Image.objects.visible_to(user).order_by().values_list("hypervisor", "name")
    seen = set(visible) if any(above.values()) else set()
    found = {}
    for image in images:
        place = own[image.pk]
        if place and tree.tags[place] < 2:  # the disks on a layer that several images share are those of any of them
            vms[image.pk] |= disks[place]
        hidden = {name for name in above[image.pk] if (image.hypervisor_id, name) not in seen}
        names = sorted(above[image.pk] - hidden) + ["that you may not see"] * bool(hidden)
        shown = visible_vms(sorted(vms[image.pk]), user)
        layers = tuple(tree.names[each] for each in tree.chain((image.hypervisor_id, image.volume)))
        found[image.pk] = Relations(layers=layers, vms=tuple(shown), images=tuple(names))
    return found


def volumes_of(images: Sequence[Image]) -> dict[Place, Volume]:
    """Return the volumes that images name, by hypervisor and name."""
    found = Volume.objects.of_images().filter(pool__hypervisor__in={image.hypervisor_id for image in images})
    found = found.filter(name__in={image.volume for image in images}).select_related("pool")
    return {(volume.pool.hypervisor_id, volume.name): volume for volume in found}


class _Tree:
    """The tags and layers of hypervisors."""

    def __init__(self, hypervisors: set[int]) -> None:
        rows = Volume.objects.of_images().filter(VIRTERS, pool__hypervisor__in=hypervisors).order_by()
        found = list(rows.values_list("pool__hypervisor", "name", "path", "backing"))
        self.names = {(hypervisor, path): name for hypervisor, name, path, _ in found}
        self.backings = {(hypervisor, name): (hypervisor, backing) for hypervisor, name, _, backing in found}
        self.chains = {place: self.chain(place) for place in self.backings if place[1].startswith(TAG)}
        self.tags = Counter(chain[0] for chain in self.chains.values() if chain)

    def chain(self, place: Place) -> list[Place]:
        """Return the paths of the layers that a volume is on, from the top down."""
        layers: list[Place] = []
        while len(layers) < MAX_DEPTH and (backing := self.backings.get(place)) in self.names:
            layers.append(backing)
            place = backing[0], self.names[backing]
        return layers

    def own(self, image: Image) -> Place | None:
        """Return the path of the layer that an image names; None if it is none."""
        chain = self.chains.get((image.hypervisor_id, image.volume))
        return chain[0] if chain else None

    def above(self, layer: Place | None) -> set[str]:
        """Return the names of images whose layers are on top of a layer."""
        return {name.removeprefix(TAG) for (_, name), chain in self.chains.items() if layer in chain[1:]}


def _run_from(images: Sequence[Image]) -> defaultdict[int, set[str]]:
    """Return the names of the VMs that were run from images, by the keys of the images."""
    found = defaultdict(set)
    for image, name in VM.objects.filter(image__in=images, removed_at=None).order_by().values_list("image", "name"):
        found[image].add(name)
    return found


def _disks(places: Iterable[Place]) -> defaultdict[Place, set[str]]:
    """Return the names of the VMs whose disks are on layers, by the paths of the layers."""
    places = list(places)  # without any, there is no query
    paths, found = {path for _, path in places}, defaultdict(set)
    rows = Volume.objects.filter(pool__hypervisor__in={pk for pk, _ in places}, backing__in=paths).exclude(VIRTERS)
    for hypervisor, path, used_by in rows.order_by().values_list("pool__hypervisor", "backing", "used_by"):
        found[hypervisor, path] |= set(used_by.params.get("vms", ()))
    return found
