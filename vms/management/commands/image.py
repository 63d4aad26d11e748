"""`manage.py image …`: images that VMs are run from."""

from typing import ClassVar

from django.core.management.base import CommandParser
from django.http import QueryDict

from virterweb.people.cli import VerbCommand, await_first_poll, check, pick_hypervisor, wait_for
from vms.images.form import ImageForm

FLAGS = {"checksum": "--sha256"}


class Command(VerbCommand):
    help = "Add images that VMs are run from."
    arguments: ClassVar = {"name": "name of the image"}

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        add = self.verb(verbs, "add", self.add, "fetch the file of a URL as an image", "name", waits=True)
        add.add_argument("--url", required=True, help="where the qcow2 or raw file is fetched from, by http or https")
        add.add_argument(
            "--sha256", default="", help="SHA-256 of the file; default: that of the list SHA256SUMS beside the file"
        )

    def add(self, name: str, url: str, sha256: str, no_wait: bool, **options: object) -> None:
        hypervisor = pick_hypervisor(self.user, options["hypervisor"])
        await_first_poll(hypervisor)
        data = QueryDict(mutable=True)
        data.update({"hypervisor": str(hypervisor.pk), "name": name, "url": url, "checksum": sha256})
        form = ImageForm(data, user=self.user)
        check(form, FLAGS)
        image = form.save(self.user)
        if image is None:
            check(form, FLAGS)
        if not no_wait:
            wait_for([image], self)
