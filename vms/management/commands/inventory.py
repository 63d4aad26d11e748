"""`manage.py inventory`: the VMs for Ansible, which runs it with --list, and for OpenSSH.

Ansible accepts an executable file as inventory: a script of two lines that runs this with its own arguments.
"""

import json

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from virterweb.hypervisors.cli import pick_hypervisor
from vms.addresses.inventory import Guest, ansible, guests, host_variables, known_hosts, ssh_config, visible_to
from vms.models import VM, VMQuerySet


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
        found = guests(self._visible(user))
        if hypervisor:  # afterwards, so that a VM's name is the same in a part as in the whole
            picked = pick_hypervisor(hypervisor)
            found = [guest for guest in found if guest.vm.hypervisor_id == picked.pk]
        self.stdout.write(self._text(found, options), ending="")

    def _visible(self, user: str | None) -> VMQuerySet:
        if user is None:
            return VM.objects.all()
        model = get_user_model()
        try:
            return visible_to(model.objects.get_by_natural_key(user))
        except model.DoesNotExist:
            raise CommandError(f"there is no user {user}") from None

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
