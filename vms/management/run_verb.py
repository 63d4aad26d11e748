"""The verb `vm run`: Virter's flags fill in the form of the page."""

from pathlib import Path

from django.core.management.base import CommandError
from django.http import QueryDict

from virterweb.hypervisors.models import Hypervisor
from virterweb.people.cli import await_first_poll, check, pick_hypervisor, wait_for
from vms.definition import hardware
from vms.management.arguments import FLAGS, GZIP, disk_values, nic_values, size, wait_for_ssh
from vms.management.pulling import IF_NOT_EXIST, NEVER, pull, pull_policy
from vms.management.verbs import VMVerbs
from vms.run.form import RunForm
from vms.run.preview import warnings

DISK_HELP = "further disk: name= and size=, optionally format=, bus= and pool=, separated by commas; can be repeated"
NIC_HELP = (
    "further NIC: type=network, bridge or direct with source=, or type=user, optionally model=, mac= and the settings "
    "guest=, guest-addresses=, gateway=, dns=, default-route= and metric=, separated by commas; can be repeated"
)


class RunVerb(VMVerbs):
    def add_run_arguments(self, verbs) -> None:
        """Add the subcommand `run` with its flags."""
        run = self.verb(
            *(verbs, "run", self.run, "run VMs from an image", "image"),
            waits=True,
            user_flags=("--as-user",),  # --user is Virter's: who logs in to the guest
        )
        run.add_argument("--id", type=int, required=True, help="ID, which determines MAC and IP on the access network")
        run.add_argument("--count", type=int, help="number of VMs, with consecutive IDs starting at --id")
        run.add_argument("--name", "-n", default="", help="name of the VM; default: IMAGE-ID; with --count: NAME-ID")
        run.add_argument("--memory", "-m", default="1G", help="memory, for example 512M; default: 1G")
        run.add_argument("--vcpus", default="1", help="number of vCPUs; default: 1")
        run.add_argument("--boot-capacity", default="10G", help="size of the boot disk, for example 20G; default: 10G")
        run.add_argument("--disk", "-d", action="append", default=[], metavar="VALUES", help=DISK_HELP)
        run.add_argument("--nic", "-i", action="append", default=[], metavar="VALUES", help=NIC_HELP)
        run.add_argument("--user", "-u", default="root", help="user who logs in to the guest by SSH; default: root")
        run.add_argument(
            "--wait-ssh", "-w", action="store_true", help="wait until SSH works and cloud-init has finished"
        )
        run.add_argument("--secure-boot", action="store_true", help="use UEFI with secure boot, on machine type q35")
        run.add_argument("--vnc", action="store_true", help="open VNC on port 6000 + ID")
        run.add_argument("--vnc-port", type=int, help="open VNC on this port")
        run.add_argument("--vnc-bind-ip", default="127.0.0.1", help="address on which VNC listens; default: 127.0.0.1")
        run.add_argument(
            "--console", "-c", default="", metavar="DIR", help="folder on the host to write the console log NAME.log to"
        )
        run.add_argument(
            "--ssh-key", action="append", default=[], help="public SSH key that may log in; can be repeated"
        )
        run.add_argument(
            "--guest-network",
            default="",
            help="configuration mode: portal or virter; default: as set on the hypervisor",
        )
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
        run.add_argument("--user-data", default="", help="file with additional cloud-init user data")

    def run(self, image: str, no_wait: bool, **options: object) -> None:
        hypervisor = pick_hypervisor(self.user, options["hypervisor"])
        policy = pull_policy(options["pull_policy"])
        await_first_poll(hypervisor)
        pull(image, hypervisor, policy, self)
        data = self._data(hypervisor, image, options)
        form = RunForm(data, numbered=options["count"] is not None, user=self.user)
        self._check(form)
        for warning in warnings(form):
            self.stderr.write(warning)
        vms = form.save(self.user)
        self._check(form)  # a value may have been taken meanwhile
        if not no_wait:
            wait_for(vms, self)
            if options["wait_ssh"]:
                wait_for_ssh(vms)
        for vm in vms:
            self.stdout.write(vm.name)

    def _check(self, form: RunForm) -> None:
        form.is_valid()
        for flag, rows in (("--nic", form.nics), ("--disk", form.disks)):
            for row in rows:
                check(row, dict.fromkeys(row.fields, flag))
        check(form, FLAGS)

    def _data(self, hypervisor: Hypervisor, image: str, options: dict) -> QueryDict:
        """Return the page's form data, filled in from the flags."""
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
                "firmware": hardware.SECURE if options["secure_boot"] else "",
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
            data = Path(path).read_bytes()
        except OSError as problem:
            raise CommandError(f"--user-data: {problem}") from problem
        if data.startswith(GZIP):
            raise CommandError("--user-data: the file is compressed with gzip; decompress it first")
        return data.decode(errors="replace")  # the form reports where it is not UTF-8
