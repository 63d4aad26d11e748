"""The verbs `vm nic …`, which add, change and remove NICs."""

from django.core.management.base import CommandError

from networks.reservations.reservations import Conflict
from virterweb.hypervisors.desired.one_at_a_time import exclusive
from virterweb.people.cli import check
from vms.definition.nics.fields import FIELDS
from vms.definition.nics.spec import AT
from vms.management.arguments import PLACES, nic_data, nic_flags, nic_values
from vms.management.verbs import VMVerbs
from vms.models import NIC, VIRTIO, VM, Power
from vms.nics.form import NICChangeForm


class NICVerbs(VMVerbs):
    def add_nic_arguments(self, verbs) -> None:
        """Add the subcommand `nic` with its verbs."""
        nic = verbs.add_parser("nic", help="add, change or remove NICs of a VM")
        nic_verbs = nic.add_subparsers(dest="nic_verb", required=True, metavar="VERB")
        add = self.verb(nic_verbs, "add", self.nic_add, "add a NIC to a managed or unmanaged VM", "name", waits=True)
        add.add_argument("nic", nargs="?", default="", help="values as of `vm run --nic`: type=network,source=net1")
        change = self.verb(nic_verbs, "change", self.nic_change, "change a NIC by its MAC", "name", "mac", waits=True)
        for parser in (add, change):
            nic_flags(parser)
        remove = self.verb(nic_verbs, "rm", self.nic_rm, "remove a NIC by its MAC", "name", "mac", waits=True)
        remove.add_argument(
            "--at-shutdown", action="store_true", help="a running guest keeps the NIC until it shuts down"
        )

    def nic_add(self, name: str, nic: str, hypervisor: str | None, no_wait: bool, **options: object) -> None:
        vm = self.find(name, hypervisor, managed=False)
        shown = NICChangeForm(vm=vm, user=self.user, initial={"model": VIRTIO})
        given = {key: value for key, value in nic_values(nic).items() if value} if nic else {}
        form = NICChangeForm(nic_data(shown, given, options), vm=vm, user=self.user)
        self._save_nic(vm, form, no_wait)

    def nic_change(self, name: str, mac: str, hypervisor: str | None, no_wait: bool, **options: object) -> None:
        vm = self.find(name, hypervisor, managed=False)
        try:
            now, _ = vm.desired_nic(key := self._key(vm, mac))
        except LookupError as problem:
            raise CommandError(str(problem)) from problem
        shown = NICChangeForm(vm=vm, user=self.user, now=now, key=key)
        form = NICChangeForm(nic_data(shown, {}, options), vm=vm, user=self.user, now=now, key=key)
        given = {name for name in form.fields if options.get(name) is not None}
        form.named = frozenset(given & FIELDS.keys()) | ({"source"} if given & PLACES else set())
        self._save_nic(vm, form, no_wait)

    def _save_nic(self, vm: VM, form: NICChangeForm, no_wait: bool) -> None:
        with exclusive(vm.hypervisor):
            check(form, {})
            if form.asks_nothing:
                self.stderr.write("Nothing was changed, because these values are already saved.")
            try:
                mac = form.save()
            except Conflict as problem:
                raise CommandError(str(problem)) from problem
        self.finish([vm], no_wait)
        self.stdout.write(mac)

    def nic_rm(
        self, name: str, mac: str, hypervisor: str | None, no_wait: bool, at_shutdown: bool, **options: object
    ) -> None:
        vm = self.find(name, hypervisor, managed=False)
        try:
            at_shutdown = at_shutdown and vm.status.power != Power.OFF
            vm.remove_nic(self._key(vm, mac), at_shutdown, self.user)
        except NIC.DoesNotExist as problem:
            raise CommandError(str(problem)) from problem
        self.finish([vm], no_wait)

    def _key(self, vm: VM, mac: str) -> str:
        """Return the key of a NIC: its MAC, with @ and its place if several NICs have the MAC.

        Raises:
            CommandError: The place is missing.
        """
        mac, at, place = mac.partition(AT)
        mac = mac.lower()
        keys = {nic.key for nic in (*vm.nics.filter(mac=mac), *vm.status.nics.filter(mac=mac))}
        if not place and mac not in keys and keys:
            raise CommandError(f"{vm} has several NICs with the MAC {mac}. Choose {' or '.join(sorted(keys))}.")
        return f"{mac}{at}{place}"
