"""An edit keeps the elements and attributes of a NIC that it does not change."""

from dataclasses import replace

import pytest
from lxml import etree

from tests.support.schemas import assert_valid
from tests.vms.definition.nics.nic_documents import EDITS, FILES, domain, found, nic, parts, read
from vms.definition.nics.edit import build, edit, put, without_address
from vms.definition.nics.parse import parse

# Where a field is written, for those whose element is not named as they are.
TAGS = {
    "kind": {"source"},
    "source": {"source"},
    "port_group": {"source"},
    "mode": {"source"},
    "link_up": {"link"},
    "inbound": {"bandwidth"},
    "outbound": {"bandwidth"},
    "isolated": {"port"},
    "filter": {"filterref"},
    "filter_parameters": {"filterref"},
    "boot_order": {"boot"},
    "queues": {"driver"},
    "pci": {"address"},
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_keeps_every_other_element_as_it_is_written(name):
    before, values = EDITS[name]
    changed = set().union(*(TAGS.get(field, {field}) for field in values))
    if {"kind", "source"} & values.keys():  # what belongs to the place that it leaves
        changed |= {"virtualport", "vlan"}
    if "kind" in values:  # what user networking alone, or it alone cannot have
        changed |= {"ip", "portForward", "backend", "coalesce", "target"}
    was, now = parts(read(before)), parts(edit(read(before), replace(found(before).spec, **values)))
    assert {tag: text for tag, text in was.items() if tag not in changed} == {
        tag: text for tag, text in now.items() if tag not in changed
    }


@pytest.mark.parametrize("name", FILES)
def test_an_edit_without_changes_keeps_the_document_letter_by_letter(name):
    document = read(name).strip()
    assert_valid("domain", domain(document))
    assert edit(document, found(name).spec) == document
    left = replace(found(name).spec, model="", mode="", pci="")
    assert edit(document, left) == document


def test_attributes_that_are_not_modelled_are_kept():
    spec = replace(found("rich").spec, mac="52:54:00:aa:00:02", queues=None, boot_order=1, pci="0000:00:0a.0")
    after = parts(edit(read("rich"), spec))
    assert after["mac"] == '<mac address="52:54:00:aa:00:02" type="static" check="no"/>'
    assert after["driver"].startswith('<driver name="vhost" txmode="iothread" rx_queue_size="1024">')
    assert after["boot"] == '<boot order="1" loadparm="2"/>'
    assert after["address"].endswith('slot="0x0a" function="0x0" multifunction="on"/>')


def test_a_trunk_is_kept_until_one_tag_is_set():
    assert found("rich").spec.vlan is None
    after = edit(read("rich"), replace(found("rich").spec, mtu=1500))
    assert parts(after)["vlan"] == parts(read("rich"))["vlan"]
    assert '<vlan><tag id="7"/></vlan>' in edit(read("rich"), replace(found("rich").spec, vlan=7))


def test_an_address_that_is_not_pci_is_replaced():
    document = read("plain").replace(parts(read("plain"))["address"], '<address type="ccw" cssid="0xfe"/>')
    assert found("plain").spec.pci == "0000:00:02.0"
    assert parse(etree.fromstring(document)).spec.pci == ""
    after = parts(edit(document, replace(found("plain").spec, pci="0000:00:03.0")))["address"]
    assert after == '<address type="pci" domain="0x0000" bus="0x00" slot="0x03" function="0x0"/>'


def test_a_nic_without_its_address_gets_any_free_slot():
    assert parts(read("plain")).keys() - parts(without_address(read("plain"))).keys() == {"address"}
    assert without_address(build(nic())) == build(nic())


def test_a_nic_is_inserted_into_a_domain_after_the_other_nics():
    first, second, third = (build(nic(mac=f"52:54:00:00:00:0{n}")) for n in (1, 2, 3))
    other = build(nic(mac="52:54:00:00:00:01", source="net2"))
    document = domain(first, second)
    assert put(document, other) == domain(other, second)
    assert put(document, third) == domain(first, second, third)
    assert put(domain(), first) == domain(first)
