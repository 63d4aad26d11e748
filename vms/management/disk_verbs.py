"""The verbs `vm disk …`, which show and change disks and CD-ROM drives."""

from django.core.management.base import CommandError

from virterweb.people.cli import check, table
from virterweb.people.verbs import Verb
from vms.disks.forms import GrowForm, MediumForm, NewDiskForm
from vms.disks.rows import DiskRow, disk_rows
from vms.management.arguments import disk_values
from vms.management.verbs import VMVerbs
from vms.models import VM, Disk

HEADINGS = ("Device", "Name", "Bus", "Kind", "Format", "Size", "Source")


class DiskVerbs(VMVerbs):
    def add_disk_arguments(self, verbs) -> None:
        """Add the subcommand `disk` with its verbs."""
        disk = verbs.add_parser("disk", help="show, add, grow or remove disks, and change media of CD-ROM drives")
        found = disk.add_subparsers(dest="disk_verb", required=True, metavar="VERB")
        self.verb(found, "ls", self.disk_ls, "list the disks of a VM", "name")
        add = self.verb(found, "add", self.disk_add, "add a disk with a new volume", "name", waits=True)
        add.add_argument("disk", help="values as of `vm run --disk`: name=data,size=2G,format=qcow2,bus=virtio,pool=")
        grow = self.verb(found, "grow", self.disk_grow, "grow a disk, live if the VM runs", "name", waits=True)
        remove = self.verb(found, "rm", self.disk_rm, "detach a disk; its volume stays", "name", waits=True)
        remove.add_argument("--delete", action="store_true", help="delete its volume as well")
        insert = self.verb(found, "insert", self.disk_insert, "insert an ISO image of the pool", "name", waits=True)
        eject = self.verb(found, "eject", self.disk_eject, "eject the medium of a drive", "name", waits=True)
        for parser in (grow, remove, insert, eject):
            parser.add_argument("target", help="the device, such as vdb")
        grow.add_argument("size", help="new size, such as 20G")
        insert.add_argument("volume", help="name of the ISO image in the pool of the hypervisor")
        self.verb(found, "drive", self.disk_drive, "add a CD-ROM drive, from the next boot on", "name", waits=True)

    def disk_ls(self, name: str, hypervisor: str | None, **options: object) -> None:
        rows = disk_rows(self.find(name, hypervisor, managed=False, verb=Verb.SEE))
        cells = [(row.target, row.name, row.bus, row.device, row.format, row.size, row.source) for row in rows]
        self.stdout.write(table(HEADINGS, cells))

    def disk_add(self, name: str, disk: str, hypervisor: str | None, no_wait: bool, **options: object) -> None:
        vm = self.find(name, hypervisor)
        form = NewDiskForm({**disk_values(disk), "cache": "", "discard": Disk.Discard.UNMAP}, vm=vm, user=self.user)
        check(form, {})
        vm.add_disk(form.wanted, self.user)
        self.finish([vm], no_wait)

    def disk_grow(
        self, name: str, target: str, size: str, hypervisor: str | None, no_wait: bool, **options: object
    ) -> None:
        vm, row = self._disk(name, target, hypervisor)
        if not row.can_grow:
            raise CommandError(f"{target} of {vm} is not a disk that can grow")
        form = GrowForm({"size": size})
        check(form, {})
        vm.grow_disk(target, form.cleaned_data["size"], self.user)
        self.finish([vm], no_wait)

    def disk_rm(
        self, name: str, target: str, delete: bool, hypervisor: str | None, no_wait: bool, **options: object
    ) -> None:
        vm, row = self._disk(name, target, hypervisor)
        if not row.can_go:
            raise CommandError(f"{vm} needs {target}: it is the boot disk or the cloud-init ISO")
        if delete and not row.disk:
            raise CommandError(f"the portal did not create {target} of {vm}, so it does not delete its volume")
        vm.remove_disk(target, delete=delete, by=self.user)
        self.finish([vm], no_wait)

    def disk_insert(
        self, name: str, target: str, volume: str, hypervisor: str | None, no_wait: bool, **options: object
    ) -> None:
        vm, row = self._disk(name, target, hypervisor, managed=False)
        if not row.is_drive or row.is_seed:
            raise CommandError(f"{target} of {vm} is not a CD-ROM drive whose medium can be changed")
        form = MediumForm({"medium": volume}, vm=vm, user=self.user)
        check(form, {})
        vm.change_medium(target, vm.hypervisor.pool, form.cleaned_data["medium"], self.user)
        self.finish([vm], no_wait)

    def disk_eject(self, name: str, target: str, hypervisor: str | None, no_wait: bool, **options: object) -> None:
        self.disk_insert(name, target, "", hypervisor, no_wait)

    def disk_drive(self, name: str, hypervisor: str | None, no_wait: bool, **options: object) -> None:
        vm = self.find(name, hypervisor)
        vm.add_drive(self.user)
        self.finish([vm], no_wait)

    def _disk(self, name: str, target: str, hypervisor: str | None, managed: bool = True) -> tuple[VM, DiskRow]:
        vm = self.find(name, hypervisor, managed=managed)
        row = next((row for row in disk_rows(vm) if row.target == target), None)
        if row is None:
            raise CommandError(f"{vm} has no disk {target}")
        return vm, row
