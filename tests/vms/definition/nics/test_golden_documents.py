"""NIC documents that are built and edited match the golden files, and libvirt accepts them."""

from dataclasses import replace

import pytest
from lxml import etree

from networks.definition.spec import BandwidthSpec
from tests.support.schemas import assert_valid
from tests.vms.definition.nics.nic_documents import (
    EDITS,
    FOLDER,
    assert_libvirt_reads_the_same,
    domain,
    found,
    nic,
    read,
)
from vms.definition.nics.edit import build, edit
from vms.definition.nics.parse import parse

BUILT = {
    "network": nic(),
    "bridge": nic("bridge", "br0", model="e1000e"),
    "user": nic("user", ""),
    "macvtap": nic("direct", "eth0"),
    "macvtap-bridge": nic("direct", "eth0", mode="bridge"),
    "macvtap-vepa": nic("direct", "eth0", mode="vepa"),
    "macvtap-private": nic("direct", "eth0", mode="private"),
    "macvtap-passthrough": nic("direct", "eth0", mode="passthrough", vlan=42, trust_rx_filters=True),
    "model-left-to-libvirt": nic(model=""),
    "port-group": nic(port_group="red"),
    "mtu": nic(mtu=9000),
    "link-down": nic(link_up=False),
    "bandwidth": nic(inbound=BandwidthSpec(average=1000, peak=5000, burst=1024), outbound=BandwidthSpec(average=128)),
    "floor": nic(inbound=BandwidthSpec(average=1000, floor=200)),
    "vlan": nic("bridge", "ovsbr0", vlan=0),
    "isolated": nic(isolated=True),
    "trusts-the-guest": nic(trust_rx_filters=True),
    "filter": nic(filter="clean-traffic", filter_parameters=(("IP", "10.0.0.1"), ("IP", "10.0.0.2"))),
    "boot-order": nic(boot_order=1),
    "queues": nic(queues=4),
    "alias": nic(alias="ua-first"),
    "pci": nic(pci="0000:00:1f.7"),
    "everything": nic(
        "network",
        "<a> & 'b'",
        port_group="red",
        mtu=1400,
        link_up=False,
        inbound=BandwidthSpec(average=1000, peak=5000, burst=1024, floor=7),
        outbound=BandwidthSpec(average=128),
        vlan=42,
        isolated=True,
        trust_rx_filters=True,
        filter="clean-traffic",
        filter_parameters=(("IP", "10.0.0.1"),),
        boot_order=3,
        queues=2,
        alias="ua-all",
        pci="0000:02:05.0",
    ),
}


def pretty(document: str) -> str:
    root = etree.fromstring(document)
    etree.indent(root, "  ")
    return etree.tostring(root, encoding="unicode") + "\n"


@pytest.mark.parametrize("name", BUILT)
def test_a_built_nic_equals_its_golden_file(name):
    document = build(BUILT[name])
    assert pretty(document) == read(f"built/{name}")
    assert parse(etree.fromstring(document)).spec == BUILT[name]
    assert_valid("domain", domain(document))


@pytest.mark.parametrize("name", BUILT)
def test_libvirt_reads_a_built_nic_with_the_same_meaning(name):
    assert_libvirt_reads_the_same(BUILT[name])


@pytest.mark.parametrize("name", EDITS)
def test_an_edited_nic_equals_its_golden_file(name):
    before, values = EDITS[name]
    spec = replace(found(before).spec, **values)
    after = edit(read(before), spec)
    assert pretty(after) == read(f"edited/{name}")
    assert parse(etree.fromstring(after)).spec == spec
    assert edit(after, spec) == after


@pytest.mark.parametrize("name", EDITS)
def test_an_edited_nic_is_valid_for_libvirt(name):
    before, values = EDITS[name]
    after = edit(read(before), replace(found(before).spec, **values))
    assert_valid("domain", domain(after))


def test_every_golden_file_belongs_to_an_example():
    assert sorted(path.stem for path in (FOLDER / "built").iterdir()) == sorted(BUILT)
    assert sorted(path.stem for path in (FOLDER / "edited").iterdir()) == sorted(EDITS)
