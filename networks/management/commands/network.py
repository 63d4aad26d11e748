"""`manage.py network …`: Virter's network commands, with its flags and its tables, on the portal's wishes; and more."""

import argparse
import json
from functools import partial
from pathlib import Path

from django import forms
from django.core.management.base import CommandError, CommandParser
from django.db import transaction

from networks import plan as plans
from networks import tasks
from networks.compare_xml import pretty
from networks.document_form import DocumentForm
from networks.fields import LinesField
from networks.forms import NetworkForm
from networks.merge import as_text
from networks.models import Network
from virterweb.hypervisors.cli import VerbCommand, check, pick_hypervisor, table, wait_for

# Virter's flags, whose names differ from the form's fields. The others are --field-name, in the singular for lists.
FLAGS = {
    "forward_mode": ("--forward-mode", "-m"),
    "ipv4": ("--network-cidr", "-n"),
    "ipv6": ("--network-v6-cidr", "-6"),
    "dhcp": ("--dhcp", "-p"),
    "domain": ("--domain", "-d"),
    "host_mac": ("--dhcp-mac",),
    "host_first_id": ("--dhcp-id",),
    "host_count": ("--dhcp-count",),
}


def flags(name: str, field: forms.Field) -> tuple[str, ...]:
    listed = isinstance(field, LinesField)
    return FLAGS.get(name) or (f"--{name.removesuffix('s') if listed else name}".replace("_", "-"),)


NAMES = {name: flags(name, field)[0] for name, field in NetworkForm.base_fields.items()} | {"name": "NAME"}


