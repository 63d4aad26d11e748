"""Temporary networks: named after the network that they serve; the documents by which a NIC moves there and back."""

from lxml import etree

from virterweb.hypervisors.gateway import temporary

UUID = "0b0b0b0b-0000-4000-8000-000000000001"
NETWORK = """<network><name>net1</name><forward mode='nat'/><bridge name='virbr7'/><ip address='10.0.0.1' prefix='24'/>
<portgroup name='slow' default='yes'><bandwidth><inbound average='1'/></bandwidth></portgroup>
<portgroup name='o&apos;k'/>
</network>"""
NIC = """<interface type='network'><mac address='52:54:00:00:00:01'/>
<source network='net1' portgroup='slow' portid='0c0c0c0c-0000-4000-8000-000000000001' bridge='virbr7'/>
<bandwidth><inbound average='100' floor='50'/></bandwidth><target dev='vnet0'/><alias name='net0'/></interface>"""


def test_a_name_says_which_network_it_serves():
    assert temporary.served(temporary.network_name(UUID)) == UUID
    assert temporary.served("virterweb-reconnect-me") == temporary.served("net1") == ""
    assert temporary.named_in(f"<source network='{temporary.network_name(UUID)}'/>") == {UUID}


def test_a_temporary_network_has_only_its_own_bridge_and_the_port_groups():
    made = etree.fromstring(temporary.network_document(UUID, NETWORK))
    assert made.findtext("name") == temporary.network_name(UUID)
    assert [(each.tag, each.get("name")) for each in made[1:]] == [("portgroup", "slow"), ("portgroup", "o'k")]
    assert not any(len(group) for group in made.iterfind("portgroup"))


def test_a_nic_moves_with_its_port_group_and_without_what_libvirt_knows_of_its_place():
    there = etree.fromstring(temporary.moved(NIC, temporary.network_name(UUID)))
    assert dict(there.find("source").attrib) == {"network": temporary.network_name(UUID), "portgroup": "slow"}
    assert there.find("target") is None
    assert there.find("alias").get("name") == "net0"
    assert dict(there.find("bandwidth/inbound").attrib) == {"average": "100"}
    back = etree.fromstring(temporary.moved(NIC, "net1"))
    assert dict(back.find("source").attrib) == {"network": "net1", "portgroup": "slow"}
    assert back.find("bandwidth/inbound").get("floor") == "50"
