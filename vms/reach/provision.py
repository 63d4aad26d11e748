"""What `vm exec` runs in guests: a script, or the steps of Virter's provisioning file.

https://github.com/LINBIT/virter/blob/master/doc/provisioning.md
"""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from virterweb.messages import Failure, Message

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, kw_only=True)
class Shell:
    script: str
    env: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Rsync:
    """Copies files of this machine, which may be a pattern, to each guest."""

    source: str
    dest: str


Step = Shell | Rsync


def settings(texts: Iterable[str]) -> dict[str, str]:
    """Return environment variables of NAME=VALUE or, as in Virter, env.NAME=VALUE; Failure if one is neither."""
    found = {}
    for text in texts:
        name, given, value = text.removeprefix("env.").partition("=")
        if not given or not VARIABLE.fullmatch(name):
            raise Failure(Message("reach.bad_setting", text=text))
        found[name] = value
    return found


def steps_of(path: str, env: dict[str, str]) -> list[Step]:
    """Return the steps of a file: of a TOML file those in it, else the script; `env` has precedence over its own.

    Raises Failure if it cannot be read, or has steps that are not supported.
    """
    try:
        text = Path(path).read_text()
    except (OSError, UnicodeDecodeError) as problem:
        raise Failure(Message("reach.no_file", path=path, reason=str(problem))) from problem
    if not path.endswith(".toml"):
        return [Shell(script=text, env=env)]
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise Failure(Message("reach.no_toml", path=path, reason=str(problem))) from problem
    if document.get("values"):
        raise Failure(Message("reach.values", path=path))
    return [_step(path, number, document, env) for number in range(len(_list(document.get("steps"))))]


def _step(path: str, number: int, document: dict, env: dict[str, str]) -> Step:
    step = _table(document["steps"][number])
    shell, rsync = _table(step.get("shell")), _table(step.get("rsync"))
    if isinstance(shell.get("script"), str):
        own = {**_table(document.get("env")), **_table(shell.get("env"))}
        return Shell(script=shell["script"], env=settings(f"{name}={value}" for name, value in own.items()) | env)
    if isinstance(rsync.get("source"), str) and isinstance(rsync.get("dest"), str):
        return Rsync(source=rsync["source"], dest=rsync["dest"])
    raise Failure(Message("reach.unknown_step", path=path, number=number + 1))


def _table(value: object) -> dict:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list:
    return value if isinstance(value, list) else []