class Command(VerbCommand):
    help = "List, add, change, adopt and remove networks, and host entries on the access network."

    def add_arguments(self, parser: CommandParser) -> None:
        self.verbs = verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        self.verb(verbs, "ls", self.ls, "list the networks, as last observed")
        for name, handler, text in (
            ("add", self.add, "add a network"),
            ("edit", self.edit, "change a network; what no flag names stays"),
        ):
            verb = self.verb(verbs, name, handler, text, "name", waits=True)
            generated = ("host_mac", "host_first_id", "host_count")
            self._add_fields(verb, leave_out=("move_along",) if name == "add" else generated)
            self._add_plan_flags(verb)
        plan = self.verb(verbs, "plan", self.plan, "print what would make libvirt agree with the wish", "name")
        plan.add_argument("--json", action="store_true")
        apply = self.verb(verbs, "apply", self.apply, "put back ours, or try again", "name", waits=True)
        self._add_plan_flags(apply)
        xml = self.verb(verbs, "xml", self.xml, "print the wanted document, or take one", "name", waits=True)
        xml.add_argument("--found", action="store_true", help="print what libvirt has instead")
        xml.add_argument("--file", help="the new document; - for standard input")
        self._add_plan_flags(xml)
        for name, values in (("start", {"active": True}), ("stop", {"active": False})):
            verb = self.verb(verbs, name, partial(self.switch, values=values), f"{name} a network", "name", waits=True)
            self._add_plan_flags(verb)
        for name, handler, text in (
            ("take", self.take, "let the wish follow what libvirt has"),
            ("adopt", self.adopt, "make what libvirt has the wish; nothing changes there"),
            ("release", self.release, "let go of a network; libvirt keeps it as it is"),
        ):
            self.verb(verbs, name, handler, text, "name", waits=True)
        self.verb(verbs, "import", self.import_all, "adopt all networks that others made", waits=True)
        self.verb(verbs, "history", self.history, "who changed what, when, with what result", "name")
        remove = self.verb(verbs, "rm", self.rm, "remove a network", "name", waits=True)
        remove.add_argument("--cut-off", action="store_true", help="also if running VMs hang on it")
        host = verbs.add_parser("host", help="DHCP host entries on the access network")
        host_verbs = host.add_subparsers(dest="host_verb", required=True, metavar="VERB")
        for name, handler in (("add", self.host_add), ("rm", self.host_rm)):
            entry = self.verb(host_verbs, name, handler, f"{name} host entries by ID", waits=True)
            entry.add_argument("--id", type=int, required=True)
            entry.add_argument("--count", type=int, default=1)

    def _add_fields(self, parser: CommandParser, leave_out: tuple[str, ...]) -> None:
        """One flag a field of the form, with the form's own words."""
        for name, field in NetworkForm.base_fields.items():
            if name in ("hypervisor", "name", *leave_out):
                continue
            text = str(field.help_text or field.label or "").replace("%", "%%")
            options: dict = {"dest": name, "help": text}
            if isinstance(field, LinesField):
                options |= {"action": "append", "help": f"{text} Repeatable; one empty value: none."}
            elif isinstance(field, forms.BooleanField):
                options["action"] = argparse.BooleanOptionalAction
            parser.add_argument(*flags(name, field), **options)

    def _add_plan_flags(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="print the steps and do nothing")
        parser.add_argument("--json", action="store_true", help="the same as JSON")
        parser.add_argument("--yes", action="store_true", help="also if running VMs are cut off, be it for a moment")

    def finish(self, network: Network, no_wait: bool) -> None:
        transaction.on_commit(partial(tasks.push.delay, network.pk), robust=True)
        if not no_wait:
            wait_for([network], self)

    def find(self, name: str, hypervisor: str | None) -> Network:
        try:
            return Network.objects.on(pick_hypervisor(hypervisor)).select_related("hypervisor", "status").named(name)
        except Network.DoesNotExist as problem:
            raise CommandError(str(problem)) from problem

    def find_ours(self, name: str, hypervisor: str | None) -> Network:
        network = self.find(name, hypervisor)
        if not network.managed:
            raise CommandError(f"{name} was made by others; `network adopt {name}` makes it the portal’s")
        return network

    def print_plan(self, steps: tuple[plans.Step, ...], as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps([step.as_json() for step in steps], indent=2))
            return
        rows = [(step.disruption.name.lower(), step.text, ", ".join(step.vms)) for step in steps]
        self.stdout.write(table(("Disruption", "Step", "VMs"), rows) if rows else "Nothing to do.")

    def carry_out(self, network: Network, what: str, wanted: plans.Wanted, options: dict, exact: bool = False) -> None:
        """Show the plan of a change, or do it; what disturbs running VMs needs --yes."""
        steps = network.plan(wanted, exact)
        if options["dry_run"] or options["json"]:
            self.print_plan(steps, options["json"])
            return
        if plans.worst(steps) and not options["yes"]:
            self.print_plan(steps, False)
            raise CommandError("this disturbs running VMs; say --yes if you mean it")
        if steps or wanted != network.wanted or exact:
            values = {"document": wanted.document, "active": wanted.active, "autostart": wanted.autostart}
            network.change(what, accepted=[step.as_json() for step in steps], exact=exact, **values)
            self.finish(network, options["no_wait"])

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

    def add(self, hypervisor: str | None, no_wait: bool, name: str, **options: object) -> None:
        picked = pick_hypervisor(hypervisor)
        typed = {**self._typed(NetworkForm(), options), "hypervisor": picked.pk, "name": name}
        form = NetworkForm(typed, operator=True)
        check(form, NAMES)
        if options["dry_run"] or options["json"]:
            self.print_plan(plans.plan(form.wanted(), None), options["json"])
            return
        self.finish(form.save(), no_wait)

    def edit(self, name: str, hypervisor: str | None, **options: object) -> None:
        network = self.find_ours(name, hypervisor)
        form = NetworkForm(self._typed(NetworkForm(network=network), options), operator=True, network=network)
        check(form, NAMES)
        self.carry_out(network, "changed", form.wanted(), options)

    def _typed(self, form: NetworkForm, options: dict) -> dict[str, object]:
        """The form's own values, with those of the flags that were given."""
        data: dict[str, object] = dict(as_text(form))
        for name, field in form.fields.items():
            value = options.get(name)
            if isinstance(field, forms.BooleanField):
                value = data[name] == "True" if value is None else value
            if isinstance(value, list):
                value = "\n".join(value)
            if value is not None:
                data[name] = value
        return data

    def plan(self, name: str, hypervisor: str | None, json: bool, **options: object) -> None:
        self.print_plan(self.find_ours(name, hypervisor).plan(exact=True), json)

    def apply(self, name: str, hypervisor: str | None, **options: object) -> None:
        network = self.find_ours(name, hypervisor)
        self.carry_out(network, "ours put back", network.wanted, options, exact=True)

    def xml(self, name: str, hypervisor: str | None, found: bool, file: str | None, **options: object) -> None:
        network = self.find(name, hypervisor)
        if not file:
            document = network.status.definition if found or not network.managed else network.full_document
            self.stdout.write(pretty(document).rstrip() if document else "")
            return
        network = self.find_ours(name, hypervisor)
        try:
            text = Path("/dev/stdin" if file == "-" else file).read_text()
        except (OSError, UnicodeDecodeError) as problem:
            raise CommandError(f"--file: {problem}") from problem
        form = DocumentForm({"document": text}, network=network)
        check(form, {"document": file})
        wanted = plans.Wanted(document=text, active=network.active, autostart=network.autostart)
        self.carry_out(network, "XML changed", wanted, options)

    def switch(self, name: str, hypervisor: str | None, values: dict, **options: object) -> None:
        network = self.find_ours(name, hypervisor)
        wanted = plans.Wanted(document=network.full_document, **{"autostart": network.autostart, **values})
        self.carry_out(network, "started" if wanted.active else "stopped", wanted, options)

    def take(self, name: str, hypervisor: str | None, no_wait: bool, **options: object) -> None:
        network = self.find_ours(name, hypervisor)
        if not network.status.present:
            raise CommandError(f"libvirt has no {name} to be taken")
        network.follow("libvirt’s taken")
        self.finish(network, no_wait)

    def adopt(self, name: str, hypervisor: str | None, no_wait: bool, **options: object) -> None:
        network = self.find(name, hypervisor)
        if not network.managed:
            self._adopt(network)
            self.finish(network, no_wait)

    def _adopt(self, network: Network) -> None:
        try:
            network.adopt()
        except ValueError as problem:
            raise CommandError(str(problem)) from problem

    def release(self, name: str, hypervisor: str | None, no_wait: bool, **options: object) -> None:
        self.find_ours(name, hypervisor).release()

    def import_all(self, hypervisor: str | None, no_wait: bool, **options: object) -> None:
        foreign = Network.objects.on(pick_hypervisor(hypervisor)).filter(managed=False, status__present=True)
        problems = []
        for network in foreign.select_related("hypervisor", "status"):
            try:
                self._adopt(network)
                self.finish(network, no_wait)
                self.stdout.write(network.name)
            except CommandError as problem:
                problems.append(str(problem))
        if problems:
            raise CommandError("\n".join(problems))

    def history(self, name: str, hypervisor: str | None, **options: object) -> None:
        rows = []
        for one in self.find(name, hypervisor).revisions.select_related("by"):
            changes = "; ".join(f"{each.field}: {each.found or '–'} → {each.wanted or '–'}" for each in one.changes)
            rows.append((f"{one.at:%Y-%m-%d %H:%M:%S}", one.by or "", one.what, one.result or "under way", changes))
        self.stdout.write(table(("When", "Who", "What", "Result", "Changes"), rows))

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
