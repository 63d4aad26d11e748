"""The verb `vm duplicate`."""

from virterweb.people.cli import check
from virterweb.people.verbs import Verb
from vms.commit.form import require_commit
from vms.duplicate.form import DuplicateForm
from vms.management.verbs import VMVerbs


class DuplicateVerb(VMVerbs):
    def add_duplicate_arguments(self, verbs) -> None:
        text = "make a VM with the disks of a VM that is off, or of an external snapshot of a VM"
        duplicate = self.verb(verbs, "duplicate", self.duplicate, text, "name", waits=True)
        duplicate.add_argument("--id", type=int, required=True, help="ID of the duplicate")
        duplicate.add_argument("--name", dest="new", default="", help="its name; default: the VM's with the new ID")
        text = "make a linked clone of an external snapshot: overlays on its disks instead of copies"
        duplicate.add_argument("--linked", metavar="SNAPSHOT", default="", help=text)
        duplicate.add_argument("--no-start", action="store_true", help="do not start it")

    def duplicate(self, name: str, hypervisor: str | None, no_wait: bool, **options: object) -> None:
        vm = self.find(name, hypervisor, verb=Verb.SECRETS)
        require_commit(vm, self.user)
        data = {"number": options["id"], "name": options["new"], "snapshot": options["linked"]}
        data |= {} if options["no_start"] else {"start": "on"}
        form, flags = (
            DuplicateForm(data, vm=vm, user=self.user),
            {"number": "--id", "name": "--name", "snapshot": "--linked"},
        )
        check(form, flags)
        copy = form.save(self.user)
        if copy is None:
            check(form, flags)
        else:
            self.finish([copy], no_wait)
