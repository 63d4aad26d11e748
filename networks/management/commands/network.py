"""`manage.py network …`: Virter's network commands, with its flags and tables, and more."""

from argparse import SUPPRESS
from collections.abc import Collection
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import ClassVar

from django.core.exceptions import PermissionDenied
from django.core.management.base import CommandError, CommandParser

from networks.changes.accepted import accepted
from networks.changes.forms.network import NetworkForm
from networks.definition.document.compare import pretty
from networks.definition.events import Event
from networks.definition.plans.plan import plan
from networks.definition.plans.steps import Step, Wanted, worst
from networks.management.arguments import NAMES, Subparsers, add_fields, add_plan_flags, values_of
from networks.management.output import list_text, plan_json, plan_text
from networks.models import Network, NetworkStatus
from networks.xml_editor.form import DocumentForm
from virterweb.hypervisors.desired.one_at_a_time import exclusive
from virterweb.hypervisors.desired.refusals import InvalidTransition, Refusal
from virterweb.people import rights
from virterweb.people.cli import VerbCommand, add_team, check, history_text, pick_hypervisor, team_named, wait_for
from virterweb.people.ends import cli as ends
from virterweb.people.hidden.messages import visible_vms
from virterweb.people.tags import cli as tags
from virterweb.people.verbs import Verb


