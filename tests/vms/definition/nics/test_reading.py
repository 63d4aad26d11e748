"""NICs are read from documents of running guests and of libvirt's definitions."""

from dataclasses import replace

import pytest
from lxml import etree

from tests.support.schemas import assert_valid
from tests.vms.definition.nics.nic_documents import FILES, MAC, domain, found, parts, read
from vms.definition.nics.edit import build, for_update
from vms.definition.nics.parse import parse, parse_domain
from vms.definition.nics.spec import NICSpec


def test_a_running_nic_belongs_to_its_network_in_every_forward_mode():
    seen = {name: found(name) for name in ("live", "live-bridged", "live-macvtap")}
    assert [(each.kind, each.source, each.actual, each.target, each.link) for each in seen.values()] == [
        ("network", "net1", "network", "vnet0", "up"),
        ("network", "lan", "bridge", "vnet3", "down"),
        ("network", "uplink", "direct", "macvtap0", "up"),
    ]
    assert {each.spec.mode for each in seen.values()} == {""}


def test_an_alias_that_libvirt_chose_is_not_read():
    assert (found("live").spec.alias, found("rich").spec.alias) == ("", "ua-storage")


def test_the_nics_of_a_domain_are_read_in_document_order():
    nics = parse_domain(domain(*(read(name) for name in FILES)))
    assert len(nics) == len(FILES)
    assert [parse(etree.fromstring(each.document)) for each in nics] == [replace(nic, place="") for nic in nics]


def test_a_plain_nic_is_described_only_by_its_source_and_model():
    assert build(NICSpec(kind="network", source="net1", mac=MAC, model="virtio")) == (
        f'<interface type="network"><mac address="{MAC}"/><source network="net1"/><model type="virtio"/></interface>'
    )


@pytest.mark.parametrize(
    ("name", "values", "kind", "source"),
    [
        ("live", {"link_up": False}, "network", {"network": "net1", "portgroup": "red"}),
        ("live", {"source": "net2", "port_group": ""}, "network", {"network": "net2"}),
        ("live", {"kind": "bridge", "source": "br0", "port_group": ""}, "bridge", {"bridge": "br0"}),
        ("live-bridged", {"link_up": True}, "network", {"network": "lan"}),
        ("live-bridged", {"kind": "bridge", "source": "br9"}, "bridge", {"bridge": "br9"}),
        ("live-macvtap", {"source": "net1"}, "network", {"network": "net1"}),
        ("rich", {"link_up": False}, "bridge", {"bridge": "br0", "macTableManager": "libvirt"}),
    ],
)
def test_an_update_omits_the_elements_that_libvirt_adds_for_the_host(name, values, kind, source):
    before = read(name)
    root = etree.fromstring(for_update(before, replace(found(name).spec, **values)))
    assert root.get("type") == kind
    assert dict(root.find("source").attrib) == source
    assert root.find("target") is None
    for tag in ("alias", "address", "mac"):
        assert etree.tostring(root.find(tag), encoding="unicode", with_tail=False) == parts(before)[tag]
    assert_valid("domain", domain(etree.tostring(root, encoding="unicode")))
