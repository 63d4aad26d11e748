"""`manage.py image …`: images that VMs are run from, and the catalogue of those that can be fetched."""

import sys
from pathlib import Path
from typing import ClassVar

from django.core.management.base import CommandError, CommandParser

from virterweb.hypervisors.models import Hypervisor
from virterweb.messages import InvalidValue
from virterweb.people import rights
from virterweb.people.cli import VerbCommand, await_first_poll, pick_hypervisor, table, wait_for
from virterweb.people.verbs import Verb
from vms.images.catalogue import importing, registry
from vms.images.exporting.requests import require_export
from vms.images.relations.tree import Relations, relations, volumes_of
from vms.management.exporting import write_file
from vms.management.pulling import add_image, catalogue_entry
from vms.models import CatalogueEntry, Image, Volume


class Command(VerbCommand):
    help = "List, add, export and delete the images that VMs are run from, and edit the catalogue of images."
    arguments: ClassVar = {"name": "name of the image"}

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        self.verb(verbs, "ls", self.ls, "list images with their size, and what uses them")
        self.verb(verbs, "rm", self.rm, "delete an image that nothing uses", "name", waits=True)
        add = self.verb(verbs, "add", self.add, "fetch the file of a URL as an image", waits=True)
        add.add_argument("name", nargs="?", default="", help="name of the image; default: that in the catalogue")
        source = add.add_mutually_exclusive_group(required=True)
        source.add_argument("--url", default="", help="where the qcow2 or raw file is fetched from, by http or https")
        source.add_argument("--from-catalogue", metavar="ENTRY", help="name of an entry of the catalogue to fetch")
        add.add_argument(
            "--sha256", default="", help="SHA-256 of the file; default: that of the list SHA256SUMS beside the file"
        )
        text = "write an image to a qcow2 file"
        export = self.verb(verbs, "export", self.export, text, "name")
        export.add_argument(
            "file", nargs="?", default="", help="file to write; default: NAME.qcow2; - for standard output"
        )
        self.verb(verbs, "retry", self.retry, "retry what has failed for an image", "name", waits=True)
        self._add_catalogue_arguments(verbs)

    def _add_catalogue_arguments(self, verbs) -> None:
        catalogue = verbs.add_parser("catalogue", help="list images that can be fetched, and import more")
        each = catalogue.add_subparsers(dest="catalogue_verb", required=True, metavar="VERB")
        self.verb(each, "ls", self.catalogue_ls, "list the images that can be fetched")
        text = "add the images of a registry file of Virter; entries that it does not name stay"
        add = self.verb(each, "import", self.catalogue_import, text)
        add.add_argument("file", metavar="FILE", help="registry file such as images.toml; - for standard input")
        add.add_argument("--dry-run", action="store_true", help="print the changes, and change nothing")

    def add(self, name: str, url: str, sha256: str, no_wait: bool, **options: object) -> None:
        hypervisor = pick_hypervisor(self.user, options["hypervisor"])
        await_first_poll(hypervisor)
        values = {"name": name, "url": url, "checksum": sha256}
        if chosen := options["from_catalogue"]:
            entry = catalogue_entry(chosen)
            values = {"name": name or entry.name, "url": entry.url, "checksum": sha256 or entry.checksum}
        if not values["name"]:
            raise CommandError("name: enter the name of the image before --url")
        image = add_image(hypervisor, self.user, **values)
        if not no_wait:
            wait_for([image], self)

    def ls(self, hypervisor: str | None, **options: object) -> None:
        images = Image.objects.visible_to(self.user).select_related("status", "hypervisor")
        images = list((images.on(pick_hypervisor(self.user, hypervisor)) if hypervisor else images).order_by("name"))
        related, volumes = relations(images, self.user), volumes_of(images)
        rows = [_row(image, volumes.get((image.hypervisor_id, image.volume)), related[image.pk]) for image in images]
        self.stdout.write(table(("Name", "Volume", "Size", "Format", "Used by", "State", "Hypervisor"), rows))

    def rm(self, name: str, no_wait: bool, **options: object) -> None:
        image = self._find(name, pick_hypervisor(self.user, options["hypervisor"]))
        rights.require(self.user, Verb.DELETE, image)
        if reason := relations([image], self.user)[image.pk].refusal(image):
            raise CommandError(str(reason))
        image.remove()
        if not no_wait:
            wait_for([image], self)

    def export(self, name: str, file: str, hypervisor: str | None, **options: object) -> None:
        found = pick_hypervisor(self.user, hypervisor)
        image = Image.objects.visible_to(self.user).on(found).filter(name=name).select_related("status").first()
        if image is None:
            raise CommandError(f"{found} has no image {name}")
        require_export(self.user, image)
        write_file(image, file or f"{name}.qcow2", self.user)

    def retry(self, name: str, no_wait: bool, **options: object) -> None:
        image = self._find(name, pick_hypervisor(self.user, options["hypervisor"]))
        rights.require(self.user, Verb.EDIT, image)
        if not image.retry(self.user):
            raise CommandError(f"nothing has failed for the image {name}")
        if not no_wait:
            wait_for([image], self)

    def _find(self, name: str, hypervisor: Hypervisor) -> Image:
        images = Image.objects.visible_to(self.user).on(hypervisor).filter(name=name).select_related("status")
        if (image := images.first()) is None:
            raise CommandError(f"{hypervisor} has no image {name}")
        if not image.managed:
            raise CommandError(f"{name} is unmanaged, so the portal does not change it")
        return image

    def catalogue_ls(self, **options: object) -> None:
        rows = [(entry.name, entry.source, entry.note) for entry in CatalogueEntry.objects.all()]
        self.stdout.write(table(("Name", "URL", "Note"), rows))

    def catalogue_import(self, file: str, dry_run: bool, **options: object) -> None:
        if not rights.is_operator(self.user):
            raise CommandError("only operators of all hypervisors may edit the catalogue")
        try:
            found = registry.read(_bytes(file))
        except InvalidValue as problem:
            raise CommandError(f"{file}: {problem}") from problem
        changes = importing.changes(found)
        if changes:
            rows = [("changed" if each.before else "new", each.name, each.before, each.url) for each in changes]
            self.stdout.write(table(("Change", "Name", "URL before", "URL"), rows))
        self.stdout.write(f"{len(found) - len(changes)} unchanged")
        if not dry_run:
            importing.carry_out(changes, self.user)


def _row(image: Image, volume: Volume | None, related: Relations) -> tuple[object, ...]:
    size, kind = (volume.size, volume.format) if volume else ("", "")
    return (image.name, image.volume, size, kind, ",".join(related.users), image.state.words, image.hypervisor)


def _bytes(file: str) -> bytes:
    """Return the beginning of a file, of a byte more than a registry file may have."""
    try:
        if file == "-":
            return sys.stdin.buffer.read(registry.LARGEST + 1)
        with Path(file).open("rb") as data:
            return data.read(registry.LARGEST + 1)
    except OSError as problem:
        raise CommandError(f"{file}: {problem.strerror}") from problem
