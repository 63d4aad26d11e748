"""A network's document that somebody typed, checked before it is a wish: well-formed, by libvirt's schema, by ours.

Pure but for the schema's file, which libvirt's package brings; without it libvirt alone judges, when it is defined.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.core.exceptions import ValidationError
from lxml import etree

from . import rules
from .network_xml import DocumentError, read

SCHEMA = Path("/usr/share/libvirt/schemas/network.rng")
NEWER = ("title", "description")  # libvirt 9.7 has them; an older schema does not, and an older libvirt drops them


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What is wrong, and at which line of the text; 0 if at none."""

    line: int
    text: str

    def __str__(self) -> str:
        return f"Line {self.line}: {self.text}" if self.line else self.text


def problems(document: str, name: str, uuid: str) -> list[Problem]:
    """All that is wrong with a document for the network of this name and UUID."""
    try:
        root = read(document)
    except DocumentError as problem:
        return [Problem(line=problem.line, text=str(problem))]
    return [*_by_schema(root), *_by_rules(root, name, uuid)]


@cache
def _schema() -> etree.RelaxNG | None:
    return etree.RelaxNG(etree.parse(SCHEMA)) if SCHEMA.exists() else None


def _by_schema(root: etree._Element) -> Iterator[Problem]:
    schema = _schema()
    if schema is None:
        return
    judged = copy.deepcopy(root)
    for tag in NEWER:
        for each in judged.findall(tag):
            judged.remove(each)
    if not schema.validate(judged):
        log = list(schema.error_log)
        # libxml2 goes on to say of each parent that it is wrong too, and knows the line only of some of this.
        line = next((error.line for error in log if error.line), 0)
        yield Problem(line=line, text=f"{log[0].message}, says libvirt’s schema.")


def _by_rules(root: etree._Element, name: str, uuid: str) -> Iterator[Problem]:
    for tag, kept in (("name", name), ("uuid", uuid)):
        found = root.find(tag)
        if found is None and tag == "name":
            yield Problem(line=root.sourceline or 0, text="A network has a name.")
        elif found is not None and (found.text or "").strip().lower() != kept.lower():
            yield Problem(line=found.sourceline or 0, text=f"The {tag} stays {kept}: libvirt gives a network no other.")
    blocks = []
    for ip in root.findall("ip"):
        length = ip.get("prefix") or ip.get("netmask")
        if not ip.get("address") or not length:
            continue
        try:
            interface = rules.read_cidr(f"{ip.get('address')}/{length}")
        except ValidationError as problem:
            yield Problem(line=ip.sourceline or 0, text=" ".join(problem.messages))
            continue
        if overlap := rules.find_overlap(interface.network, blocks):
            yield Problem(line=ip.sourceline or 0, text=overlap)
        blocks.append((interface.network, "this network itself"))
    for path, attribute, check in (("bridge", "name", rules.validate_bridge), ("mtu", "size", _check_mtu)):
        for each in root.findall(path):
            if each.get(attribute):
                try:
                    check(each.get(attribute))
                except ValidationError as problem:
                    yield Problem(line=each.sourceline or 0, text=" ".join(problem.messages))


def _check_mtu(text: str) -> None:
    for validate in rules.MTU:
        validate(int(text) if text.isdecimal() else 0)
