"""Shared parts of the commands `network` and `vm`: choice of the hypervisor, tables, and waiting for the worker."""

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, ProgrammingError, connection
from django.db.migrations.executor import MigrationExecutor
from django.forms import Form

from virterweb.activity.origin import system_user
from virterweb.enqueue import LOOK, NOT_NOTIFIED, enqueue, on_failure
from virterweb.hypervisors.claims.clock import database_time
from virterweb.hypervisors.desired.models import Desired
from virterweb.hypervisors.desired.refusals import InvalidTransition
from virterweb.hypervisors.desired.state import State
from virterweb.hypervisors.dispatch.heartbeat import worker_runs
from virterweb.hypervisors.models import Hypervisor
from virterweb.logs.context import about
from virterweb.pages.characters import visible

from . import creating, rights
from .hidden.messages import readable
from .hidden.teams import what_for
from .models import Team

OUTDATED = "the database is not prepared for this version of the portal; `manage.py migrate` prepares it"
NO_WORKER_TIMEOUT = 15.0  # seconds without a poll of the hypervisor until the wait ends


class VerbCommand(BaseCommand):
    """A command of verbs, each a method that takes its options.

    It acts with the rights of `user`: None, the server's own user, who may do everything, unless --user names another.
    """

    requires_system_checks = []  # they import all pages, which takes longer than most commands
    user: AbstractBaseUser | None = None
    arguments: ClassVar[dict[str, str]] = {}  # help texts of the positional arguments

    def verb(
        self,
        verbs,
        name: str,
        handler: Callable,
        text: str,
        *positional: str,
        waits: bool = False,
        user_flags: Sequence[str] = ("--user", "--as-user"),
        of_hypervisor: bool = False,
    ) -> CommandParser:
        """Add a subcommand with the common flags: --user, --hypervisor and, if it waits for workers, --no-wait.

        With `of_hypervisor`, the hypervisor is an argument of the subcommand instead of a flag.
        """
        parser = verbs.add_parser(name, help=text, description=f"{text[:1].upper()}{text[1:]}.")
        for argument in positional:
            parser.add_argument(argument, help=self.arguments.get(argument))
        parser.add_argument(
            *user_flags,
            dest="acting",
            metavar="NAME",
            help="act with the rights of this portal user, and name the user in the history",
        )
        if not of_hypervisor:
            parser.add_argument("--hypervisor", help="name of the hypervisor; required if there are several")
        if waits:
            parser.add_argument(
                "--no-wait",
                action="store_true",
                help="do not wait until a worker has applied the change",
            )
        parser.set_defaults(handler=handler)
        return parser

    def handle(self, *args: object, handler: Callable, acting: str | None = None, **options: object) -> None:
        self.user = portal_user(acting) if acting is not None else None
        on_failure(lambda: self.stderr.write(NOT_NOTIFIED))
        who = {"user": acting, "user_id": self.user.pk} if self.user else {"user": system_user()}
        try:
            with about(command=type(self).__module__.rpartition(".")[2], **who):
                handler(**options)
        except (InvalidTransition, PermissionDenied) as problem:
            raise CommandError(str(problem)) from problem
        except (OperationalError, ProgrammingError) as problem:
            if is_outdated():
                raise CommandError(OUTDATED) from problem
            raise


def is_outdated() -> bool:
    """Return whether the database lacks migrations of this version."""
    loader = MigrationExecutor(connection).loader
    return not loader.disk_migrations.keys() <= loader.applied_migrations.keys()


def portal_user(name: str) -> AbstractBaseUser:
    """Return the active portal user of that name, or raise CommandError."""
    user = get_user_model().objects.filter(username=name, is_active=True).first()
    if user is None:
        raise CommandError(f"there is no active portal user {name}")
    return user


def pick_hypervisor(user: rights.Actor, name: str | None) -> Hypervisor:
    """Return the named hypervisor, or the only one that the user may see; CommandError if there is no such choice."""
    known = list(rights.visible_hypervisors(user).select_related("status"))
    if name:
        known = [one for one in known if one.name == name]
        if not known:
            raise CommandError(f"there is no hypervisor {name}")
    if not known:
        raise CommandError("no hypervisor is known; `manage.py setup --hypervisor NAME=URI` registers one")
    if len(known) > 1:
        raise CommandError(f"choose one with --hypervisor: {', '.join(one.name for one in known)}")
    return known[0]


def add_team(parser: CommandParser) -> None:
    """Add the flag --team to a verb that adds something for a team."""
    parser.add_argument("--team", help="name of the team; the first one for which the user may create something there")


