"""`manage.py vm …`: Virter's VM commands, with its flags, on the portal's wishes; and NICs of VMs that run already."""

import time
from functools import partial
from pathlib import Path

from django.core.management.base import CommandError, CommandParser
from django.db import transaction
from django.db.models import Count
from django.forms import BooleanField
from django.http import QueryDict

from networks.hosts import Conflict
from virterweb.hypervisors.cli import VerbCommand, check, pick_hypervisor, table, wait_for
from virterweb.hypervisors.models import Hypervisor
from vms import configure, sizes, tasks
from vms.disk_form import DiskForm
from vms.guest_form import GUEST
from vms.models import VIRTIO, VM, GuestRun, Power, SSHCheck, SSHState
from vms.nic_form import USER, NICChangeForm, NICForm
from vms.rows import with_access_addresses
from vms.run_form import RunForm
from vms.run_preview import warnings

PLACES = {"network", "bridge", "device"}
FLAGS = {  # of the form's fields that are called otherwise
    **{"image": "IMAGE", "number": "--id", "boot_size": "--boot-capacity", "ssh_keys": "--ssh-key"},
    **{"ssh_user": "--user", "console_dir": "--console", "vnc_by_id": "--vnc", "vnc_bind": "--vnc-bind-ip"},
}


def parts(text: str, keys: tuple[str, ...]) -> dict[str, str]:
    """The values of a flag like type=network,source=net1."""
    found = dict(part.partition("=")[::2] for part in text.split(",") if part)
    if unknown := found.keys() - set(keys):
        raise CommandError(f"{text}: {', '.join(sorted(unknown))} is not known; there are {', '.join(keys)}")
    return found


def nic_values(text: str) -> dict[str, str]:
    """Virter's --nic type=network|bridge,source=,model=,mac= as fields of NICForm; and the types direct and user.

    Beyond Virter: what the guest does with it, by the names of GuestForm's fields, with + between several addresses.
    """
    nic = parts(text, ("type", "source", "model", "mac", *(name.replace("_", "-") for name in GUEST)))
    fields = {"network": "network", "bridge": "bridge", "direct": "device", "user": "network"}
    field, source = fields.get(nic.get("type", "")), nic.get("source", "")
    if field is None or bool(source) == (nic["type"] == "user"):
        raise CommandError(f"--nic {text}: give type=network, bridge or direct and source=, or type=user without")
    empty = dict.fromkeys(NICForm.FIELDS, "")
    guest = {name: nic.get(name.replace("_", "-"), "").replace("+", " ") for name in GUEST}
    return {**empty, field: source or USER, "model": nic.get("model", ""), "mac": nic.get("mac", ""), **guest}


def nic_flags(parser: CommandParser) -> None:
    """A flag for each field of the page's form."""
    for name, field in NICChangeForm.base_fields.items():
        if name != "mac":
            choices = {"choices": ("yes", "no")} if isinstance(field, BooleanField) else {}
            parser.add_argument(f"--{name.replace('_', '-')}", help=str(field.label or name), **choices)


def nic_data(form: NICChangeForm, given: dict[str, str], options: dict) -> dict[str, str]:
    """What a browser sends of the form as it is shown, with what was given on the command line."""
    given = given | {name: options[name] for name in form.fields if name != "mac" and options.get(name) is not None}
    shown = {field.name: field.value() for field in form}
    if PLACES & given.keys():
        shown |= dict.fromkeys(PLACES, "")
    boxes = {name for name, field in form.fields.items() if isinstance(field, BooleanField)}
    shown |= {name: value == "yes" if name in boxes else value for name, value in given.items()}
    sent = {name: value for name, value in shown.items() if value is not None and value is not False}
    return {name: "on" if value is True else str(value) for name, value in sent.items()}


def disk_values(text: str) -> dict[str, str]:
    """Virter's --disk name=,size=,format=,bus=,pool= as fields of DiskForm."""
    values = parts(text, DiskForm.FIELDS)
    if not values.get("name") or not values.get("size"):
        raise CommandError(f"--disk {text}: give name= and size=")
    return {**dict.fromkeys(DiskForm.FIELDS, ""), **values}


def size(text: str) -> int:
    """MiB."""
    try:
        return sizes.mebibytes(text)
    except ValueError as problem:
        raise CommandError(str(problem)) from problem


def wait_for_ssh(vms: list[VM]) -> None:
    """Wait until all can be logged in to; CommandError with the reasons of those that cannot, or no longer run."""
    waiting, failures = {vm.pk: vm.name for vm in vms}, []
    deadline = time.monotonic() + SSHCheck.LIMIT.total_seconds() + 30  # if the worker does not give up itself
    while waiting:
        now = {vm.pk: vm for vm in VM.objects.shown().filter(pk__in=waiting)}
        for pk, name in list(waiting.items()):
            vm = now.get(pk)
            runs = vm and vm.status.power == Power.RUNNING
            if runs and vm.ssh_state == SSHState.WAITING and time.monotonic() < deadline:
                continue
            del waiting[pk]
            if not runs:
                failures.append(f"{name} no longer runs; it cannot be logged in to")
            elif vm.ssh_state:
                failures.append(f"{name}: {vm.ssh_reason}")
        time.sleep(0.3 if waiting else 0)
    if failures:
        raise CommandError("\n".join(failures))


