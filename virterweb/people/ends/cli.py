"""The verb `extend` of the commands `vm` and `network`."""

from collections.abc import Callable

from virterweb.people.cli import VerbCommand, check

from .ending import Ending
from .forms import EXAMPLE, EndForm
from .views import end_text


def add_extend(command: VerbCommand, verbs, handler: Callable, kind: str) -> None:
    """Add the verb; `handler` finds the object and calls `extend`."""
    text = f"extend a {kind} as its team defines, or set its end date"
    parser = command.verb(verbs, "extend", handler, text, "name")
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--days", help="set the end date to this number of days from now")
    group.add_argument("--until", help=f"set the end date to this time, {EXAMPLE}")
    group.add_argument(
        "--never", action="store_true", help="remove the end date; if the team has a limit, only operators may"
    )


def extend(command: VerbCommand, thing: Ending, days: str | None, until: str | None, never: bool) -> None:
    """Extend an object, or set or remove its end date; print the new one."""
    thing.require(managed=True)
    if days is None and until is None and not never:
        thing.extend(command.user)
    else:
        form = EndForm({"days": days, "until": until}, thing=thing, by=command.user)
        check(form, {"until": "--never" if never else "--until"})
        form.save()
    command.stdout.write(end_text(thing))
