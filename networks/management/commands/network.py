"""`manage.py network …`: Virter's network commands, with its flags and its tables, on the portal's wishes."""

from functools import partial

from django.core.management.base import CommandError, CommandParser
from django.db import transaction

from networks import addressing, tasks
from networks.forms import NetworkForm
from networks.models import Network
from virterweb.hypervisors.cli import VerbCommand, check, pick_hypervisor, table, wait_for

FLAGS = {
    "name": "NAME",
    "forward_mode": "--forward-mode",
    "ipv4": "--network-cidr",
    "ipv6": "--network-v6-cidr",
    "host_mac": "--dhcp-mac",
    "host_first_id": "--dhcp-id",
    "host_count": "--dhcp-count",
}


class Command(VerbCommand):
    help = "List, add and remove networks, and host entries on the access network."

    def add_arguments(self, parser: CommandParser) -> None:
        self.verbs = verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        self.verb(verbs, "ls", self.ls, "list the networks, as last observed")
        add = self.verb(verbs, "add", self.add, "add a network", "name", waits=True)
        add.add_argument("--forward-mode", "-m", default="", help="nat, route, open or bridge; none: isolated")
        add.add_argument("--network-cidr", "-n", default="", help="the host's own address, like 10.255.0.1/24")
        add.add_argument("--network-v6-cidr", "-6", default="", help="the same for IPv6")
        add.add_argument("--dhcp", "-p", action="store_true", help="a DHCP range in every block")
        add.add_argument("--dhcp-mac", default=addressing.ACCESS_MAC, help="base MAC for generated host entries")
        add.add_argument("--dhcp-id", default="0", help="first ID of generated host entries")
        add.add_argument("--dhcp-count", default="0", help="how many host entries to generate")
        add.add_argument("--domain", "-d", default="", help="DNS domain of the network")
        add.add_argument("--bridge", default="", help="name of the bridge")
        add.add_argument("--mtu", default="")
        add.add_argument("--dnsmasq-option", action="append", default=[], help="repeatable")
        remove = self.verb(verbs, "rm", self.rm, "remove a network", "name", waits=True)
        remove.add_argument("--cut-off", action="store_true", help="also if running VMs hang on it")
        host = verbs.add_parser("host", help="DHCP host entries on the access network")
        host_verbs = host.add_subparsers(dest="host_verb", required=True, metavar="VERB")
        for name, handler in (("add", self.host_add), ("rm", self.host_rm)):
            entry = self.verb(host_verbs, name, handler, f"{name} host entries by ID", waits=True)
            entry.add_argument("--id", type=int, required=True)
            entry.add_argument("--count", type=int, default=1)

    def finish(self, network: Network, no_wait: bool) -> None:
        transaction.on_commit(partial(tasks.push.delay, network.pk), robust=True)
        if not no_wait:
            wait_for([network], self)

    def find(self, name: str, hypervisor: str | None) -> Network:
        try:
            return Network.objects.on(pick_hypervisor(hypervisor)).select_related("hypervisor", "status").named(name)
        except Network.DoesNotExist as problem:
            raise CommandError(str(problem)) from problem

    def ls(self, hypervisor: str | None, **options: object) -> None:
        networks = Network.objects.shown()
        if hypervisor:
            networks = networks.on(pick_hypervisor(hypervisor))
        several = len({network.hypervisor_id for network in networks}) > 1
        rows = []
        for network in networks:
            mark = " (virter default)" if network.is_access_network else ""
            facts = network.facts
            row = [
                f"{network.name}{mark}",
                *(facts.forward_mode, facts.ip_range, facts.domain, facts.dhcp, facts.bridge),
            ]
            rows.append([*row, network.hypervisor] if several else row)
        headings = ["Name", "Forward-Type", "IP-Range", "Domain", "DHCP", "Bridge", *(["Hypervisor"] * several)]
        self.stdout.write(table(headings, rows))

    def add(self, hypervisor: str | None, no_wait: bool, **options: object) -> None:
        form = NetworkForm(
            {
                "hypervisor": pick_hypervisor(hypervisor).pk,
                "name": options["name"],
                "forward_mode": options["forward_mode"],
                "ipv4": options["network_cidr"],
                "ipv6": options["network_v6_cidr"],
                "dhcp": options["dhcp"],
                "domain": options["domain"],
                "bridge": options["bridge"],
                "mtu": options["mtu"],
                "dnsmasq_options": "\n".join(options["dnsmasq_option"]),
                "host_mac": options["dhcp_mac"],
                "host_first_id": options["dhcp_id"],
                "host_count": options["dhcp_count"],
            },
            operator=True,
        )
        check(form, FLAGS)
        self.finish(form.save(), no_wait)

    def rm(self, name: str, hypervisor: str | None, no_wait: bool, cut_off: bool, **options: object) -> None:
        """Unknown network: success, nothing done."""
        network = Network.objects.on(pick_hypervisor(hypervisor)).filter(name=name).order_by("-managed").first()
        if network is None:
            return
        network.remove_meaning(cut_off)
        self.finish(network, no_wait)

    def host_add(self, id: int, count: int, hypervisor: str | None, no_wait: bool, **options: object) -> None:
        network = self._access_network(hypervisor)
        try:
            network.reserve_ids(id, count)
        except ValueError as problem:
            raise CommandError(str(problem)) from problem
        self.finish(network, no_wait)

    def host_rm(self, id: int, count: int, hypervisor: str | None, no_wait: bool, **options: object) -> None:
        network = self._access_network(hypervisor)
        network.release_ids(id, count)
        self.finish(network, no_wait)

    def _access_network(self, hypervisor: str | None) -> Network:
        return self.find(pick_hypervisor(hypervisor).access_network, hypervisor)
