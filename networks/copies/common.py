"""A network as text for a ticket or a script: Virter's command, a virsh script, a Terraform resource. Pure.

No ORM, no libvirt. What a tool cannot express is found by building the network that it would create, and comparing.
"""

import re
from collections.abc import Iterable

from lxml import etree

from networks.definition.document.compare import differences
from networks.definition.document.edit import OWN_BRIDGE
from networks.definition.document.leaves import Field
from networks.definition.document.parse import parse, read


def left_out(document: str, made: str) -> list[str]:
    """Return the titles of the fields that a tool writes differently from the document.

    What libvirt writes into every definition by itself, no tool needs to say.
    """
    spec = parse(document)
    filled = {("uuid", spec.uuid.strip())}
    if spec.forward_mode in OWN_BRIDGE and re.fullmatch(r"virbr\d+", spec.bridge):
        filled.add(("bridge name", spec.bridge))
    if (mac := read(document).find("mac")) is not None and mac.get("address", "").startswith("52:54:00:"):
        filled.add(("mac address", mac.get("address", "").lower()))
    known = {(Field(path), value) for path, value in filled}
    left = (str(one.field) for one in differences(document, made) if (one.field, one.wanted) not in known)
    return list(dict.fromkeys(left))


def comment(text: str, fields: Iterable[str]) -> str:
    """Return a comment of one line, even if a field name, such as a namespace, contains line breaks."""
    names = ", ".join(" ".join(field.split()) for field in fields)
    return f"# {text}: {names}\n" if names else ""


def document_text(root: etree._Element) -> str:
    return etree.tostring(root.getroottree(), encoding="unicode").strip()


def for_any_host(document: str) -> etree._Element:
    """Return the definition without its UUID, which two networks must not share, and without the count of NICs."""
    root = read(document)
    for uuid in root.findall("uuid"):
        root.remove(uuid)
    root.attrib.pop("connections", None)
    return root


def delimiter(text: str) -> str:
    """Return a delimiter for a here-document that is no line of the text."""
    lines, word = {line.strip() for line in text.splitlines()}, "END"
    while word in lines:
        word += "_"
    return word
