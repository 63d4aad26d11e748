"""The verb `vm run`: Virter's flags fill in the form of the page, alone or over the values of a template."""

from pathlib import Path

from django.core.management.base import CommandError, CommandParser
from django.http import QueryDict

from virterweb.hypervisors.models import Hypervisor
from virterweb.people.cli import await_first_poll, pick_hypervisor, wait_for
from virterweb.people.verbs import Verb
from vms.addresses import ids
from vms.capacity.figures import capacity_of
from vms.definition import hardware
from vms.management.arguments import (
    GZIP,
    check_run,
    disk_values,
    find_template,
    nic_values,
    sent,
    size,
    wait_for_ssh,
)
from vms.management.pulling import IF_NOT_EXIST, NEVER, pull, pull_policy
from vms.management.verbs import VMVerbs
from vms.nics.new_nic_form import NICForm
from vms.run import similar
from vms.run.disk_form import DiskForm
from vms.run.form import RunForm
from vms.run.preview import warnings

# The values of fields without a flag and a template. Virter's are 1 GiB of memory, 1 vCPU and a boot disk of 10 GiB.
DEFAULTS = {
    "memory": 1024,
    "vcpus": 1,
    "boot_size": 10,
    "ssh_user": "root",
    "console_log": True,
    "vnc_bind": "127.0.0.1",
}

DISK_HELP = "further disk: name= and size=, optionally format=, bus= and pool=, separated by commas; can be repeated"
NIC_HELP = (
    "further NIC: type=network, bridge or direct with source=, or type=user, optionally model=, mac= and the settings "
    "guest=, guest-addresses=, gateway=, dns=, default-route= and metric=, separated by commas; can be repeated"
)


