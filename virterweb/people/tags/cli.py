"""The verb `tag` and the flag `--tag` of the commands `vm` and `network`."""

from argparse import REMAINDER, ArgumentParser
from collections.abc import Callable

from django.core.management.base import CommandError

from virterweb.messages import InvalidValue
from virterweb.people import rights
from virterweb.people.cli import VerbCommand
from virterweb.people.owned import OwnedQuerySet
from virterweb.people.verbs import Verb

from . import listing, names
from .tagged import Tagged


def add_tag(command: VerbCommand, verbs, handler: Callable, kind: str) -> None:
    """Add the verb; `handler` finds the object and calls `tag`."""
    text = f"print the tags of a {kind}, or add and remove some"
    parser = command.verb(verbs, "tag", handler, text, "name")
    changes = "+TAG adds a tag, -TAG removes one; flags are given before the name"
    parser.add_argument("changes", nargs=REMAINDER, metavar="+TAG|-TAG", help=changes)


def tag(command: VerbCommand, thing: Tagged, changes: list[str]) -> None:
    """Change the tags of an object as requested, and print those that it has then, one a line."""
    if changes:
        rights.require(command.user, Verb.EDIT, thing)
        add, remove = _read(changes)
        try:
            thing.change_tags(add=add, remove=remove, by=command.user)
        except InvalidValue as problem:
            raise CommandError(str(problem)) from problem
    for each in thing.tag_names:
        command.stdout.write(each)


def _read(changes: list[str]) -> tuple[frozenset[str], frozenset[str]]:
    """Return the tags to add and those to remove."""
    for word in changes:
        if word.startswith("--"):
            raise CommandError(f"{word}: flags are given before the name")
        if word[:1] not in ("+", "-"):
            raise CommandError(f"{word}: begin with + to add the tag, or with - to remove it")
    try:
        add, remove = (names.parsed(" ".join(word[1:] or word for word in changes if word[0] == sign)) for sign in "+-")
    except InvalidValue as problem:
        raise CommandError(str(problem)) from problem
    return add, remove


def add_flag(parser: ArgumentParser, kind: str) -> None:
    """Add the flag --tag, which chooses objects of that kind."""
    parser.add_argument("--tag", metavar="TAG", help=f"choose the {kind} that have this tag")


def tagged(rows: OwnedQuerySet, tag: str | None) -> OwnedQuerySet:
    """Return the rows that the flag --tag chooses; all without the flag."""
    return rows if tag is None else listing.having(rows, tag.lower())
