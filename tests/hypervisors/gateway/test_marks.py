"""Portals mark what they define, and nobody above the gateway sees the mark in a document."""

import libvirt
import pytest
from lxml import etree

from tests.support.schemas import assert_valid
from virterweb.hypervisors.gateway import connection as gateway
from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.marks import NAMESPACE, Mark, remove, unmarked

OURS = Mark(id="ours", url="https://one.example", host="machine1")
THEIRS = Mark(id="theirs", host="machine2")
NETWORK = """<network>
  <name>net1</name>
  <uuid>3e3fce45-4f53-4fa7-bb32-11f34168b82b</uuid>
{}  <bridge name='virbr7'/>
</network>
"""
OTHERS = """  <metadata>
    <a:b xmlns:a="urn:a">c</a:b>
  </metadata>
"""
NOTE = """<metadata>text<x:y xmlns:x="urn:x"/> and more</metadata>"""
DOMAIN = "<domain type='test'><name>vm1</name><memory>1024</memory><os><type>hvm</type></os></domain>"


@pytest.mark.parametrize("metadata", ["", OTHERS, NOTE])
def test_a_mark_is_added_replaced_and_removed_and_leaves_nothing_behind(metadata):
    plain = NETWORK.format(metadata)
    twice = OURS.marked(THEIRS.marked(plain))
    assert twice.count(NAMESPACE) == 1
    (left, same), found = unmarked(twice, plain)
    assert (left, found) == (same, OURS)
    assert etree.canonicalize(left, strip_text=True) == etree.canonicalize(plain, strip_text=True)


@pytest.mark.parametrize("document", ["", "<network", "no document"])
def test_what_is_no_document_stays_as_it_is(document):
    assert OURS.marked(document) == document
    assert unmarked(document) == ([document], None)
    assert unmarked(document + NAMESPACE) == ([document + NAMESPACE], None)


def test_a_hostile_mark_is_cut_and_of_several_the_last_counts():
    root = etree.fromstring(OURS.marked(NETWORK.format("")))
    metadata = root.find("metadata")
    etree.SubElement(metadata, f"{{{NAMESPACE}}}portal", id="x" * 100_000, other="<b>")
    assert remove(root) == Mark(id="x" * 200)
    assert root.find("metadata") is None


@pytest.mark.parametrize("kind", ["network", "domain"])
def test_libvirts_schema_accepts_a_marked_document(kind):
    document = OURS.marked(NETWORK.format(OTHERS) if kind == "network" else DOMAIN.replace("test", "qemu"))
    assert_valid(kind, document)


@pytest.fixture
def opened(monkeypatch, tmp_path):
    monkeypatch.setattr(gateway, "own_mark", lambda: OURS)
    file = tmp_path / "host.xml"
    file.write_text("<node/>")
    connection = Connection(1, f"test://{file}")
    yield connection
    connection.close()


def test_networks_and_vms_are_marked_in_libvirt_and_read_without_marks(opened):
    raw: libvirt.virConnect = opened.session.libvirt
    opened.networks.define(NETWORK.format(""), "net1")
    opened.domains.define(DOMAIN, "vm1")
    network, domain = raw.networkLookupByName("net1"), raw.lookupByName("vm1")
    both = opened.networks, opened.domains
    for each, noun in zip((network, domain), both, strict=True):
        assert 'id="ours"' in each.XMLDesc().replace("'", '"')
        found = noun.get(each.UUIDString())
        assert NAMESPACE not in found.document + found.stored
        assert found.other is None
    raw.networkDefineXML(THEIRS.marked(network.XMLDesc()))
    raw.defineXML(THEIRS.marked(domain.XMLDesc()))
    for each, noun in zip((network, domain), both, strict=True):
        listed = next(one for one in noun.all() if one.name == each.name())
        assert listed == noun.get(each.UUIDString()) or noun is opened.domains  # `get` also reads how it stopped
        assert listed.other == THEIRS
        assert NAMESPACE not in listed.document + listed.stored
        noun.sign(each.UUIDString(), each.name())
        assert noun.get(each.UUIDString()).other is None
        noun.sign("00000000-0000-0000-0000-000000000000", "gone")
    assert NAMESPACE not in opened.domains.stored_document(domain.UUIDString())
