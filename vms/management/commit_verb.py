"""The verb `vm commit`, which makes an image of a VM, as Virter's does; the VM stays."""

from virterweb.people import rights
from virterweb.people.cli import check, wait_for
from virterweb.people.verbs import Verb
from vms.commit.form import CommitForm, require_commit
from vms.management.verbs import VMVerbs
from vms.models import VM, PowerVerb


class CommitVerb(VMVerbs):
    def add_commit_arguments(self, verbs) -> None:
        text = "make an image of the boot disk of a VM that is off; the VM stays"
        commit = self.verb(verbs, "commit", self.commit, text, "name", waits=True)
        commit.add_argument("image", nargs="?", help="name of the image; default: that of the VM")
        commit.add_argument("--shutdown", action="store_true", help="shut the VM down first")

    def commit(
        self, name: str, image: str | None, shutdown: bool, hypervisor: str | None, no_wait: bool, **_: object
    ) -> None:
        vm = self.find(name, hypervisor, managed=False, verb=Verb.SECRETS)
        require_commit(vm, self.user)
        if shutdown and vm.status.running:
            rights.require(self.user, Verb.POWER, vm)
            vm.ask_power(PowerVerb.SHUT_DOWN, self.user)
            wait_for([vm], self)
            vm = VM.objects.alone().get(pk=vm.pk)
        form = CommitForm({"name": image or vm.name}, vm=vm, user=self.user)
        check(form, {"name": "image"})
        made = form.save(self.user)
        if made is None:
            check(form, {"name": "image"})
        elif not no_wait:
            wait_for([made], self)