class Command(VerbCommand):
    help = "List, add, edit, adopt and delete networks, and manage DHCP reservations on the access network."
    arguments: ClassVar = {"name": "name of the network"}

    def add_arguments(self, parser: CommandParser) -> None:
        self.verbs = verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        tags.add_flag(self.verb(verbs, "ls", self.ls, "list the networks, as last observed"), "networks")
        self._add_definition_verbs(verbs)
        self._add_management_verbs(verbs)
        self.verb(verbs, "history", self.history, "show the history of changes, with their results", "name")
        remove = self.verb(verbs, "rm", self.rm, "delete a network", "name", waits=True)
        remove.add_argument("--disconnect", action="store_true", help="confirm that running VMs may be disconnected")
        remove.add_argument("--cut-off", action="store_true", dest="disconnect", help=SUPPRESS)  # the earlier name
        ends.add_extend(self, verbs, self.extend, "network")
        tags.add_tag(self, verbs, self.tag, "network")
        self._add_host_verbs(verbs)

    def _add_definition_verbs(self, verbs: Subparsers) -> None:
        """Add the verbs that show or change the saved definition, with their plan flags."""
        for name, handler, text in (
            ("add", self.add, "add a network"),
            ("edit", self.edit, "edit a network; a setting without a flag does not change"),
        ):
            verb = self.verb(verbs, name, handler, text, "name", waits=True)
            generated = ("host_mac", "host_first_id", "host_count")
            add_fields(verb, leave_out=("move_along",) if name == "add" else generated)
            add_plan_flags(verb)
        plan = self.verb(verbs, "plan", self.plan, "print the steps that `apply` would carry out", "name")
        plan.add_argument("--json", action="store_true", help="print the steps as JSON")
        text = "recreate a network from the saved definition after it was recreated or renamed outside the portal"
        recreate = self.verb(verbs, "recreate", self.recreate, text, "name", waits=True)
        add_plan_flags(recreate)
        apply = self.verb(verbs, "apply", self.apply, "revert to the saved definition", "name", waits=True)
        add_plan_flags(apply)
        xml = self.verb(verbs, "xml", self.xml, "print the saved definition as XML, or replace it", "name", waits=True)
        xml.add_argument("--found", action="store_true", help="print the definition found in libvirt instead")
        xml.add_argument("--file", help="file with the new XML; - for standard input")
        add_plan_flags(xml)
        for name, values in (("start", {"active": True}), ("stop", {"active": False})):
            verb = self.verb(verbs, name, partial(self.switch, values=values), f"{name} a network", "name", waits=True)
            add_plan_flags(verb)

    def _add_management_verbs(self, verbs: Subparsers) -> None:
        """Add the verbs that say whether the portal manages a network, and what it accepts from libvirt."""
        for name, handler, text in (
            ("accept", self.accept, "accept changes from libvirt into the saved definition"),
            ("take", self.accept, "the earlier name of accept"),
            ("adopt", self.adopt, "manage a network from now on; nothing changes in libvirt"),
            ("take-over", self.adopt_replacement, "adopt what replaced this network; nothing changes in libvirt"),
            ("release", self.release, "stop managing a network; libvirt keeps it as it is"),
        ):
            self.verb(verbs, name, handler, text, "name", waits=True)
        add_team(verbs.choices["adopt"])
        self.verb(verbs, "import", self.import_all, "adopt all unmanaged networks of a hypervisor", waits=True)

    def _add_host_verbs(self, verbs: Subparsers) -> None:
        """Add `host add` and `host rm`: DHCP reservations by ID on the access network."""
        host = verbs.add_parser("host", help="DHCP reservations (host entries) on the access network")
        host_verbs = host.add_subparsers(dest="host_verb", required=True, metavar="VERB")
        for name, handler, text in (
            ("add", self.host_add, "add DHCP reservations by ID"),
            ("rm", self.host_rm, "remove DHCP reservations by ID"),
        ):
            entry = self.verb(host_verbs, name, handler, text, waits=True)
            entry.add_argument("--id", type=int, required=True, help="the first ID")
            entry.add_argument("--count", type=int, default=1, help="number of consecutive IDs; default: 1")

    def finish(self, network: Network, no_wait: bool) -> None:
        if not no_wait:
            wait_for([network], self)
            status = NetworkStatus.objects.filter(desired=network).first()
            if status and status.draft:
                raise CommandError(
                    f"{status.draft_error} The previous definition stays in force.\n  {status.draft_detail}"
                )

    def find(self, name: str, hypervisor: str | None) -> Network:
        try:
            return Network.objects.visible_to(self.user).on(pick_hypervisor(self.user, hypervisor)).alone().named(name)
        except Network.DoesNotExist as problem:
            raise CommandError(str(problem)) from problem

    def find_managed(self, name: str, hypervisor: str | None, verb: Verb = Verb.EDIT) -> Network:
        """Return a managed network with which the user may do this."""
        network = self.find(name, hypervisor)
        rights.require(self.user, verb, network)
        network.require(managed=True)
        return network

    def print_plan(self, steps: tuple[Step, ...], as_json: bool) -> None:
        shown = tuple(replace(step, vms=tuple(visible_vms(step.vms, self.user))) for step in steps)
        self.stdout.write(plan_json(shown) if as_json else plan_text(shown))

    def carry_out(
        self,
        network: Network,
        event: Event,
        wanted: Wanted,
        options: dict,
        overwrite: bool = False,
        requested: Collection[str] = (),
    ) -> None:
        """Show the plan of a change, or do it; what disturbs running VMs needs --yes."""
        steps = network.plan(wanted, overwrite, requested)
        if options["dry_run"] or options["json"]:
            self.print_plan(steps, options["json"])
            return
        if worst(steps) and not options["yes"]:
            self.print_plan(steps, False)
            raise CommandError("this interrupts running VMs; confirm it with --yes")
        if steps or wanted != network.wanted or overwrite:
            values = {"document": wanted.document, "active": wanted.active, "autostart": wanted.autostart}
            accepted = [step.as_json() for step in steps]
            with exclusive(network.hypervisor):
                if not Network.objects.filter(pk=network.pk, generation=network.generation).exists():
                    raise CommandError(
                        f"{network} has just been changed by somebody else; check it and run the command again"
                    )
                network.change(event, self.user, accepted=accepted, overwrite=overwrite, requested=requested, **values)
            self.finish(network, options["no_wait"])
        else:
            self.stdout.write(f"{network} already has these settings.")

    def ls(self, hypervisor: str | None, tag: str | None, **options: object) -> None:
        networks = Network.objects.visible_to(self.user).shown()
        if hypervisor:
            networks = networks.on(pick_hypervisor(self.user, hypervisor))
        networks = networks.with_replacements(tags.tagged(networks.once_a_name(), tag))
        self.stdout.write(list_text(networks))
        for network in networks:
            found = network.as_found.status
            if found.present and not found.persistent:
                self.stderr.write(f"{network} is transient: it is lost when it is stopped")

    def add(self, hypervisor: str | None, no_wait: bool, name: str, **options: object) -> None:
        picked = pick_hypervisor(self.user, hypervisor)
        typed = {**values_of(NetworkForm(user=self.user), options), "hypervisor": picked.pk, "name": name}
        form = NetworkForm(typed, user=self.user)
        check(form, NAMES)
        self._warn(form)
        if options["dry_run"] or options["json"]:
            self.print_plan(plan(form.wanted(), None), options["json"])
            return
        network = form.save(self.user)
        check(form, NAMES)  # somebody else may have taken the name or block
        self.finish(network, no_wait)

    def edit(self, name: str, hypervisor: str | None, **options: object) -> None:
        network = self.find_managed(name, hypervisor)
        typed = values_of(NetworkForm(network=network, user=self.user), options)
        form = NetworkForm(typed, user=self.user, network=network)
        check(form, NAMES)
        self._warn(form)
        self.carry_out(network, Event.CHANGED, form.wanted(), options)

    def _warn(self, form: NetworkForm) -> None:
        """Print notes about values that are allowed, but may be unintended."""
        for note in form.notes:
            self.stderr.write(f"Note: {note}")

    def plan(self, name: str, hypervisor: str | None, json: bool, **options: object) -> None:
        self.print_plan(self.find_managed(name, hypervisor).plan(overwrite=True), json)

    def apply(self, name: str, hypervisor: str | None, **options: object) -> None:
        network = self.find_managed(name, hypervisor)
        self.carry_out(network, Event.REVERTED, network.wanted, options, overwrite=True)

    def xml(self, name: str, hypervisor: str | None, found: bool, file: str | None, **options: object) -> None:
        network = self.find(name, hypervisor)
        rights.require(self.user, Verb.SEE, network)
        if not file:
            document = network.status.definition if found or not network.managed else network.full_document
            self.stdout.write(pretty(document).rstrip() if document else "")
            return
        network = self.find_managed(name, hypervisor, Verb.ADMINISTER)
        try:
            text = Path("/dev/stdin" if file == "-" else file).read_text()
        except (OSError, UnicodeDecodeError) as problem:
            raise CommandError(f"--file: {problem}") from problem
        form = DocumentForm({"document": text}, network=network, user=self.user)
        check(form, {"document": file})
        wanted = Wanted(document=text, active=network.active, autostart=network.autostart)
        self.carry_out(network, Event.XML, wanted, options)

    def switch(self, name: str, hypervisor: str | None, values: dict, **options: object) -> None:
        network = self.find_managed(name, hypervisor)
        wanted = Wanted(document=network.full_document, **{"autostart": network.autostart, **values})
        self.carry_out(
            network, Event.STARTED if wanted.active else Event.STOPPED, wanted, options, requested=tuple(values)
        )

    def accept(self, name: str, hypervisor: str | None, no_wait: bool, **options: object) -> None:
        network = self.find_managed(name, hypervisor)
        network.accept_found(self.user)
        self.stdout.write(accepted(network))
        self.finish(network, no_wait)

    def adopt_replacement(self, name: str, hypervisor: str | None, no_wait: bool, **options: object) -> None:
        network = self.find_managed(name, hypervisor, Verb.ADOPT)
        network.adopt_replacement(self.user)
        self.stdout.write(f"{network} is now managed as it is in libvirt.")

    def recreate(self, name: str, hypervisor: str | None, **options: object) -> None:
        network = self.find_managed(name, hypervisor, Verb.ADMINISTER)
        steps = network.recreation()
        if options["dry_run"] or options["json"]:
            self.print_plan(steps, options["json"])
            return
        if worst(steps) and not options["yes"]:
            self.print_plan(steps, False)
            raise CommandError("this interrupts running VMs; confirm it with --yes")
        network.recreate(steps, self.user)
        self.finish(network, options["no_wait"])

    def adopt(self, name: str, hypervisor: str | None, no_wait: bool, team: str | None, **options: object) -> None:
        network = self.find(name, hypervisor)
        rights.require(self.user, Verb.ADOPT, network)
        if network.managed:
            self.stdout.write(f"{InvalidTransition(network, Refusal.MANAGED)}.")
            return
        network.adopt(self.user, team_named(self.user, network.hypervisor, team))
        self.finish(network, no_wait)

    def release(self, name: str, hypervisor: str | None, no_wait: bool, **options: object) -> None:
        network = self.find(name, hypervisor)
        rights.require(self.user, Verb.DELETE, network)
        network.release(self.user)

    def import_all(self, hypervisor: str | None, no_wait: bool, **options: object) -> None:
        picked = pick_hypervisor(self.user, hypervisor)
        rights.require_operator(self.user, picked)
        foreign = Network.objects.on(picked).filter(managed=False, status__present=True)
        problems = []
        for network in foreign.select_related("hypervisor", "status"):
            try:
                network.adopt(self.user, team_named(self.user, picked, None))
                self.finish(network, no_wait)
                self.stdout.write(network.name)
            except (CommandError, InvalidTransition, PermissionDenied) as problem:
                problems.append(str(problem))
        if problems:
            raise CommandError("\n".join(problems))

    def history(self, name: str, hypervisor: str | None, **options: object) -> None:
        network = self.find(name, hypervisor)
        rights.require(self.user, Verb.SEE, network)
        self.stdout.write(history_text(network, self.user))

    def rm(self, name: str, hypervisor: str | None, no_wait: bool, disconnect: bool, **options: object) -> None:
        """Request the deletion of a network; an unknown one is a success."""
        # A network that was recreated outside has two rows: libvirt must be left without one of that name.
        named = list(
            Network.objects.visible_to(self.user)
            .on(pick_hypervisor(self.user, hypervisor))
            .filter(name=name)
            .order_by("-managed")
        )
        for network in named:
            rights.require(self.user, Verb.DELETE, network)
        for network in named:
            network.remove(allow_disconnect=network.running_names() if disconnect else ())
            self.finish(network, no_wait)

    def extend(self, name: str, hypervisor: str | None, days: str, until: str, never: bool, **options: object) -> None:
        ends.extend(self, self.find_managed(name, hypervisor), days, until, never)

    def tag(self, name: str, hypervisor: str | None, changes: list[str], **options: object) -> None:
        tags.tag(self, self.find(name, hypervisor), changes)

    def host_add(self, id: int, count: int, hypervisor: str | None, no_wait: bool, **options: object) -> None:
        network = self._access_network(hypervisor)
        try:
            network.reserve_ids(id, count, self.user)
        except ValueError as problem:
            raise CommandError(str(problem)) from problem
        self.finish(network, no_wait)

    def host_rm(self, id: int, count: int, hypervisor: str | None, no_wait: bool, **options: object) -> None:
        network = self._access_network(hypervisor)
        network.release_ids(id, count, self.user)
        self.finish(network, no_wait)

    def _access_network(self, hypervisor: str | None) -> Network:
        """Return the access network, if the user may change it."""
        network = self.find(pick_hypervisor(self.user, hypervisor).access_network, hypervisor)
        rights.require(self.user, Verb.EDIT, network)
        return network
