"""What a user may see of templates: names of networks and images only as far as these exist for the user."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import QuerySet

from networks.models import Network
from virterweb.hypervisors.models import Hypervisor
from virterweb.people import rights
from virterweb.people.hidden.names import sees_all_names
from virterweb.people.verbs import Verb
from vms.models import Image, VMTemplate
from vms.nics.place_form import USER

OTHER_IMAGE, OTHER_NETWORK = "another image", "another network"  # in place of names that the user may not see


@dataclass(frozen=True, kw_only=True)
class Shown:
    """The values of a template that lists show; nothing of one whose values the user may not see."""

    image: str = ""
    memory: int | None = None  # MiB
    vcpus: int | None = None
    boot_size: int | None = None  # GiB
    places: tuple[str, ...] = ()  # where the NICs of a VM are attached, in order
    disks: tuple[str, ...] = ()

    @property
    def places_text(self) -> str:
        return " ".join(self.places)


class VisibleNames:
    """The names of networks and images that a user may see, read once for all templates of a list."""

    def __init__(self, user: rights.Actor) -> None:
        self.user = user
        self._seen: dict[type, frozenset[tuple[int, str]]] = {}

    def image(self, hypervisor: Hypervisor, name: str) -> bool:
        """Return whether the user may know that an image has this name: it may be gone, or hidden."""
        return self._sees(hypervisor, Image, name)

    def network(self, hypervisor: Hypervisor, name: str) -> bool:
        """Return the same of a network; all may know the access network, which the forms name."""
        return name == hypervisor.access_network or self._sees(hypervisor, Network, name)

    def _sees(self, hypervisor: Hypervisor, model: type, name: str) -> bool:
        if sees_all_names(self.user, hypervisor.pk):
            return True
        if model not in self._seen:
            rows = model.objects.visible_to(self.user).filter(removed_at=None).order_by()
            self._seen[model] = frozenset(rows.values_list("hypervisor", "name"))
        return (hypervisor.pk, name) in self._seen[model]

    def shown(self, template: VMTemplate) -> Shown:
        """Return what the user may see of a template."""
        if not rights.may(self.user, Verb.SEE, template):
            return Shown()
        fields, host = template.values.fields, template.hypervisor
        image = fields.get("image", "")
        places = (self._place(host, row) for row in fields["nics"])
        return Shown(
            image=image if not image or self.image(host, image) else OTHER_IMAGE,
            **{name: fields.get(name) for name in ("memory", "vcpus", "boot_size")},
            places=(host.access_network, *filter(None, places)),
            disks=tuple(f"{disk['name']} {disk['size']}" for disk in fields["disks"]),
        )

    def _place(self, host: Hypervisor, nic: Mapping[str, object]) -> str:
        """Return where a NIC is attached, given its fields."""
        network = nic.get("network", "")
        if place := nic.get("bridge") or nic.get("device"):
            return place
        if network == USER:
            return "user networking"
        return network if not network or self.network(host, network) else OTHER_NETWORK


def with_shown(templates: QuerySet[VMTemplate], user: rights.Actor) -> Iterable[VMTemplate]:
    """Yield templates, a few at a time, with what the user may see of each as `shown`."""
    names = VisibleNames(user)
    for template in templates.listed().select_related("hypervisor", "owner").iterator(chunk_size=100):
        template.shown = names.shown(template)
        yield template
