"""Verbs of the command `vm` that change the power of VMs."""

from functools import partial

from virterweb.people.verbs import Verb
from vms.management.verbs import VMVerbs
from vms.models import VM, PowerVerb

HELP = {
    PowerVerb.START: "start VMs, from their saved state if they have one",
    PowerVerb.RESUME: "resume paused VMs",
    PowerVerb.SHUT_DOWN: "shut VMs down",
    PowerVerb.REBOOT: "ask the guests of VMs to reboot",
    PowerVerb.PAUSE: "pause VMs, which keep their memory",
    PowerVerb.SAVE: "save the memory of VMs on the hypervisor and stop them",
    PowerVerb.DISCARD: "delete the saved memory of VMs",
    PowerVerb.RESET: "reset VMs at once, without a request to the guest",
    PowerVerb.FORCE_OFF: "force VMs off at once, without a request to the guest",
}
NAMES = {PowerVerb.SHUT_DOWN: "stop"}  # the verb of Virter’s users; the others are as in URLs


class PowerVerbs(VMVerbs):
    """`vm start`, `stop`, `reboot`, `reset`, `pause`, `resume`, `save`, `discard`, `force-off` and `autostart`."""

    def add_power_arguments(self, verbs) -> None:
        for verb, text in HELP.items():
            parser = self.verb(verbs, NAMES.get(verb, verb), partial(self.power, verb), text, waits=True)
            self.add_names(parser)
            if verb is PowerVerb.SHUT_DOWN:
                parser.add_argument("--force", action="store_true", help="the same as force-off")
        isolate = self.verb(verbs, "isolate", self.isolate, "set the links of all NICs of VMs down", waits=True)
        self.add_names(isolate)
        isolate.add_argument("--end", action="store_true", help="set the links up again that were set down so")
        text = "have libvirt start VMs with the host, or not"
        autostart = self.verb(verbs, "autostart", self.autostart, text, waits=True)
        self.add_names(autostart)
        autostart.add_argument("--off", action="store_true", help="do not start them with the host")

    def power(
        self, change: PowerVerb, names: list[str], hypervisor: str | None, no_wait: bool, **options: object
    ) -> None:
        """Request a change of power of the VMs that `names` or the option `tag` choose."""
        change = PowerVerb.FORCE_OFF if options.get("force") else change

        def request(name: str) -> VM:
            vm = self.find(name, hypervisor, managed=False, verb=Verb.POWER)
            vm.ask_power(change, self.user)
            return vm

        self.change_each(self.chosen(names, options["tag"], hypervisor), request, no_wait)

    def autostart(self, names: list[str], hypervisor: str | None, no_wait: bool, off: bool, **options: object) -> None:
        def request(name: str) -> VM:
            vm = self.find(name, hypervisor, managed=False)
            vm.ask_autostart(not off, self.user)
            return vm

        self.change_each(self.chosen(names, options["tag"], hypervisor), request, no_wait)

    def isolate(self, names: list[str], hypervisor: str | None, no_wait: bool, end: bool, **options: object) -> None:
        def request(name: str) -> VM:
            vm = self.find(name, hypervisor, managed=False)
            (vm.end_isolation if end else vm.isolate)(self.user)
            return vm

        self.change_each(self.chosen(names, options["tag"], hypervisor), request, no_wait)