class RunVerb(VMVerbs):
    def add_run_arguments(self, verbs) -> None:
        """Add the subcommand `run` with its flags."""
        run = self.verb(
            *(verbs, "run", self.run, "run VMs from an image or a template"),
            waits=True,
            user_flags=("--as-user",),  # --user is Virter's: who logs in to the guest
        )
        run.add_argument("image", nargs="?", default="", help="name of the image; default: that of the template")
        run.add_argument("--template", default="", metavar="NAME", help="template with the values that no flag gives")
        id_help = "ID, which determines MAC and IP on the access network; with --template by default the next free one"
        run.add_argument("--id", type=int, help=id_help)
        run.add_argument("--count", type=int, help="number of VMs, with consecutive IDs starting at --id")
        run.add_argument(
            "--name", "-n", default="", help="name of the VM; default: IMAGE-ID or TEMPLATE-ID; with --count: NAME-ID"
        )
        run.add_argument("--memory", "-m", help="memory, for example 512M; default: 1G")
        run.add_argument("--vcpus", help="number of vCPUs; default: 1")
        run.add_argument(
            "--boot-capacity", dest="boot_size", help="size of the boot disk, for example 20G; default: 10G"
        )
        run.add_argument("--disk", "-d", action="append", default=[], metavar="VALUES", help=DISK_HELP)
        run.add_argument("--nic", "-i", action="append", default=[], metavar="VALUES", help=NIC_HELP)
        run.add_argument("--arch", help="architecture: amd64 or arm64, or a name of libvirt; default: that of the host")
        run.add_argument("--secure-boot", action="store_true", help="use UEFI with secure boot, on machine type q35")
        self._add_console_arguments(run)
        self._add_guest_arguments(run)
        run.add_argument(
            "--pull-policy",
            "--vm-pull-policy",
            default=NEVER,
            metavar="POLICY",
            help="fetch the image from the catalogue: Always, IfNotExist or Never; default: Never",
        )
        run.add_argument(
            "--pull", dest="pull_policy", action="store_const", const=IF_NOT_EXIST, help="the policy IfNotExist"
        )

    def _add_console_arguments(self, run: CommandParser) -> None:
        run.add_argument("--vnc", action="store_true", help="open VNC on port 6000 + ID")
        run.add_argument("--vnc-port", type=int, help="open VNC on this port")
        run.add_argument("--vnc-bind-ip", help="address on which VNC listens; default: 127.0.0.1")
        run.add_argument(
            "--console", "-c", default="", metavar="DIR", help="folder on the host to write the console log NAME.log to"
        )

    def _add_guest_arguments(self, run: CommandParser) -> None:
        run.add_argument("--user", "-u", help="user who logs in to the guest by SSH; default: root")
        run.add_argument(
            "--wait-ssh", "-w", action="store_true", help="wait until SSH works and cloud-init has finished"
        )
        run.add_argument(
            "--ssh-key", action="append", default=[], help="public SSH key that may log in; can be repeated"
        )
        run.add_argument(
            "--guest-network",
            default="",
            help="configuration mode: portal or virter; default: as set on the hypervisor",
        )
        run.add_argument("--user-data", default="", help="file with additional cloud-init user data")

    def run(self, image: str, no_wait: bool, **options: object) -> None:
        hypervisor = pick_hypervisor(self.user, options["hypervisor"])
        policy = pull_policy(options["pull_policy"])
        if not options["template"] and not (image and options["id"] is not None):
            raise CommandError("enter the name of the image and --id, or --template")
        await_first_poll(hypervisor)
        data = self._data(hypervisor, image, options)
        pull(data.get("image", ""), hypervisor, policy, self)
        numbered = options["count"] is not None or bool(options["template"] and not options["name"])
        form = RunForm(data, numbered=numbered, user=self.user)
        check_run(form)
        for warning in warnings(form, capacity_of(self.user, [hypervisor])):
            self.stderr.write(warning)
        vms = form.save(self.user)
        check_run(form)  # a value may have been taken meanwhile
        if not no_wait:
            wait_for(vms, self)
            if vms[0].wait_ssh:
                wait_for_ssh(vms)
        for vm in vms:
            self.stdout.write(vm.name)

    def _data(self, hypervisor: Hypervisor, image: str, options: dict) -> QueryDict:
        """Return the page's form data: the values of the template, or the defaults, under those of the flags."""
        count = options["count"]
        if options["template"]:
            data = self._of_template(hypervisor, options["template"], count or 1)
        else:
            data = sent({**DEFAULTS, "hypervisor": hypervisor.pk})
        values = {"image": image or None, "number": options["id"], "count": count, "name": options["name"] or None}
        for name, value in (values | self._values(options)).items():
            if value is not None:
                data[name] = str(value)
        for prefix, read, fields in (("nic", nic_values, NICForm.FIELDS), ("disk", disk_values, DiskForm.FIELDS)):
            rows = [read(each) for each in options[prefix]]
            for field in fields if rows else ():
                data.setlist(f"{prefix}_{field}", [row[field] for row in rows])
        return data

    def _of_template(self, hypervisor: Hypervisor, name: str, count: int) -> QueryDict:
        """Return the form data of a template, with free IDs; print what it has and the user cannot use."""
        template = find_template(self.user, hypervisor, name, Verb.SEE)
        values = similar.of_template(template, self.user, count)
        for message in values["missing"]:
            self.stderr.write(str(message))
        return sent(values | {"name": template.name, "number": ids.next_free_id(hypervisor, count)})

    def _values(self, options: dict) -> dict[str, object]:
        """Return the values of the fields that flags give; None for the others."""
        memory, capacity = (None if text is None else size(text) for text in (options["memory"], options["boot_size"]))
        return {
            "memory": memory,
            "vcpus": options["vcpus"],
            "boot_size": None if capacity is None else -(-capacity // 1024),
            "ssh_keys": "\n".join(options["ssh_key"]) or None,
            "user_data": self._read(options["user_data"]) if options["user_data"] else None,
            "guest_network": options["guest_network"] or None,
            "ssh_user": options["user"],
            "arch": options["arch"],
            "firmware": hardware.SECURE if options["secure_boot"] else None,
            "wait_ssh": "on" if options["wait_ssh"] else None,
            "console_dir": options["console"] or None,
            "vnc_port": options["vnc_port"],
            "vnc_by_id": "on" if options["vnc"] and options["vnc_port"] is None else None,
            "vnc_bind": options["vnc_bind_ip"],
        }

    def _read(self, path: str) -> str:
        try:
            data = Path(path).read_bytes()
        except OSError as problem:
            raise CommandError(f"--user-data: {problem}") from problem
        if data.startswith(GZIP):
            raise CommandError("--user-data: the file is compressed with gzip; decompress it first")
        return data.decode(errors="replace")  # the form reports where it is not UTF-8
