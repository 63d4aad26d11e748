"""`manage.py network …` with `list-attached`, which knows VMs: the rest is the networks' own command."""

from networks.management.commands.network import Command as NetworkCommand
from virterweb.hypervisors.cli import table
from vms.rows import attached_rows


class Command(NetworkCommand):
    def add_arguments(self, parser) -> None:
        super().add_arguments(parser)
        self.verb(
            self.verbs, "list-attached", self.list_attached, "list the NICs on a network, as last observed", "name"
        )

    def list_attached(self, name: str, hypervisor: str | None, **options: object) -> None:
        rows = attached_rows(self.find(name, hypervisor))
        self.stdout.write(
            table(
                ("VM", "MAC", "IP", "Hostname", "Host Device"),
                ((row.vm, row.mac, ",".join(row.ips), row.hostname, row.host_device) for row in rows),
            )
        )
