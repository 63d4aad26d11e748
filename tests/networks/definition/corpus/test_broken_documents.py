"""Broken variants of libvirt's test corpus never raise an unexpected error."""

import copy
from collections.abc import Iterator
from dataclasses import replace

import pytest
from lxml import etree

from networks.copies.terraform import terraform
from networks.copies.virsh import virsh
from networks.copies.virter import virter
from networks.definition.document.compare import differences
from networks.definition.document.edit import edit
from networks.definition.document.parse import DocumentError, parse, read
from tests.support.examples import sample

pytestmark = pytest.mark.lab


# Invalid values of attributes. None deletes the attribute.
BROKEN = ("", "x", "-1", "0x", "99999999999999999999", "::1", "10.0.0.300", "${%{\"'", None)


def broken(document: str) -> Iterator[str]:
    """Return variants of a document: each attribute changed, each element emptied, each element twice."""
    count = sum(1 for _ in read(document).iter(etree.Element))
    for number in range(1, count):
        for name in [*list(read(document).iter(etree.Element))[number].attrib, "", "twice"]:
            for value in BROKEN if name not in ("", "twice") else ("",):
                root = read(document)
                element = list(root.iter(etree.Element))[number]
                _break(element, name, value)
                yield etree.tostring(root, encoding="unicode")


def _break(element: etree._Element, name: str, value: str | None) -> None:
    if name == "twice":
        element.addnext(copy.deepcopy(element))
    elif not name:
        element.clear()
    elif value is None:
        del element.attrib[name]
    else:
        element.set(name, value)


def test_a_broken_document_can_be_read_compared_edited_and_copied(corpus):
    for document in dict.fromkeys(corpus.documents("networkxml2xmlin").values()):
        for text in sample(broken(document)):
            spec = parse(text)
            assert differences(text, text) == ()
            assert parse(edit(text, replace(spec, mtu=4242))).mtu == 4242
            assert virter(text)
            assert virsh(text, autostart=False)
            assert terraform(text, autostart=False)


def test_a_document_that_is_no_network_raises_a_document_error(corpus):
    for document in corpus.documents("networkxml2xmlupdatein", "networkxml2xmlin").values():
        for text in (document[: len(document) // 2], document.replace("network", "domain"), f"<a>{document}", ""):
            with pytest.raises(DocumentError):
                parse(text)
