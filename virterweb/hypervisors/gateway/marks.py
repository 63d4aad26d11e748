"""The mark that a portal leaves in the <metadata> of what it defines, so that another portal can tell who did. Pure.

The mark belongs to no configuration: the gateway adds it to what it defines, and removes it from what it reads.
"""

from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Self

from lxml import etree

NAMESPACE = "urn:virterweb:portal:1"
PREFIX = "virterweb"
TAG = f"{{{NAMESPACE}}}portal"
LONGEST = 200  # characters of a value: others may write anything there
_PARSER = etree.XMLParser(encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
_BEFORE = ("name", "uuid", "genid", "title", "description")


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A portal: its ID, which only differs from one database to another, its URL, and the machine of its worker."""

    id: str
    url: str = ""
    host: str = ""

    @classmethod
    def of(cls, element: etree._Element) -> Self:
        """Return the mark in an element."""
        return cls(**{name: element.get(name, "")[:LONGEST] for name in ("id", "url", "host")})

    @property
    def element(self) -> str:
        """Return the mark as an element without its namespace, as `virDomainSetMetadata` takes it."""
        return etree.tostring(etree.Element("portal", self._values()), encoding="unicode")

    def marked(self, document: str) -> str:
        """Return a document with this mark, in the place of any other; one that is not XML stays as it is."""
        try:
            root = etree.fromstring(document.encode(), _PARSER)
        except etree.XMLSyntaxError:
            return document
        remove(root)
        metadata = root.find("metadata")
        if metadata is None:
            metadata = etree.Element("metadata")
            before = [child for child in root if child.tag in _BEFORE]
            root.insert(root.index(before[-1]) + 1 if before else 0, metadata)
        etree.SubElement(metadata, TAG, self._values(), nsmap={PREFIX: NAMESPACE})
        return etree.tostring(root.getroottree(), encoding="unicode")

    def _values(self) -> dict[str, str]:
        return {name: value for name, value in asdict(self).items() if value}


def remove(root: etree._Element) -> Mark | None:
    """Remove every mark from a document, and <metadata> if that is all it had; return the last mark."""
    metadata, mark = root.find("metadata"), None
    for element in [] if metadata is None else metadata.findall(TAG):
        mark = Mark.of(element)
        _remove(element)
    if mark and not len(metadata) and not (metadata.text or "").strip():
        _remove(metadata)
    return mark


def unmarked(*documents: str) -> tuple[list[str], Mark | None]:
    """Return documents of one object without marks, and the mark of the first that has one.

    All are written in the same way then, so that equal ones stay equal.
    """
    if not any(NAMESPACE in document for document in documents):
        return list(documents), None
    texts, marks = [], []
    with suppress(etree.XMLSyntaxError):  # libvirt returns only XML
        for document in documents:
            root = etree.fromstring(document.encode(), _PARSER) if document else None
            marks.append(None if root is None else remove(root))
            texts.append("" if root is None else etree.tostring(root.getroottree(), encoding="unicode"))
        return texts, next(filter(None, marks), None)
    return list(documents), None


def _remove(element: etree._Element) -> None:
    """Remove an element and the space behind it, but for the space before the end of its parent, and other text."""
    parent, before, tail = element.getparent(), element.getprevious(), element.tail or ""
    if tail.strip() or element.getnext() is None:
        space = (parent.text if before is None else before.tail) or ""
        text = space + tail if tail.strip() else tail or space
        if before is None:
            parent.text = text
        else:
            before.tail = text
    parent.remove(element)
