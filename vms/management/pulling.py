"""Images of the catalogue that commands fetch, and Virter's pull policies."""

from django.core.management.base import CommandError
from django.http import QueryDict

from virterweb.hypervisors.models import Hypervisor
from virterweb.people.cli import VerbCommand, check, wait_for
from virterweb.people.rights import Actor
from vms.images.form import ImageForm
from vms.models import CatalogueEntry, Image

FLAGS = {"checksum": "--sha256"}
ALWAYS, IF_NOT_EXIST, NEVER = "Always", "IfNotExist", "Never"
POLICIES = {each.lower(): each for each in (ALWAYS, IF_NOT_EXIST, NEVER)}


def pull_policy(text: str) -> str:
    """Return Virter's word for a pull policy, which may be given in any case; CommandError for others."""
    try:
        return POLICIES[text.lower()]
    except KeyError as missing:
        raise CommandError(f"--pull-policy: {text} is none of {', '.join(POLICIES.values())}") from missing


def catalogue_entry(name: str) -> CatalogueEntry:
    """Return the entry of the catalogue with that name; CommandError if there is none."""
    if (entry := CatalogueEntry.objects.filter(name=name).first()) is None:
        raise CommandError(f"the catalogue has no image {name}; `manage.py image catalogue ls` lists those it has")
    return entry


def add_image(hypervisor: Hypervisor, user: Actor, **values: str) -> Image:
    """Add an image of a URL with the form of the page; `values` are its `name`, `url` and `checksum`."""
    data = QueryDict(mutable=True)
    data.update({"hypervisor": str(hypervisor.pk), **values})
    form = ImageForm(data, user=user)
    check(form, FLAGS)
    image = form.save(user)
    if image is None:
        check(form, FLAGS)
    return image


def pull(name: str, hypervisor: Hypervisor, policy: str, command: VerbCommand) -> None:
    """Have the image in the pool before VMs are run from it, as a pull policy of Virter says.

    Raises: CommandError if it is not there and is not fetched; the error says how it can be.
    """
    image = Image.objects.visible_to(command.user).on(hypervisor).filter(name=name).first()
    if policy == ALWAYS and image:
        raise CommandError(
            f"--pull-policy Always: {hypervisor} already has an image {name}, which the portal does not replace. "
            f"Delete it on the page Images, or use --pull-policy {IF_NOT_EXIST}."
        )
    if policy == NEVER and not image:
        _offer(name, hypervisor)
    if policy == NEVER or (image and not image.managed):
        return
    if not image:
        entry = catalogue_entry(name)
        image = add_image(hypervisor, command.user, name=name, url=entry.url, checksum=entry.checksum)
    if not image.status.made_at:
        wait_for([image], command)


def _offer(name: str, hypervisor: Hypervisor) -> None:
    """Raise CommandError if the catalogue has the image; the form reports others."""
    if CatalogueEntry.objects.filter(name=name).exists():
        raise CommandError(
            f"{hypervisor} has no image {name}, but the catalogue has it. Add --pull to fetch it first, or run "
            f"`manage.py image add --from-catalogue {name}`."
        )