def team_named(user: rights.Actor, hypervisor: Hypervisor, name: str | None) -> Team | None:
    """Return the team that gets what a user adopts: see `creating.team_for`."""
    return creating.team_for(user, hypervisor, **({"name": name} if name else {}))


def await_first_poll(hypervisor: Hypervisor) -> None:
    """Wait until a hypervisor that has just been registered was polled once: its images and networks are known then.

    The wait ends as well if it is unreachable, and if no worker polls it.
    """
    began, status = time.time(), hypervisor.status
    while not (status.observed_at or status.unreachable_since) and time.time() - began < NO_WORKER_TIMEOUT:
        time.sleep(0.1)
        status.refresh_from_db()


def poll_now(hypervisor: Hypervisor) -> None:
    """Have a worker poll a hypervisor, and wait for the result.

    Raises: CommandError if the hypervisor cannot be reached or no worker runs.
    """
    began, asked = time.time(), database_time()
    hypervisor.request_poll()
    enqueue(LOOK, hypervisor.pk)
    status = hypervisor.status
    while not (status.began_at and status.observed_at and asked <= status.began_at <= status.observed_at):
        if status.error and status.began_at and status.began_at >= asked:
            raise CommandError(f"{hypervisor} cannot be polled: {status.error}")
        if time.time() - began > NO_WORKER_TIMEOUT and not worker_runs():
            raise CommandError("the worker is not running, so the current state of libvirt is unknown")
        time.sleep(0.1)
        status.refresh_from_db()


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table as Virter prints it: headings, aligned columns, two spaces between them."""
    lines = [tuple(headings), *(tuple(visible(str(cell)) for cell in row) for row in rows)]
    widths = [max(len(line[index]) for line in lines) for index in range(len(headings))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def history_text(desired: Desired, user: rights.Actor) -> str:
    """Return the history of an object as a table, newest first."""
    rows = []
    for one in desired.revisions.select_related("by"):
        one.desired = desired
        changes = "; ".join(f"{each.field}: {each.found or '–'} → {each.wanted or '–'}" for each in one.changes)
        result = readable(one.error, user) or one.result or "in progress"
        rows.append((f"{one.at:%Y-%m-%d %H:%M:%S}", one.by or "", what_for(one, user), result, changes))
    return table(("When", "Who", "What", "Result", "Changes"), rows)


def wait_for(rows: Sequence[Desired], command: VerbCommand) -> None:
    """Wait until the worker has carried out the rows, or they are gone; raise CommandError with the errors of those.

    On a terminal, stderr names what they wait for. Without a running worker the wait ends with a CommandError, and
    the requests stay.
    """
    waiting, failures, said, began = list(rows), [], "", time.time()
    while waiting:
        waiting = [desired for desired in waiting if not _settled(desired, failures, command.user)]
        if waiting:
            said = _say(waiting, said, command)
            need_worker(began)
            time.sleep(0.1)
    if failures:
        raise CommandError("\n".join(failures))


def _settled(desired: Desired, failures: list[str], user: rights.Actor) -> bool:
    now = type(desired).objects.select_related("status").filter(pk=desired.pk).first()
    if now is None:
        return True
    desired.generation = now.generation
    if now.state == State.FAILED:
        failures.append(
            f"{readable(now.status.error, user)}" + (f"\n  {now.status.detail}" if now.status.detail else "")
        )
        return True
    return now.done


def _say(waiting: Sequence[Desired], said: str, command: BaseCommand) -> str:
    names = ", ".join(str(desired) for desired in waiting)
    progress = type(waiting[0]).objects.filter(pk=waiting[0].pk).values_list("status__progress", flat=True).first()
    text = f"waiting for {names}" + (f": {progress}" if progress else "")
    if text != said and sys.stderr.isatty():
        command.stderr.write(text)
    return text


def need_worker(began: float) -> None:
    """Raise CommandError if no worker runs; one that has just started gets some time."""
    if time.time() - began > NO_WORKER_TIMEOUT and not worker_runs():
        raise CommandError("the worker is not running; the change is saved")


def check(form: Form, flags: dict[str, str]) -> None:
    """Raise CommandError with each error of the form, named by the flag that its field came from."""
    if form.is_valid():
        return
    lines = []
    for field, errors in form.errors.items():
        flag = flags.get(field, "" if field == "__all__" else f"--{field.replace('_', '-')}")
        lines += [f"{flag}: {error}" if flag else str(error) for error in errors]
    raise CommandError("\n".join(lines))
