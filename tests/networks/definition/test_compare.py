"""Documents of networks compared: what differs is named, what libvirt spells otherwise or fills in is no difference."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from networks.definition.document.compare import differences, drifts, line_differences, pretty
from networks.definition.document.edit import build, edit
from networks.definition.document.leaves import Leaf, leaves, normal_form
from networks.definition.document.parse import DocumentError, parse
from networks.definition.spec import HostSpec, NetworkSpec, RangeSpec, SubnetSpec
from tests import DATA
from tests.support.examples import examples
from tests.support.schemas import assert_valid, network_as_libvirt_prints_it
from tests.support.specs import UUID, specs

FOLDER = DATA / "networks"
FILES = sorted(path.stem for path in FOLDER.glob("*.xml"))
RANGE = RangeSpec(start="10.255.0.2", end="10.255.0.254")
BLOCK = SubnetSpec(address="10.255.0.1", prefix=24, ranges=(RANGE,))
NET1 = NetworkSpec(name="net1", uuid=UUID, subnets=(BLOCK,), dns=False)
DNSMASQ = "xmlns:dnsmasq='http://libvirt.org/schemas/network/dnsmasq/1.0'"


def network(inner: str, attributes: str = "") -> str:
    return f"<network {attributes}><name>net1</name>{inner}</network>"


def block(inner: str) -> str:
    return network(f"<ip address='10.0.0.1' prefix='24'>{inner}</ip>")


def dhcp(inner: str) -> str:
    return block(f"<dhcp>{inner}</dhcp>")


def words(wanted: str, found: str) -> list[str]:
    return [str(one) for one in differences(wanted, found)]


@pytest.mark.parametrize("name", FILES)
def test_what_libvirt_makes_of_a_golden_document_is_no_difference(name):
    document = (FOLDER / f"{name}.xml").read_text()
    renamed = document.replace("<name>default</name>", "<name>judged</name>")  # the test driver has a default
    left = differences(renamed, network_as_libvirt_prints_it(renamed))
    assert [str(one) for one in left if str(one.field) != "dnsmasq option"] == []


@settings(max_examples=examples(100), deadline=None)
@given(specs(described=False))
def test_what_libvirt_makes_of_any_document_is_no_difference(spec):
    document = build(spec)
    assert_valid("network", document)
    printed = network_as_libvirt_prints_it(document)
    assert [one for one in differences(document, printed) if str(one.field) != "dnsmasq option"] == []


SAME = {
    "nat is the default mode": (network("<forward/>"), network("<forward mode='nat'/>")),
    "NAT's usual ports": (
        network("<forward mode='nat'/>"),
        network("<forward mode='nat'><nat><port start='1024' end='65535'/></nat></forward>"),
    ),
    "a device as attribute and as element": (
        network("<forward mode='route' dev='eth1'/>"),
        network("<forward dev='eth1' mode='route'><interface dev='eth1'/></forward>"),
    ),
    "devices in another order": (
        network("<forward mode='private'><interface dev='a'/><interface dev='b'/></forward>"),
        network("<forward mode='private' dev='b'><interface dev='b'/><interface dev='a' connections='1'/></forward>"),
    ),
    "PCI addresses in decimal": (
        network("<forward mode='hostdev'><address type='pci' domain='0' bus='4' slot='0' function='1'/></forward>"),
        network(
            "<forward mode='hostdev' managed='no'>"
            "<address type='pci' domain='0x0000' bus='0x04' slot='0x00' function='0x1'/></forward>"
        ),
    ),
    "what a running network found of its PF": (
        network("<forward mode='hostdev' managed='yes'><pf dev='eth0'/></forward>"),
        network(
            "<forward mode='hostdev' managed='yes'><pf dev='eth0'/>"
            "<address type='pci' domain='0x0000' bus='0x04' slot='0x00' function='0x1'/></forward>"
        ),
    ),
    "prefix and netmask": (
        network("<ip address='10.0.0.1' prefix='24'/>"),
        network("<ip family='ipv4' address='10.0.0.1' netmask='255.255.255.0' localPtr='no'/>"),
    ),
    "a prefix by class": (network("<ip address='10.0.0.1'/>"), network("<ip address='10.0.0.1' prefix='8'/>")),
    "IPv6 in two spellings": (
        network("<ip family='ipv6' address='FD00:0::1' prefix='64'/>"),
        network("<ip family='ipv6' address='fd00::1' prefix='64'/>"),
    ),
    "MACs in two spellings": (
        dhcp("<host mac='52:54:00:AB:CD:08' ip='10.0.0.8'/>"),
        dhcp("<host ip='10.0.0.8' mac='52:54:00:ab:cd:08'/>"),
    ),
    "leases in two units": (
        dhcp("<range start='10.0.0.2' end='10.0.0.9'><lease expiry='120'/></range>"),
        dhcp("<range start='10.0.0.2' end='10.0.0.9'><lease unit='hours' expiry='2'/></range>"),
    ),
    "entries in another order": (
        dhcp("<host name='a' ip='10.0.0.8'/><host name='b' ip='10.0.0.9'/>"),
        dhcp("<host name='b' ip='10.0.0.9'/><host name='a' ip='10.0.0.8'/>"),
    ),
    "an empty DHCP element": (block(""), dhcp("")),
    "a trunk of two tags": (
        network("<portgroup name='a'><vlan><tag id='1'/><tag id='2'/></vlan></portgroup>"),
        network("<portgroup name='a' default='no'><vlan trunk='yes'><tag id='1'/><tag id='2'/></vlan></portgroup>"),
    ),
    "defaults written down": (
        network("<bridge name='virbr5'/><domain name='a.test'/>"),
        network(
            "<bridge name='virbr5' stp='on' delay='0' macTableManager='kernel'/><dns enable='yes'/>"
            "<domain name='a.test' localOnly='no'/><port isolated='no'/>",
            "ipv6='no' connections='3'",
        ),
    ),
    "comments, instructions and spaces": (
        network("<mtu size='1400'/>"),
        network("\n <!-- small -->\n <?keep it?><mtu  size = '1400' ></mtu>\n"),
    ),
    "metadata indented otherwise, with another prefix order": (
        network("<metadata><a:b xmlns:a='urn:a' c='1' d='2'><a:e>f</a:e></a:b></metadata>"),
        network("<metadata>\n  <a:b d='2' c='1' xmlns:a='urn:a'>\n    <a:e>f</a:e>\n  </a:b>\n</metadata>"),
    ),
    "what libvirt fills in": (
        network(""),
        network(f"<uuid>{UUID}</uuid><bridge name='virbr3'/><mac address='52:54:00:9f:62:4e'/>"),
    ),
}


@pytest.mark.parametrize("what", SAME)
def test_what_means_the_same_is_no_difference(what):
    assert words(*SAME[what]) == []
    filled = "libvirt fills in" in what
    assert filled or words(*reversed(SAME[what])) == []


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
def test_what_differs_is_said_in_a_sentence(wanted, found, said):
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
def test_what_is_not_modelled_differs_as_well(wanted, found):
    assert words(wanted, found)
    assert words(found, wanted)
    assert not words(wanted, wanted)


def test_facts_of_two_blocks_are_kept_apart():
    two = replace(BLOCK, address="10.9.0.1", ranges=(RangeSpec(start="10.9.0.2", end="10.9.0.9"),))
    wanted = replace(NET1, subnets=(replace(BLOCK, tftp_root="/a"), replace(two, tftp_root="/b")))
    found = replace(NET1, subnets=(replace(BLOCK, tftp_root="/b"), replace(two, tftp_root="/a")))
    assert words(build(wanted), build(found)) == [
        "TFTP root of 10.255.0.1/24: found /b, expected /a",
        "TFTP root of 10.9.0.1/24: found /a, expected /b",
    ]


def test_a_difference_tells_the_sides_of_a_field_and_of_a_lists_entry():
    changed = replace(NET1, domain="x.test", subnets=(replace(BLOCK, hosts=(HostSpec(name="a", ip="10.255.0.8"),)),))
    domain, entry = differences(build(NET1), build(changed))
    assert (str(domain.field), domain.wanted, domain.found, domain.listed) == ("Domain", "", "x.test", False)
    assert (str(entry.field), entry.wanted, entry.found, entry.listed) == (
        "DHCP reservation of 10.255.0.1/24",
        "",
        "10.255.0.8 a",
        True,
    )


def test_each_fact_comes_with_the_element_that_states_it():
    found = leaves(dhcp("<host mac='52:54:00:00:00:08' ip='10.0.0.8'/>"))
    entry = Leaf(path="ip dhcp host", value="52:54:00:00:00:08 10.0.0.8", block="10.0.0.1/24")
    assert found[entry].get("ip") == "10.0.0.8"
    assert [str(leaf.path) for leaf in found] == ["name", "ip", "ip dhcp host"]


def test_the_normal_form_leaves_its_document_alone_and_is_its_own():
    document = (FOLDER / "rich.xml").read_text()
    once = etree.tostring(normal_form(document), encoding="unicode")
    assert "<!--" not in once
    assert differences(document, document) == ()
    assert "<!-- asked for by the storage team -->" in document


def test_what_is_no_network_cannot_be_compared():
    with pytest.raises(DocumentError):
        differences(build(NET1), "<domain/>")
    with pytest.raises(DocumentError):
        line_differences(build(NET1), "<network>")


def test_a_line_difference_shows_what_an_edit_did():
    before = (FOLDER / "default.xml").read_text()
    after = edit(before, replace(parse(before), mtu=1400))
    changed = [line for line in line_differences(before, after) if line[0] in "+-"]
    assert changed == ['+  <mtu size="1400"/>']
    assert line_differences(before, before) == []


def test_line_differences_do_not_count_spaces():
    document = (FOLDER / "rich.xml").read_text()
    assert line_differences(document, pretty(document)) == []
    assert line_differences(document, document.replace("\n  ", "\n\t  ")) == []


def test_a_document_that_is_new_or_gone_is_all_lines():
    lines = pretty(build(NET1)).splitlines()
    assert line_differences("", build(NET1))[1:] == [f"+{line}" for line in lines]
    assert line_differences(build(NET1), "")[1:] == [f"-{line}" for line in lines]


def test_a_pretty_document_keeps_comments_and_foreign_texts():
    document = pretty((FOLDER / "rich.xml").read_text())
    assert "  <!-- asked for by the storage team -->\n" in document
    assert ">the storage team</lab:owner>\n" in document
    assert document.endswith("</network>\n")


@settings(max_examples=examples(75), deadline=None)
@given(specs(), specs())
def test_a_difference_seen_from_the_other_side_is_turned_round(one, other):
    assert differences(build(one), build(one)) == ()
    other = replace(other, bridge=one.bridge)  # a bridge that is found alone is none
    there, back = differences(build(one), build(other)), differences(build(other), build(one))
    assert {(each.field, each.wanted, each.found) for each in there} == {
        (each.field, each.found, each.wanted) for each in back
    }


@settings(max_examples=examples(50), deadline=None)
@given(specs(), st.randoms(use_true_random=False))
def test_order_never_matters(spec, random):
    root = etree.fromstring(build(spec))
    for parent in list(root.iter()):
        if parent.tag in ("network", "dns", "dhcp", "ip", "forward"):
            children = list(parent)
            random.shuffle(children)
            parent[:] = children
    assert differences(build(spec), etree.tostring(root, encoding="unicode")) == ()


# Three sides


def sides(saved: str, stored: str, running: str = "") -> list[tuple[str, str, str, str | None]]:
    return [(one.title, one.saved, one.stored, one.running) for one in drifts(saved, stored, running)]


ENTRY = "<host mac='52:54:00:00:00:08' ip='10.0.0.8'/>"
AN_ENTRY = "52:54:00:00:00:08 10.0.0.8"
OF_BLOCK = "DHCP reservation of 10.0.0.1/24"
DOMAIN = network("<domain name='x'/>")
SIDES = {
    "all the same": (network(""), network(""), network(""), [], []),
    "an entry runs alone": (
        *(dhcp(""), dhcp(""), dhcp(ENTRY)),
        [(OF_BLOCK, "", "", AN_ENTRY)],
        [f"{OF_BLOCK} {AN_ENTRY} was added outside the portal, only in the running network"],
    ),
    "an entry is stored alone": (
        *(dhcp(""), dhcp(ENTRY), dhcp("")),
        [(OF_BLOCK, "", AN_ENTRY, "")],
        [f"{OF_BLOCK} {AN_ENTRY} was added outside the portal, only in the stored definition"],
    ),
    "an entry was added to both": (
        *(dhcp(""), dhcp(ENTRY), dhcp(ENTRY)),
        [(OF_BLOCK, "", AN_ENTRY, AN_ENTRY)],
        [f"{OF_BLOCK} {AN_ENTRY} was added outside the portal"],
    ),
    "an entry was taken from what runs": (
        *(dhcp(ENTRY), dhcp(ENTRY), dhcp("")),
        [(OF_BLOCK, AN_ENTRY, AN_ENTRY, "")],
        [f"{OF_BLOCK} {AN_ENTRY} is missing in the running network"],
    ),
    "an entry was taken from both": (
        *(dhcp(ENTRY), dhcp(""), dhcp("")),
        [(OF_BLOCK, AN_ENTRY, "", "")],
        [f"{OF_BLOCK} {AN_ENTRY} is missing"],
    ),
    "an entry of an inactive one": (
        *(dhcp(""), dhcp(ENTRY), ""),
        [(OF_BLOCK, "", AN_ENTRY, None)],
        [f"{OF_BLOCK} {AN_ENTRY} was added outside the portal"],
    ),
    "a field is stored otherwise than it runs": (
        *(network(""), DOMAIN, network("")),
        [("Domain", "", "x", "")],
        ["Domain: stored x, running none, expected none"],
    ),
    "three values of one field": (
        *(network("<mtu size='1'/>"), network("<mtu size='2'/>"), network("<mtu size='3'/>")),
        [("MTU", "1", "2", "3")],
        ["MTU: stored 2, running 3, expected 1"],
    ),
    "a title, which a running network does not learn": (
        *(network("<title>a</title>"), network("<title>b</title>"), network("<title>a</title>")),
        [("Title", "a", "b", "b")],
        ["Title: found b, expected a"],
    ),
}


@pytest.mark.parametrize("case", SIDES)
def test_each_difference_says_which_side_has_it(case):
    saved, stored, running, expected, said = SIDES[case]
    assert sides(saved, stored, running) == expected
    assert [str(one) for one in drifts(saved, stored, running)] == said
