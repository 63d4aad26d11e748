"""Two judges of the documents that we build: libvirt's schemas, and its test driver, which parses for real."""

from functools import cache
from pathlib import Path

import libvirt
from lxml import etree

SCHEMAS = Path("/usr/share/libvirt/schemas")


@cache
def _schema(name: str) -> etree.RelaxNG:
    return etree.RelaxNG(etree.parse(SCHEMAS / f"{name}.rng"))


def assert_valid(name: str, document: str) -> None:
    """The document agrees with libvirt's schema of that name."""
    schema = _schema(name)
    assert schema.validate(etree.fromstring(document)), f"{schema.error_log}\n{document}"


@cache
def judge() -> libvirt.virConnect:
    libvirt.registerErrorHandler(lambda context, error: None, None)
    return libvirt.open("test:///default")


def network_as_libvirt_prints_it(document: str) -> str:
    """Define a network in the test driver, and take it away again."""
    network = judge().networkDefineXML(document)
    printed = network.XMLDesc()
    network.undefine()
    return printed


def domain_as_libvirt_prints_it(document: str) -> str:
    domain = judge().defineXML(document)
    printed = domain.XMLDesc()
    domain.undefine()
    return printed
