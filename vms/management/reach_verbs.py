"""The verbs `vm ssh`, `vm exec` and `vm cp`, which reach guests by SSH."""

import argparse
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from django.core.management.base import CommandError

from virterweb.activity.choices import Result
from virterweb.hypervisors.desired.revisions import note_activity
from virterweb.messages import Failure, Message
from vms.definition.events import Event
from vms.management.verbs import VMVerbs
from vms.models import VM
from vms.reach import provision, running
from vms.reach.login import Login, login


class ReachVerbs(VMVerbs):
    """Whoever may change the guest network configuration, which runs as root in the guest, may also log in to it."""

    def add_reach_arguments(self, verbs) -> None:
        ssh = self.verb(verbs, "ssh", self.ssh, "log in to a VM, or run a command there with this terminal", "name")
        ssh.add_argument("command", nargs=argparse.REMAINDER, help="command to run instead of a login shell")
        execute = self.verb(verbs, "exec", self.exec, "run a script or, after --, a command in VMs at the same time")
        execute.add_argument("names", nargs="+", metavar="name", help="names of the VMs")
        text = "script, or TOML file with shell and rsync steps as Virter has them"
        execute.add_argument("--provision", "-p", default="", metavar="FILE", help=text)
        text = "environment variable of the script; can be repeated"
        execute.add_argument("--set", "-s", action="append", default=[], metavar="NAME=VALUE", help=text)
        _split_at_dashes(execute)
        copy = self.verb(verbs, "cp", self.cp, "copy files and folders from or to a VM")
        copy.add_argument("paths", nargs="+", metavar="[NAME:]PATH", help="sources, then the destination")

    def ssh(self, name: str, hypervisor: str | None, command: list[str], **options: object) -> None:
        words = command[1:] if command[:1] == ["--"] else command
        self._reach([name], hypervisor, lambda logins: running.shell(logins[0], words))

    def exec(self, names: list[str], hypervisor: str | None, words: list[str], **options: object) -> None:
        path = options["provision"]
        if bool(words) == bool(path):
            raise CommandError(str(Message("reach.both_to_run" if path else "reach.nothing_to_run")))
        try:
            steps = provision.steps_of(path, provision.settings(options["set"])) if path else []
        except Failure as problem:
            raise CommandError(str(problem)) from problem

        def run(logins: Sequence[Login]) -> int:
            if words:
                return running.command(logins, words)
            return next((status for step in steps if (status := running.step(logins, step))), 0)

        self._reach(names, hypervisor, run)

    def cp(self, paths: list[str], hypervisor: str | None, **options: object) -> None:
        places = [_place(path) for path in paths]
        sources, (to, _) = {vm for vm, _ in places[:-1]}, places[-1]
        if len(sources) > 1:
            raise CommandError(str(Message("reach.two_places")))
        name = to or next(iter(sources), "")
        if not name or len(paths) < 2:
            raise CommandError(str(Message("reach.no_path")))
        if to and sources != {""}:
            raise CommandError(str(Message("reach.two_vms")))

        def run(logins: Sequence[Login]) -> int:
            *first, last = (logins[0].path(path) if vm else path for vm, path in places)
            return running.copy(logins[0], first, last)

        self._reach([name], hypervisor, run)

    def _reach(self, names: list[str], hypervisor: str | None, run: Callable[[Sequence[Login]], int]) -> None:
        """Record the login to each VM, log in, and exit with the status of the program."""
        vms = [self.find(name, hypervisor, managed=False) for name in dict.fromkeys(names)]
        try:
            with ExitStack() as stack:
                logins = [stack.enter_context(login(vm)) for vm in vms]
                self._record(vms)
                status = run(logins)
        except Failure as problem:
            raise CommandError(str(problem)) from problem
        if status:
            raise SystemExit(status)

    def _record(self, vms: Sequence[VM]) -> None:
        for vm in vms:
            note_activity(vm, Event.LOGGED_IN, self.user, result=Result.DONE)


def _split_at_dashes(parser: argparse.ArgumentParser) -> None:
    """Have a parser take what follows -- as `words`: argparse does not tell it from positional arguments."""
    parse = parser.parse_known_args

    def parse_known_args(args: list[str], namespace: object = None) -> tuple[argparse.Namespace, list[str]]:
        at = args.index("--") if "--" in args else len(args)
        found, unknown = parse(args[:at], namespace)
        found.words = args[at + 1 :]
        return found, unknown

    parser.parse_known_args = parse_known_args


def _place(path: str) -> tuple[str, str]:
    """Return the VM, "" for this machine, and the path there; a colon after a slash is part of a path."""
    name, colon, rest = path.partition(":")
    return (name, rest) if colon and "/" not in name else ("", path)