class Command(VerbCommand):
    help = "Run, list and remove VMs, and add and remove NICs of VMs that run already."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        self.verb(verbs, "ls", self.ls, "list the VMs, as last observed")
        run = self.verb(verbs, "run", self.run, "run VMs from an image", "image", waits=True)
        run.add_argument("--id", type=int, required=True, help="decides MAC and IP on the access network")
        run.add_argument("--count", type=int, help="that many VMs, with IDs from --id on")
        run.add_argument("--name", default="", help="IMAGE-ID unless given; with --count NAME-ID")
        run.add_argument("--memory", default="1G")
        run.add_argument("--vcpus", default="1")
        run.add_argument("--boot-capacity", default="10G")
        run.add_argument("--disk", action="append", default=[], help="name=,size=,format=,bus=,pool=; repeatable")
        run.add_argument("--nic", action="append", default=[], help="type=,source=,model=,mac=; repeatable")
        run.add_argument("--user", default="root", help="who Virter's ssh logs in as")
        run.add_argument("--wait-ssh", action="store_true", help="done once SSH lets in and cloud-init is through")
        run.add_argument("--vnc", action="store_true", help="VNC at a port that the ID decides, 6000 + ID")
        run.add_argument("--vnc-port", type=int, help="VNC at this port")
        run.add_argument("--vnc-bind-ip", default="127.0.0.1")
        run.add_argument(
            "--console", default="", metavar="DIR", help="folder on the host; the console goes to NAME.log"
        )
        run.add_argument("--ssh-key", action="append", default=[], help="public key; repeatable")
        run.add_argument("--guest-network", default="", help="portal or virter: who decides about the guest's NICs")
        run.add_argument("--user-data", default="", help="file with further cloud-init user data")
        self.verb(verbs, "rm", self.rm, "remove a VM", "name", waits=True)
        self.verb(verbs, "configure", self.configure, "have the running guest set up its network anew", "name")
        self.verb(verbs, "adopt", self.adopt, "make a VM of others the portal's; nothing changes", "name", waits=True)
        self.verb(verbs, "release", self.release, "let go of a VM; libvirt keeps it as it is", "name")
        nic = verbs.add_parser("nic", help="NICs of a VM")
        nic_verbs = nic.add_subparsers(dest="nic_verb", required=True, metavar="VERB")
        add = self.verb(nic_verbs, "add", self.nic_add, "add a NIC, also to a VM of others", "name", waits=True)
        add.add_argument("nic", nargs="?", default="", help="type=,source=,model=,mac=, as Virter has it")
        change = self.verb(nic_verbs, "change", self.nic_change, "change a NIC by its MAC", "name", "mac", waits=True)
        for parser in (add, change):
            nic_flags(parser)
        remove = self.verb(nic_verbs, "rm", self.nic_rm, "remove a NIC by its MAC", "name", "mac", waits=True)
        remove.add_argument("--at-shutdown", action="store_true", help="a running guest keeps it until then")

    def finish(self, vms: list[VM], no_wait: bool) -> None:
        for vm in vms:
            transaction.on_commit(partial(tasks.push.delay, vm.pk), robust=True)
        if not no_wait:
            wait_for(vms, self)

    def find(self, name: str, hypervisor: str | None, ours: bool = True) -> VM:
        try:
            vm = VM.objects.on(pick_hypervisor(hypervisor)).select_related("hypervisor__status", "status").named(name)
        except VM.DoesNotExist as problem:
            raise CommandError(str(problem)) from problem
        if ours and not vm.managed:
            raise CommandError(f"{name} was made by others; the portal does not change it")
        return vm

    def ls(self, hypervisor: str | None, **options: object) -> None:
        vms = VM.objects.shown().annotate(nic_count=Count("status__nics"))
        if hypervisor:
            vms = vms.on(pick_hypervisor(hypervisor))
        rows = [
            (vm.name, vm.number or "", vm.status.power, vm.image or "", vm.nic_count, ",".join(vm.addresses))
            for vm in with_access_addresses(vms)
        ]
        self.stdout.write(table(("Name", "ID", "State", "Image", "NICs", "IP"), rows))

    def run(self, image: str, no_wait: bool, **options: object) -> None:
        hypervisor = pick_hypervisor(options["hypervisor"])
        form = RunForm(self._data(hypervisor, image, options), numbered=options["count"] is not None)
        form.is_valid()
        for flag, rows in (("--nic", form.nics), ("--disk", form.disks)):
            for row in rows:
                check(row, dict.fromkeys(row.fields, flag))
        check(form, FLAGS)
        for warning in warnings(form):
            self.stderr.write(warning)
        vms = form.save()
        if not no_wait:
            wait_for(vms, self)
            if options["wait_ssh"]:
                wait_for_ssh(vms)
        for vm in vms:
            self.stdout.write(vm.name)

    def _data(self, hypervisor: Hypervisor, image: str, options: dict) -> QueryDict:
        """The page's fields, filled in from the flags."""
        by_id = options["vnc"] and options["vnc_port"] is None
        data = QueryDict(mutable=True)
        data.update(
            {
                "hypervisor": str(hypervisor.pk),
                "image": image,
                "number": str(options["id"]),
                "count": "1" if options["count"] is None else str(options["count"]),
                "name": options["name"],
                "memory": str(size(options["memory"])),
                "vcpus": options["vcpus"],
                "boot_size": str(-(-size(options["boot_capacity"]) // 1024)),
                "ssh_keys": "\n".join(options["ssh_key"]),
                "user_data": self._read(options["user_data"]),
                "guest_network": options["guest_network"],
                "ssh_user": options["user"],
                "wait_ssh": "on" if options["wait_ssh"] else "",
                "console_log": "on",
                "console_dir": options["console"],
                "vnc_port": "" if options["vnc_port"] is None else str(options["vnc_port"]),
                "vnc_by_id": "on" if by_id else "",
                "vnc_bind": options["vnc_bind_ip"],
            }
        )
        rows = (("nic", map(nic_values, options["nic"])), ("disk", map(disk_values, options["disk"])))
        for prefix, row in ((prefix, row) for prefix, found in rows for row in found):
            for field, value in row.items():
                data.appendlist(f"{prefix}_{field}", value)
        return data

    def _read(self, path: str) -> str:
        if not path:
            return ""
        try:
            return Path(path).read_bytes().decode(errors="replace")  # the form says where it is no UTF-8
        except OSError as problem:
            raise CommandError(f"--user-data: {problem}") from problem

    def rm(self, name: str, hypervisor: str | None, no_wait: bool, **options: object) -> None:
        """Unknown VM: success, nothing done."""
        if not VM.objects.on(pick_hypervisor(hypervisor)).filter(name=name).exists():
            return
        vm = self.find(name, hypervisor)
        vm.remove()
        self.finish([vm], no_wait)

    def configure(self, name: str, hypervisor: str | None, **options: object) -> None:
        """What the guest says is printed; it is an error if it does not get through."""
        vm = self.find(name, hypervisor)
        configure.ask(vm)
        wait_for([vm], self)
        deadline = time.monotonic() + 2 * configure.LIMIT
        while (run := GuestRun.objects.get(vm=vm)).done_at is None:
            if time.monotonic() > deadline:
                raise CommandError("the worker has not done it; the wish is kept")
            time.sleep(0.3)
        if run.code != 0:
            raise CommandError(run.output.strip())
        self.stdout.write(run.output.strip())

    def adopt(self, name: str, hypervisor: str | None, no_wait: bool, **options: object) -> None:
        vm = self.find(name, hypervisor, ours=False)
        if vm.managed:
            return
        try:
            vm.adopt()
        except ValueError as problem:
            raise CommandError(str(problem)) from problem
        self.finish([vm], no_wait)

    def release(self, name: str, hypervisor: str | None, **options: object) -> None:
        vm = self.find(name, hypervisor)
        if not vm.status.present:
            raise CommandError(f"libvirt does not have {name}: remove it instead")
        vm.release()

    def nic_add(self, name: str, nic: str, hypervisor: str | None, no_wait: bool, **options: object) -> None:
        vm = self.find(name, hypervisor, ours=False)
        shown = NICChangeForm(vm=vm, initial={"model": VIRTIO})
        given = {key: value for key, value in nic_values(nic).items() if value} if nic else {}
        self._wish_nic(vm, NICChangeForm(nic_data(shown, given, options), vm=vm), no_wait)

    def nic_change(self, name: str, mac: str, hypervisor: str | None, no_wait: bool, **options: object) -> None:
        vm = self.find(name, hypervisor, ours=False)
        try:
            now, _ = vm.nic_as_wished(mac.lower())
        except LookupError as problem:
            raise CommandError(str(problem)) from problem
        shown = NICChangeForm(vm=vm, now=now)
        self._wish_nic(vm, NICChangeForm(nic_data(shown, {}, options), vm=vm, now=now), no_wait)

    def _wish_nic(self, vm: VM, form: NICChangeForm, no_wait: bool) -> None:
        check(form, {})
        try:
            mac = form.wish(None)
        except Conflict as problem:
            raise CommandError(str(problem)) from problem
        self.finish([vm], no_wait)
        self.stdout.write(mac)

    def nic_rm(
        self, name: str, mac: str, hypervisor: str | None, no_wait: bool, at_shutdown: bool, **options: object
    ) -> None:
        vm = self.find(name, hypervisor, ours=False)
        mac = mac.lower()
        if not (vm.nics.filter(mac=mac).exists() or vm.status.nics.filter(mac=mac).exists()):
            raise CommandError(f"{name} has no NIC {mac}")
        vm.remove_nic(mac, at_shutdown and vm.status.power != Power.OFF)
        self.finish([vm], no_wait)
