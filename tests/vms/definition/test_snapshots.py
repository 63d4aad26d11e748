"""Documents of snapshots: read, and edited without loss of what is not known."""

from vms.definition.snapshots import document as snapshot_xml
from vms.definition.snapshots import edit

FOUND = """<domainsnapshot><name>second</name><parent><name>first</name></parent><state>disk-snapshot</state>
<creationTime>1700000000</creationTime><memory snapshot='no'/><disks><disk name='vda' snapshot='external' type='file'>
<driver type='qcow2'/><source file='/pool/vda.s2'/></disk><disk name='hda' snapshot='no'/></disks>
<domain><name>web</name><devices><disk type='file' device='disk'><driver name='qemu' type='raw'/>
<source file='/pool/./vda' index='1'/><backingStore/><target dev='vda' bus='virtio'/></disk>
<disk type='volume' device='disk'><source pool='pool' volume='data'/><target dev='vdb'/></disk></devices></domain>
<inactiveDomain><name>web</name><memory>2</memory><devices><disk type='file' device='disk'>
<source file='/pool/vda'/><target dev='vda'/></disk></devices></inactiveDomain></domainsnapshot>"""


def test_what_a_snapshot_is_of_and_where_it_is():
    found = snapshot_xml.parse(FOUND)
    assert (found.name, found.parent, found.created, found.state) == ("second", "first", 1700000000, "disk-snapshot")
    assert (found.kind, found.memory, found.files) == ("external", False, ("/pool/vda.s2",))
    assert found.sources == {"vda": "/pool/vda", "vdb": "pool/data"}


def test_the_smallest_document_can_be_read():
    found = snapshot_xml.parse("<domainsnapshot><name>x</name></domainsnapshot>")
    assert (found.kind, found.files, found.domain, found.created) == ("internal", (), "", 0)


def test_a_revert_takes_the_stored_definition_with_new_disks():
    document = edit.domain_on(FOUND, {"vda": "/pool/new"})
    assert document.startswith("<domain>")
    assert "<memory>2</memory>" in document
    assert '<source file="/pool/new"/>' in document
    assert 'type="qcow2"' in document
    live = edit.domain_on(FOUND, {"vda": "/pool/new"}, live=True)
    assert '<driver name="qemu" type="qcow2"/>' in live
    assert "backingStore" not in live
    assert 'volume="data"' in live


def test_merged_files_are_replaced_where_later_snapshots_name_them():
    moved = edit.with_sources(FOUND, {"/pool/vda": "/pool/base"})
    assert moved.count("/pool/base") == 2
    assert "/pool/vda.s2" in moved
    assert edit.with_sources(FOUND, {"/pool/other": "/pool/base"}) is FOUND


def test_a_snapshot_that_was_reverted_to_has_its_new_overlay():
    assert snapshot_xml.parse(edit.with_overlays(FOUND, {"vda": "/pool/new"})).overlays == {"vda": "/pool/new"}
