"""What the commands `network` and `vm` share: choosing the hypervisor, printing tables, waiting for the worker."""

import sys
import time
from collections.abc import Callable, Iterable, Sequence

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.forms import Form

from .models import Hypervisor
from .reconcile import Desired, State

NO_WORKER = 15.0  # seconds without a look at the hypervisor until the wait is given up


class VerbCommand(BaseCommand):
    """A command of verbs, each a method that takes its options."""

    def verb(
        self, verbs, name: str, handler: Callable, text: str, *positional: str, waits: bool = False
    ) -> CommandParser:
        """A subcommand with what all have: --hypervisor, and --no-wait if it writes."""
        parser = verbs.add_parser(name, help=text)
        for argument in positional:
            parser.add_argument(argument)
        parser.add_argument("--hypervisor", help="which, where there is more than one")
        if waits:
            parser.add_argument("--no-wait", action="store_true", help="do not wait for the worker")
        parser.set_defaults(handler=handler)
        return parser

    def handle(self, *args: object, handler: Callable, **options: object) -> None:
        handler(**options)


def pick_hypervisor(name: str | None) -> Hypervisor:
    """The named hypervisor, or the only one."""
    known = list(Hypervisor.objects.select_related("status"))
    if name:
        known = [one for one in known if one.name == name]
        if not known:
            raise CommandError(f"there is no hypervisor {name}")
    if not known:
        raise CommandError("no hypervisor is known; `manage.py setup --hypervisor NAME=URI` registers one")
    if len(known) > 1:
        raise CommandError(f"say which with --hypervisor: {', '.join(one.name for one in known)}")
    return known[0]


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Virter's way: headings, columns aligned, two spaces between."""
    lines = [tuple(headings), *(tuple(str(cell) for cell in row) for row in rows)]
    widths = [max(len(line[index]) for line in lines) for index in range(len(headings))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def wait_for(wishes: Sequence[Desired], command: BaseCommand) -> None:
    """Wait until the worker has carried out the wishes, or they are gone; CommandError with the reasons if one failed.

    What a wish waits for is said on stderr when that is a terminal. Without a running worker it is given up; the wish
    stays.
    """
    waiting, failures, said, began = list(wishes), [], "", time.time()
    while waiting:
        waiting = [wish for wish in waiting if not _settled(wish, failures)]
        if waiting:
            said = _say(waiting, said, command)
            _need_worker(waiting[0], began)
            time.sleep(0.1)
    if failures:
        raise CommandError("\n".join(failures))


def _settled(wish: Desired, failures: list[str]) -> bool:
    now = type(wish).objects.select_related("status").filter(pk=wish.pk).first()
    if now is None:
        return True
    wish.generation = now.generation
    if not now.done:
        return False
    if now.state == State.FAILED:
        failures.append(now.status.error + (f"\n  {now.status.detail}" if now.status.detail else ""))
    return True


def _say(waiting: Sequence[Desired], said: str, command: BaseCommand) -> str:
    names = ", ".join(str(wish) for wish in waiting)
    progress = type(waiting[0]).objects.filter(pk=waiting[0].pk).values_list("status__progress", flat=True).first()
    text = f"waiting for {names}" + (f": {progress}" if progress else "")
    if text != said and sys.stderr.isatty():
        command.stderr.write(text)
    return text


def _need_worker(wish: Desired, began: float) -> None:
    """Give up when nobody looks at the hypervisor, successfully or not; one that has just started may take its time."""
    status = Hypervisor.objects.select_related("status").get(pk=wish.hypervisor_id).status
    if status.next_look is None:
        return
    late = time.time() - status.next_look.timestamp()
    if min(late, time.time() - began) > NO_WORKER:
        raise CommandError(f"the worker does not run (last look {late:.0f} s overdue); the wish is kept")


def check(form: Form, flags: dict[str, str]) -> None:
    """CommandError with each of the form's errors, named by the flag that its field came from."""
    if form.is_valid():
        return
    lines = []
    for field, errors in form.errors.items():
        flag = flags.get(field, "" if field == "__all__" else f"--{field.replace('_', '-')}")
        lines += [f"{flag}: {error}" if flag else str(error) for error in errors]
    raise CommandError("\n".join(lines))
