"""`manage.py template …`: named sets of values that VMs are run with."""

from typing import ClassVar

from django.core.management.base import CommandError, CommandParser

from virterweb.people import creating, rights
from virterweb.people.cli import VerbCommand, pick_hypervisor, table
from virterweb.people.verbs import Verb
from vms.management.arguments import check_run, find_template, sent
from vms.models import VM, VMTemplate
from vms.run import similar
from vms.run.template_names import with_shown
from vms.templates.form import TemplateForm


class Command(VerbCommand):
    help = "Save VMs as templates, and list and delete templates. `vm run --template` runs VMs from one."
    arguments: ClassVar = {"name": "name of the template", "vm": "name of the VM"}

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        for name in ("ls", "list"):
            self.verb(verbs, name, self.ls, "list the templates")
        self.verb(verbs, "save", self.save, "save what a VM was run with as a template", "vm", "name")
        remove = self.verb(verbs, "rm", self.rm, "delete templates; the VMs that were run from them stay")
        remove.add_argument("names", nargs="+", metavar="name", help="names of the templates")

    def ls(self, hypervisor: str | None, **options: object) -> None:
        templates = VMTemplate.objects.visible_to(self.user)
        if hypervisor:
            templates = templates.on(pick_hypervisor(self.user, hypervisor))
        rows = [self._row(each) for each in with_shown(templates.order_by("hypervisor__name", "name"), self.user)]
        self.stdout.write(table(("Name", "Image", "Memory", "vCPUs", "Networks", "Owner", "Hypervisor"), rows))

    def _row(self, template: VMTemplate) -> tuple[object, ...]:
        """Return the cells of a template; only its name if the user may not see its values."""
        shown = template.shown
        memory, vcpus = (
            "" if shown.memory is None else f"{shown.memory} MiB",
            "" if shown.vcpus is None else shown.vcpus,
        )
        cells = (shown.image, memory, vcpus, ",".join(shown.places))
        return (template, *cells, template.owner or "", template.hypervisor)

    def save(self, vm: str, name: str, hypervisor: str | None, **options: object) -> None:
        creating.require(self.user)
        host = pick_hypervisor(self.user, hypervisor)
        found = VM.objects.visible_to(self.user).on(host).filter(name=vm, managed=True, image__isnull=False).first()
        if found is None:
            raise CommandError(f"{host} has no VM {vm} that the portal manages and that was run from an image")
        rights.require(self.user, Verb.SEE, found)
        values = similar.initial(found, self.user)
        for message in values["missing"]:
            self.stderr.write(str(message))
        form = TemplateForm(sent(values | {"template": name}), user=self.user, stored=VMTemplate(owner=self.user))
        check_run(form)
        if not form.store(self.user):
            check_run(form)

    def rm(self, names: list[str], hypervisor: str | None, **options: object) -> None:
        """Delete templates; unknown names are ignored, as in `vm rm`."""
        known = VMTemplate.objects.visible_to(self.user).on(pick_hypervisor(self.user, hypervisor))
        for name in known.filter(name__in=names).values_list("name", flat=True):
            self._find(name, hypervisor, Verb.DELETE).remove(self.user)

    def _find(self, name: str, hypervisor: str | None, verb: Verb) -> VMTemplate:
        return find_template(self.user, pick_hypervisor(self.user, hypervisor), name, verb)
