"""Checks of XML documents that users type: libvirt's schema, name and UUID, invisible characters.

Pure except for the schema files of libvirt's package; without them, only libvirt checks a document, on definition.
"""

import copy
import re
import uuid as uuids
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lxml import etree

from virterweb.messages import Message, add_wording

from .characters import hidden_in

add_wording(
    {
        "xml.schema": "{text} (from libvirt’s schema)",
        "xml.hidden": "Invisible characters are not allowed: {hidden}.",
    }
)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A problem, and its line of the text; 0 if it has none."""

    line: int
    message: Message

    def __str__(self) -> str:
        return f"Line {self.line}: {self.message}" if self.line else str(self.message)


def at(element: etree._Element, message: Message) -> Problem:
    return Problem(line=element.sourceline or 0, message=message)


@cache
def _schema(path: Path) -> etree.RelaxNG | None:
    return etree.RelaxNG(etree.parse(path)) if path.exists() else None


def by_schema(root: etree._Element, path: Path, newer: Collection[str] = ()) -> Iterator[Problem]:
    """Yield the first error by a schema; elements that are `newer` than some libvirts are left out."""
    schema = _schema(path)
    if schema is None:
        return
    judged = copy.deepcopy(root)
    for tag in newer:
        for each in judged.findall(tag):
            judged.remove(each)
    if not schema.validate(judged):
        log = list(schema.error_log)
        # libxml2 also reports every parent as wrong, and knows the line of only some of these errors.
        line = next((error.line for error in log if error.line), 0)
        yield Problem(line=line, message=Message("xml.schema", text=log[0].message))


def identity(root: etree._Element, name: str, uuid: str, code: str) -> Iterator[Problem]:
    """Yield changes of name or UUID, for libvirt another spelling is another object; `code` begins the codes."""
    found = root.find("name")
    if found is None:
        yield at(root, Message(f"{code}no_name"))
    elif root.xpath("string(name)") != name:
        yield at(found, Message(f"{code}name", name=name))
    found = root.find("uuid")
    if found is not None and _uuid(root.xpath("string(uuid)")) != _uuid(uuid):
        yield at(found, Message(f"{code}uuid", uuid=uuid))


def _uuid(text: str) -> uuids.UUID | None:
    with suppress(ValueError):
        return uuids.UUID(text.strip())
    return None


def hidden(root: etree._Element, before: etree._Element | None) -> Iterator[Problem]:
    """Yield texts and attributes with invisible characters, unless the document had them `before`."""
    known = {value for _, value in _texts(before)} if before is not None else set()
    for line, value in _texts(root):
        if value not in known and (found := hidden_in(re.sub(r"[\t\r\n]", " ", value))):
            yield Problem(line=line, message=Message("xml.hidden", hidden=found))


def _texts(root: etree._Element) -> Iterator[tuple[int, str]]:
    """Yield every text and attribute of a document, with its line."""
    for element in root.iter(etree.Element):
        for value in (element.text, *element.attrib.values()):
            if value:
                yield element.sourceline or 0, value
