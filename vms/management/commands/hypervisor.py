"""`manage.py hypervisor rebuild NAME`: define again the networks and VMs that a hypervisor has lost."""

import sys
from collections.abc import Iterable
from typing import ClassVar

from django.core.management.base import CommandError, CommandParser

from virterweb.hypervisors.desired.one_at_a_time import exclusive
from virterweb.hypervisors.desired.refusals import InvalidTransition
from virterweb.hypervisors.models import Hypervisor
from virterweb.people import rights
from virterweb.people.cli import VerbCommand, pick_hypervisor, poll_now, table, wait_for
from vms.models import VM
from vms.rebuild.plan import Step, carry_out, plan


class Command(VerbCommand):
    help = "Rebuild a hypervisor from the database, and list leftovers."
    arguments: ClassVar = {"name": "name of the hypervisor"}

    def add_arguments(self, parser: CommandParser) -> None:
        self.verbs = verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        text = "define again the managed networks and VMs that libvirt has lost, with their UUIDs and MAC addresses"
        rebuild = self.verb(verbs, "rebuild", self.rebuild, text, "name", of_hypervisor=True)
        rebuild.add_argument("--start", action="store_true", help="also start the VMs that should run")
        rebuild.add_argument("--dry-run", action="store_true", help="print the plan and do nothing")
        rebuild.add_argument("--yes", action="store_true", help="do not ask for confirmation")

    def rebuild(self, name: str, start: bool, dry_run: bool, yes: bool, **options: object) -> None:
        hypervisor = pick_hypervisor(self.user, name)
        rights.require_operator(self.user, hypervisor)
        poll_now(hypervisor)
        steps = plan(hypervisor, start=start)
        if steps:
            self.stdout.write(plan_text(steps))
        possible = [step for step in steps if step.is_possible]
        if not possible:
            self.stdout.write(f"Nothing to do on {hypervisor}.")
        elif not dry_run:
            self._confirm(hypervisor, yes)
            self._carry_out(hypervisor, possible)

    def _confirm(self, hypervisor: Hypervisor, yes: bool) -> None:
        """Ask on a terminal whether to carry out the plan.

        Raises: CommandError if the answer is no, or nobody can be asked.
        """
        if yes:
            return
        if not sys.stdin.isatty():
            raise CommandError("confirm this plan with --yes")
        self.stdout.write(f"Rebuild {hypervisor}? [y/N] ", ending="")
        self.stdout.flush()
        if input().strip().lower() not in ("y", "yes"):
            raise CommandError("nothing was changed")

    def _carry_out(self, hypervisor: Hypervisor, steps: list[Step]) -> None:
        """Carry out the steps, networks before VMs, and print the result of each.

        Raises: CommandError if a step fails.
        """
        failures = 0
        networks = [step for step in steps if not isinstance(step.desired, VM)]
        vms = [step for step in steps if isinstance(step.desired, VM)]
        for group in (networks, vms):
            with exclusive(hypervisor):
                requested = [step for step in group if self._request(step)]
            failures += len(group) - len(requested)
            for step in requested:
                failures += not self._report(step)
        if failures:
            raise CommandError(f"{failures} of {len(steps)} steps failed")

    def _request(self, step: Step) -> bool:
        """Request a step; return False, and print the reason, if its object was deleted since the plan was made."""
        try:
            carry_out(step, self.user)
        except InvalidTransition as problem:
            self.stdout.write(f"{kind_of(step)} {step.desired}: failed: {problem}")
            return False
        return True

    def _report(self, step: Step) -> bool:
        """Wait until a step is carried out, and print its result; return whether it succeeded."""
        result, succeeded = done_text(step), True
        try:
            wait_for([step.desired], self)
        except CommandError as problem:
            result, succeeded = f"failed: {problem}", False
        self.stdout.write(f"{kind_of(step)} {step.desired}: {result}")
        return succeeded


def kind_of(step: Step) -> str:
    return step.desired._meta.verbose_name


def plan_text(steps: Iterable[Step]) -> str:
    """Return the plan as a table."""
    rows = [(kind_of(step), step.desired, *_what(step)) for step in steps]
    return table(("Type", "Name", "Step", "Reason"), rows)


def _what(step: Step) -> tuple[str, str]:
    if step.problem:
        return "skip", str(step.problem)
    if not step.defines:
        return "start", ""
    return ("define and start" if step.starts else "define"), ""


def done_text(step: Step) -> str:
    if not step.defines:
        return "started"
    return "defined and started" if step.starts else "defined"
