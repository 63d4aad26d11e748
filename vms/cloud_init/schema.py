"""Checks cloud-config against cloud-init's JSON schema, if the portal's machine has cloud-init. Pure: no ORM."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from . import cloud_config

if TYPE_CHECKING:
    from jsonschema import ValidationError

NAME = "schema-cloud-config-v1.json"
# Debian, Ubuntu and SUSE; then the RHEL family, with varying versions of Python.
PLACES = ("/usr/lib/python3/dist-packages", "/usr/lib/python3*/site-packages")
MAX_VALUES = 5_000  # values: the schema has alternatives, each of which is tried
NOUNS = {
    **{"string": "text", "array": "a list", "object": "a mapping", "null": "nothing", "boolean": "true or false"},
    **{"integer": "a whole number", "number": "a number"},
}


def find(path: str = "") -> dict | None:
    """Return the schema from a file, or from the system's cloud-init; None if there is neither."""
    root = Path("/")
    there = (file for place in PLACES for file in sorted(root.glob(f"{place}/cloudinit/config/schemas/{NAME}"[1:])))
    file = Path(path) if path else next(there, None)
    return _read(file, file.stat().st_mtime_ns) if file and file.exists() else None


@cache
def _read(file: Path, changed_at: int) -> dict:
    return json.loads(file.read_text())


def deviations(text: str, root: yaml.MappingNode, schema: dict) -> Iterator[tuple[str, str]]:
    """Yield the top key and a sentence for each deviation from the schema. The text must have no errors."""
    from jsonschema import Draft4Validator

    values = _plain(cloud_config.values(text)) if _size(root) <= MAX_VALUES else None
    if values is None or _size(values) > MAX_VALUES:
        yield "", f"It has more than {MAX_VALUES:,} values, too many for a check against cloud-init’s schema."
        return
    said = set()
    for error in sorted(Draft4Validator(schema).iter_errors(values), key=lambda error: list(map(str, error.path))):
        for path, words in _sentences(error):
            sentence = f"Line {cloud_config.line_of(root, path)}: {words}."
            if sentence not in said:
                said.add(sentence)
                yield str(path[0]) if path else "", sentence


def _sentences(error: "ValidationError") -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield the path of each error, and a sentence."""
    path = tuple(error.absolute_path)
    where = ".".join(map(str, path)) or "it"
    match error.validator:
        case "additionalProperties" if isinstance(error.instance, dict):
            for key in error.instance.keys() - error.schema.get("properties", {}).keys():
                inside = f" in {where}" if path else ""
                yield (*path, key), f"cloud-init does not know {key}{inside}"
        case "type":
            yield path, f"{where} is {_short(error.instance)}, but cloud-init expects {_kinds(error.validator_value)}"
        case "oneOf" | "anyOf" if error.context:
            fitting = [one for one in error.context if one.validator != "type" or one.relative_path]
            if fitting:
                yield from _sentences(fitting[0])
            else:
                kinds = [kind for one in error.context for kind in _list(one.validator_value)]
                yield path, f"{where} is {_short(error.instance)}, but cloud-init expects {_kinds(kinds)}"
        case "enum":
            allowed = ", ".join(map(str, error.validator_value))
            yield path, f"{where} is {_short(error.instance)}, but cloud-init expects one of {allowed}"
        case "required":
            lacking = [key for key in error.validator_value if key not in error.instance]
            yield path, f"{where} lacks {', '.join(lacking)}, which cloud-init needs"
        case _:
            yield path, f"{where}: {error.message if len(error.message) <= 120 else error.message[:119] + '…'}"


def _kinds(kinds: str | list[str]) -> str:
    return " or ".join(dict.fromkeys(NOUNS.get(kind, kind) for kind in _list(kinds)))


def _list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _short(value: object) -> str:
    if value is None or isinstance(value, dict | list):
        return NOUNS[{dict: "object", list: "array"}.get(type(value), "null")]
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"“{text}”" if len(text) <= 40 else f"“{text[:40]}…”"


def _plain(value: object) -> object:
    """Return the value as in JSON: keys are text."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _size(value: object) -> int:
    """Return the number of nodes, without expanding aliases."""
    waiting, count, seen = [value], 0, set()
    while waiting:
        one = waiting.pop()
        count += 1
        if isinstance(one, yaml.Node):
            waiting += [child for _, _, child in cloud_config.children(one) if id(child) not in seen]
            seen.add(id(one))
        else:
            waiting += one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
    return count
