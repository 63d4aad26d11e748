"""Checks of a typed document of a VM before it is saved: XML, libvirt's schema, name and UUID."""

from collections.abc import Iterator
from pathlib import Path

from lxml import etree

from virterweb.messages import Message
from virterweb.pages.xml_check import Problem, at, by_schema, hidden, identity
from vms.definition import domain as domain_xml
from vms.definition.disks import PARSER

from . import wording as _wording  # noqa: F401, adds the texts of the messages

MAX_MEMORY, MAX_VCPUS = 2**24, 512  # MiB; as in the form that edits the hardware
SCHEMA = Path("/usr/share/libvirt/schemas/domain.rng")


def problems(document: str, before: str, name: str, uuid: str) -> list[Problem]:
    """Return all problems of a document for the VM of this name and UUID; what it had `before` is not one."""
    try:
        root = etree.fromstring(document.encode(), PARSER)
    except etree.XMLSyntaxError as problem:
        return [Problem(line=problem.lineno or 0, message=Message("xml.vm_syntax", text=problem.msg))]
    if root.getroottree().docinfo.doctype:
        line = document[: document.find("<!DOCTYPE")].count("\n") + 1
        return [Problem(line=line, message=Message("xml.vm_doctype"))]
    if root.tag != "domain":
        return [at(root, Message("xml.vm_root", tag=root.tag))]
    was = etree.fromstring(before.encode(), PARSER)
    known = {problem.message for problem in _all(was, name, uuid)}
    found = [problem for problem in _all(root, name, uuid) if problem.message not in known]
    return [*found, *hidden(root, was)]


def _all(root: etree._Element, name: str, uuid: str) -> Iterator[Problem]:
    yield from by_schema(root, SCHEMA)
    yield from identity(root, name, uuid, "xml.vm_")
    if root.find("uuid") is None:
        yield at(root, Message("xml.vm_no_uuid", uuid=uuid))
    found = domain_xml.parse(etree.tostring(root, encoding="unicode"))
    if not 1 <= found.memory <= MAX_MEMORY:
        yield at(_place(root, "memory"), Message("xml.vm_memory", most=MAX_MEMORY))
    if not 1 <= found.vcpus <= MAX_VCPUS:
        yield at(_place(root, "vcpu"), Message("xml.vm_vcpus", most=MAX_VCPUS))


def _place(root: etree._Element, tag: str) -> etree._Element:
    found = root.find(tag)
    return root if found is None else found
