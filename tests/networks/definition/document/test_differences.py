"""Each difference between two documents is named with both values."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from lxml import etree

from networks.definition.document.compare import differences, line_differences
from networks.definition.document.edit import build
from networks.definition.document.leaves import Leaf, leaves, normal_form
from networks.definition.document.parse import DocumentError
from networks.definition.spec import HostSpec, RangeSpec
from tests.networks.definition.document.compared_documents import BLOCK, FOLDER, NET1, block, dhcp, network, words
from tests.support.examples import examples
from tests.support.specs import specs

DNSMASQ = "xmlns:dnsmasq='http://libvirt.org/schemas/network/dnsmasq/1.0'"


@pytest.mark.parametrize(
    ("wanted", "found", "said"),
    [
        (network("<mtu size='9000'/>"), network("<mtu size='1400'/>"), ["MTU: found 1400, expected 9000"]),
        (network("<mtu size='9000'/>"), network(""), ["MTU: found none, expected 9000"]),
        (network(""), network("<mtu size='1400'/>"), ["MTU: found 1400, expected none"]),
        (network("<title>a</title>"), network("<title>b</title>"), ["Title: found b, expected a"]),
        (network("<forward/>"), network(""), ["Forward mode: found none, expected nat"]),
        (network("<bridge stp='off'/>"), network("<bridge/>"), ["STP: found none, expected off"]),
        (
            network("<bridge name='virbr5'/>"),
            network("<bridge name='virbr6'/>"),
            ["Bridge: found virbr6, expected virbr5"],
        ),
        (
            network("<mac address='52:54:00:00:00:01'/>"),
            network("<mac address='52:54:00:00:00:02'/>"),
            ["MAC address of the host: found 52:54:00:00:00:02, expected 52:54:00:00:00:01"],
        ),
        (
            network("<forward mode='nat'><nat><port start='9' end='99'/></nat></forward>"),
            network("<forward mode='nat'/>"),
            ["NAT ports: found none, expected 9-99"],
        ),
        (
            network("<forward mode='private' dev='a'/>"),
            network("<forward mode='private' dev='b'/>"),
            ["Forward device a is missing", "Forward device b was added outside the portal"],
        ),
        (block(""), network(""), ["Block 10.0.0.1/24 is missing"]),
        (network(""), block(""), ["Block 10.0.0.1/24 was added outside the portal"]),
        (
            dhcp("<range start='10.0.0.2' end='10.0.0.9'/>"),
            dhcp("<range start='10.0.0.2' end='10.0.0.9'><lease expiry='0'/></range>"),
            [
                "DHCP range of 10.0.0.1/24 10.0.0.2-10.0.0.9 is missing",
                "DHCP range of 10.0.0.1/24 10.0.0.2-10.0.0.9 infinite was added outside the portal",
            ],
        ),
        (
            dhcp("<host name='a' ip='10.0.0.8'/>"),
            block(""),
            ["DHCP reservation of 10.0.0.1/24 10.0.0.8 a is missing"],
        ),
        (
            block("<tftp root='/a'/>"),
            block("<tftp root='/b'/>"),
            ["TFTP root of 10.0.0.1/24: found /b, expected /a"],
        ),
        (
            dhcp("<bootp file='a' server='10.0.0.2'/>"),
            dhcp("<bootp file='a'/>"),
            ["Boot server of 10.0.0.1/24: found none, expected 10.0.0.2"],
        ),
        (
            network("<dns><forwarder addr='1.1.1.1'/></dns>"),
            network("<dns enable='no'/>"),
            ["DNS forwarder 1.1.1.1 is missing", "DNS: found no, expected none"],
        ),
        (
            network("<dns><txt name='a' value='b'/><host ip='10.0.0.5'><hostname>c</hostname></host></dns>"),
            network("<dns><srv service='ldap' protocol='tcp'/></dns>"),
            [
                "TXT record name=a value=b is missing",
                "DNS host 10.0.0.5 c is missing",
                "SRV record protocol=tcp service=ldap was added outside the portal",
            ],
        ),
        (
            network("<route address='10.8.0.0' prefix='16' gateway='10.0.0.7'/>"),
            network("<route address='10.8.0.0' prefix='16' gateway='10.0.0.7' metric='5'/>"),
            [
                "Route 10.8.0.0/16 via 10.0.0.7 is missing",
                "Route 10.8.0.0/16 via 10.0.0.7 metric 5 was added outside the portal",
            ],
        ),
        (
            network("<bandwidth><inbound average='1' peak='2'/></bandwidth>"),
            network("<bandwidth><inbound average='1'/></bandwidth>"),
            ["Bandwidth in: found 1, expected 1,2"],
        ),
        (
            network("<portgroup name='a'/>"),
            network("<portgroup name='a' default='yes'/>"),
            ["Port group a is missing", "Port group a default was added outside the portal"],
        ),
        (
            network(f"<dnsmasq:options {DNSMASQ}><dnsmasq:option value='log-dhcp'/></dnsmasq:options>"),
            network(""),
            ["dnsmasq option log-dhcp is missing"],
        ),
        (
            network("<metadata><a xmlns='urn:a'>b</a></metadata>"),
            network(""),
            ['Metadata <metadata><a xmlns="urn:a">b</a></metadata> is missing'],
        ),
    ],
)
def test_each_difference_is_described_in_a_sentence(wanted, found, said):
    assert words(wanted, found) == said


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (network("<bridge zone='lab'/>"), network("<bridge/>")),
        (network("<bridge delay='3'/>"), network("<bridge/>")),
        (network("", "ipv6='yes'"), network("")),
        (network("", "trustGuestRxFilters='yes'"), network("")),
        (network("<virtualport type='openvswitch'/>"), network("")),
        (network("<vlan><tag id='1'/></vlan>"), network("<vlan><tag id='2'/></vlan>")),
        (network("<dns forwardPlainNames='no'/>"), network("<dns/>")),
        (network("<ip address='10.0.0.1' prefix='24' localPtr='yes'/>"), block("")),
        (
            network("<forward mode='hostdev'><driver name='vfio'/><pf dev='eth0'/></forward>"),
            network("<forward mode='hostdev'><pf dev='eth0'/></forward>"),
        ),
        (
            network("<portgroup name='a'><virtualport><parameters profileid='x'/></virtualport></portgroup>"),
            network("<portgroup name='a'><virtualport><parameters profileid='y'/></virtualport></portgroup>"),
        ),
        (
            network("<portgroup name='a'><vlan><tag id='1' nativeMode='tagged'/></vlan></portgroup>"),
            network("<portgroup name='a'><vlan><tag id='1' nativeMode='untagged'/></vlan></portgroup>"),
        ),
        (network("<unknown><of>the future</of></unknown>"), network("<unknown><of>today</of></unknown>")),
    ],
)
def test_elements_that_are_not_modelled_are_compared_too(wanted, found):
    assert words(wanted, found)
    assert words(found, wanted)
    assert not words(wanted, wanted)


def test_fields_of_two_blocks_are_compared_separately():
    two = replace(BLOCK, address="10.9.0.1", ranges=(RangeSpec(start="10.9.0.2", end="10.9.0.9"),))
    wanted = replace(NET1, subnets=(replace(BLOCK, tftp_root="/a"), replace(two, tftp_root="/b")))
    found = replace(NET1, subnets=(replace(BLOCK, tftp_root="/b"), replace(two, tftp_root="/a")))
    assert words(build(wanted), build(found)) == [
        "TFTP root of 10.255.0.1/24: found /b, expected /a",
        "TFTP root of 10.9.0.1/24: found /a, expected /b",
    ]


def test_a_difference_has_the_desired_and_the_found_value_of_a_field_or_an_entry():
    changed = replace(NET1, domain="x.test", subnets=(replace(BLOCK, hosts=(HostSpec(name="a", ip="10.255.0.8"),)),))
    domain, entry = differences(build(NET1), build(changed))
    assert (str(domain.field), domain.wanted, domain.found, domain.listed) == ("Domain", "", "x.test", False)
    assert (str(entry.field), entry.wanted, entry.found, entry.listed) == (
        "DHCP reservation of 10.255.0.1/24",
        "",
        "10.255.0.8 a",
        True,
    )


def test_each_leaf_has_its_element():
    found = leaves(dhcp("<host mac='52:54:00:00:00:08' ip='10.0.0.8'/>"))
    entry = Leaf(path="ip dhcp host", value="52:54:00:00:00:08 10.0.0.8", block="10.0.0.1/24")
    assert found[entry].get("ip") == "10.0.0.8"
    assert [str(leaf.path) for leaf in found] == ["name", "ip", "ip dhcp host"]


def test_the_normal_form_does_not_change_the_document():
    document = (FOLDER / "rich.xml").read_text()
    once = etree.tostring(normal_form(document), encoding="unicode")
    assert "<!--" not in once
    assert differences(document, document) == ()
    assert "<!-- asked for by the storage team -->" in document


def test_a_document_that_is_no_network_cannot_be_compared():
    with pytest.raises(DocumentError):
        differences(build(NET1), "<domain/>")
    with pytest.raises(DocumentError):
        line_differences(build(NET1), "<network>")


@settings(max_examples=examples(75), deadline=None)
@given(specs(), specs())
def test_a_difference_with_exchanged_documents_has_exchanged_values(one, other):
    assert differences(build(one), build(one)) == ()
    other = replace(other, bridge=one.bridge)  # a bridge that is found alone is none
    there, back = differences(build(one), build(other)), differences(build(other), build(one))
    assert {(each.field, each.wanted, each.found) for each in there} == {
        (each.field, each.found, each.wanted) for each in back
    }
