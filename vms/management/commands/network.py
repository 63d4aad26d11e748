"""`manage.py network …` with `list-attached`, which knows VMs: the rest is the networks' own command."""

import json

from django.core.management.base import CommandError, CommandParser

from networks.management.commands.network import Command as NetworkCommand
from virterweb.people.cli import pick_hypervisor, table
from vms.models import VM


class Command(NetworkCommand):
    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        verb = self.verb(
            self.verbs, "list-attached", self.list_attached, "list the NICs on a network, as last observed"
        )
        verb.add_argument("name", nargs="?", default="", help="name of the network")
        verb.add_argument(
            "--bridge", default="", help="only NICs on this bridge of the host, through a network or directly"
        )
        verb.add_argument("--port-group", default="", help="only NICs in this port group")
        verb.add_argument("--json", action="store_true", help="print all columns as JSON")

    def list_attached(self, name: str, hypervisor: str | None, bridge: str, port_group: str, **options: object) -> None:
        from vms.attached import table as attached_nics
        from vms.attached.filters import Filters

        if not (name or bridge or port_group):
            raise CommandError("name a network, or give --bridge or --port-group")
        picked = pick_hypervisor(self.user, hypervisor)
        network = self.find(name, hypervisor).name if name else ""
        filters = Filters(hypervisor=picked.name, network=network, bridge=bridge, port_group=port_group)
        found = attached_nics.rows(VM.objects.visible_to(self.user), filters)
        if options["json"]:
            columns = attached_nics.FILE
            rows = [dict(zip(columns, row, strict=True)) for row in attached_nics.table(found)]
            self.stdout.write(json.dumps(rows, indent=2))
            return
        self.stdout.write(
            table(
                ("VM", "MAC", "IP", "Hostname", "Host Device"),
                ((row.vm, row.mac, ",".join(row.known.ips), row.known.hostname, row.host_device) for row in found),
            )
        )
