"""Runs ssh, scp and rsync for guests; they write to the terminal, and their exit status is returned."""

import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from glob import glob

from virterweb.messages import Failure, Message

from .login import Login
from .provision import Rsync, Shell, Step

# The script is a file in the guest, so that programs in it do not read the rest of it as their input.
RUN = (
    'f=$(mktemp) && cat >"$f" || exit; s=sh; command -v bash >/dev/null && s=bash; '
    '$s "$f" </dev/null; r=$?; rm -f "$f"; exit $r'
)


def shell(login: Login, command: Sequence[str]) -> int:
    """Run a command in a guest with this terminal, or a login shell without one; return the exit status."""
    return subprocess.run([*login.ssh, *command]).returncode


def command(logins: Sequence[Login], words: Sequence[str]) -> int:
    """Run a command in all guests at the same time; return the exit status of the first that failed, else 0."""
    return _in_each(logins, lambda each: _said(each, [*each.ssh, shlex.join(words)], "", len(logins) > 1))


def step(logins: Sequence[Login], step: Step) -> int:
    """Carry out a step in all guests at the same time; return the exit status of the first that failed, else 0."""
    if isinstance(step, Shell):
        text = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in step.env.items()) + step.script
        words = ["sh", "-c", shlex.quote(RUN)]
        return _in_each(logins, lambda each: _said(each, [*each.ssh, *words], text, len(logins) > 1))
    return _in_each(logins, lambda each: _rsync(each, step, len(logins) > 1))


def copy(login: Login, sources: Sequence[str], destination: str) -> int:
    """Copy files and folders by scp, which takes paths in the guest as `login.path` gives them; return its status."""
    if not shutil.which("scp"):
        raise Failure(Message("reach.no_program", program="scp"))
    return subprocess.run(["scp", "-rp", *login.options, "--", *sources, destination]).returncode


def _rsync(login: Login, step: Rsync, named: bool) -> int:
    if not shutil.which("rsync"):
        raise Failure(Message("reach.no_program", program="rsync"))
    ssh = shlex.join(["ssh", *login.options])
    sources = glob(step.source) or [step.source]  # noqa: PTH207, the pattern may be absolute
    return _said(login, ["rsync", "-a", "-e", ssh, "--", *sources, login.path(step.dest)], "", named)


def _in_each(logins: Sequence[Login], run: Callable[[Login], int]) -> int:
    with ThreadPoolExecutor(max_workers=len(logins)) as threads:
        return next((status for status in threads.map(run, logins) if status), 0)


def _said(login: Login, words: Sequence[str], text: str, named: bool) -> int:
    """Run a program with a text as its input and print its output, each line with the name of the VM if `named`."""
    if not named:
        return subprocess.run(words, input=text.encode()).returncode
    done = subprocess.run(words, input=text.encode(), capture_output=True)
    for output, stream in ((done.stdout, sys.stdout), (done.stderr, sys.stderr)):
        lines = output.decode(errors="replace").splitlines()
        stream.write("".join(f"{login.vm.name}: {line}\n" for line in lines))
        stream.flush()
    return done.returncode
