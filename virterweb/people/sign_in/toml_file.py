"""Configuration files in TOML whose tables are dataclasses."""

import tomllib
from dataclasses import MISSING, fields
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


class WrongConfiguration(Exception):
    """The file cannot be used; the text says why."""


def tables(path: str) -> dict[str, object]:
    """Return what a file says.

    Raises:
        WrongConfiguration: It cannot be read, or is not TOML.
    """
    try:
        return tomllib.loads(Path(path).read_text())
    except (OSError, ValueError) as error:
        raise WrongConfiguration(f"{path}: {error}") from error


def build(kind: type[T], where: str, table: dict[str, object], **known: object) -> T:
    """Return a dataclass with the values of a table.

    Raises:
        WrongConfiguration: A value is missing, unknown or of a wrong type.
    """
    types = {each.name: getattr(each.type, "__origin__", each.type) for each in fields(kind) if each.name not in known}
    for each in fields(kind):
        if each.name in types and each.default is each.default_factory is MISSING and not table.get(each.name):
            raise WrongConfiguration(f"{where} has no {each.name}")
    for name, value in table.items():
        if name not in types:
            raise WrongConfiguration(f"{where} has the unknown setting {name}")
        if not isinstance(value, types[name]):
            raise WrongConfiguration(f"{where}: {name} must be of the type {types[name].__name__}")
    return kind(**known, **table)
