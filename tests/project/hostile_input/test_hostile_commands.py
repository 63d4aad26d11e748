"""No command fails without an error message.

All inputs come from a seed, which is printed. VIRTERWEB_FUZZ_SEED repeats a run, VIRTERWEB_FUZZ_SHARE shortens it.
"""

import argparse
import contextlib
import io
import time
from collections.abc import Iterator

import pytest
from django.core.management import call_command, load_command_class
from django.core.management.base import CommandError
from django.db import transaction

from tests.project.hostile_input.generated_input import COMMANDS, LONGEST, Generator, failure, report
from tests.project.hostile_input.hostile_values import SEED, SHARE, VALID
from vms.models import VM

pytestmark = pytest.mark.slow


def parsers(parser: argparse.ArgumentParser, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], list]]:
    """Return each verb of a command with its arguments."""
    below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not below:
        yield words, [action for action in parser._actions if action.dest != "help"]
    for action in below:
        for name, each in action.choices.items():
            yield from parsers(each, (*words, name))


def verbs() -> list[tuple[tuple[str, ...], list]]:
    found = []
    for name in ("network", "vm", "inventory", "setup"):
        command = load_command_class("virterweb.hypervisors" if name == "setup" else "vms", name)
        found += parsers(command.create_parser("manage.py", name), (name,))
    # These wait for a worker whatever is said.
    return [each for each in found if not {"configure", "wait-ready"} & set(each[0])]


def words(generator: Generator, verb: tuple[str, ...], actions: list) -> list[str]:
    said = list(verb)
    for action in actions:
        if not action.option_strings:
            value = generator.random.choice(VALID[:8]) if generator.random.random() < 0.7 else generator.value()
            said += [value] * generator.random.choice((1, 1, 1, 2) if action.nargs in ("+", "*") else (1,))
        elif action.dest == "no_wait" or (action.dest in BASE_OPTIONS and generator.random.random() < 0.01):
            said.append(action.option_strings[-1])
        elif action.dest not in BASE_OPTIONS and generator.random.random() < 0.25:
            said += (
                [f"{action.option_strings[-1]}={generator.value()}"]
                if action.nargs != 0
                else action.option_strings[-1:]
            )
    return said


BASE_OPTIONS = {"version", "verbosity", "settings", "pythonpath", "traceback", "no_color", "force_color", "skip_checks"}


def test_every_failed_command_prints_an_error_message(lab, monkeypatch):
    print(f"VIRTERWEB_FUZZ_SEED={SEED}")
    monkeypatch.setattr("virterweb.people.cli.NO_WORKER_TIMEOUT", 0)
    generator, failures, known = Generator(f"{SEED}-commands"), [], verbs()
    monkeypatch.setattr("sys.stderr", io.StringIO())
    for _ in range(int(COMMANDS * SHARE)):
        said = words(generator, *generator.random.choice(known))
        begun = time.process_time()
        try:
            with transaction.atomic():
                with contextlib.suppress(CommandError, SystemExit):
                    call_command(*said, stdout=io.StringIO(), stderr=io.StringIO())
                transaction.set_rollback(True)
            assert time.process_time() - begun < LONGEST, "too slow"
        except Exception:
            failures.append(failure(" ".join(map(repr, said)), begun))
    report(failures)
    assert VM.objects.count() == 2
