"""`manage.py inventory`: the VMs for Ansible, which runs it with --list, and for OpenSSH.

Ansible accepts an executable file as inventory: a script of two lines that runs this with its own arguments.
"""

import json

from django.core.management.base import BaseCommand, CommandParser

from virterweb.people.cli import pick_hypervisor, portal_user
from vms.addresses.inventory import Guest, ansible, guests, host_variables, known_hosts, ssh_config
from vms.models import VM


class Command(BaseCommand):
    requires_system_checks = []  # they import all pages
    help = "Print the VMs, as last observed, as Ansible's dynamic inventory or for OpenSSH."

    def add_arguments(self, parser: CommandParser) -> None:
        formats = parser.add_mutually_exclusive_group()
        formats.add_argument("--list", action="store_true", help="print all groups and hosts for Ansible; the default")
        formats.add_argument("--host", metavar="NAME", help="print the variables of one host for Ansible")
        formats.add_argument("--ssh-config", action="store_true", help="print a block for each VM for ~/.ssh/config")
        formats.add_argument(
            "--known-hosts", action="store_true", help="print the host keys of managed VMs for ~/.ssh/known_hosts"
        )
        parser.add_argument("--hypervisor", help="print only the VMs of this hypervisor")
        parser.add_argument("--user", metavar="USERNAME", help="print only the VMs that this portal user can see")

    def handle(self, *args: object, hypervisor: str | None, user: str | None, **options: object) -> None:
        acting = None if user is None else portal_user(user)
        found = guests(VM.objects.visible_to(acting))
        if hypervisor:  # afterwards, so that a VM's name is the same in a part as in the whole
            picked = pick_hypervisor(acting, hypervisor)
            found = [guest for guest in found if guest.vm.hypervisor_id == picked.pk]
        self.stdout.write(self._text(found, options), ending="")

    def _text(self, found: list[Guest], options: dict) -> str:
        if options["ssh_config"]:
            return ssh_config(found)
        if options["known_hosts"]:
            return known_hosts(found)
        if (name := options["host"]) is not None:
            return self._json(next((host_variables(guest) for guest in found if guest.name == name), {}))
        return self._json(ansible(found))

    def _json(self, values: dict[str, object]) -> str:
        return json.dumps(values, indent=2) + "\n"
