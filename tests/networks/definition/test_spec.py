"""Documents of networks read: what the portal models of them, and what is refused."""

from dataclasses import replace
from ipaddress import ip_interface

import pytest

from networks.definition.document.parse import DocumentError, parse, read
from networks.definition.spec import (
    BandwidthSpec,
    DNSHostSpec,
    ForwarderSpec,
    HostSpec,
    NetworkSpec,
    PortGroupSpec,
    RangeSpec,
    RouteSpec,
    SubnetSpec,
)
from tests import DATA
from tests.support.schemas import assert_valid

FOLDER = DATA / "networks"
FILES = sorted(path.stem for path in FOLDER.glob("*.xml"))
FIRST = HostSpec(mac="52:54:00:00:00:08", ip="10.255.0.8")
SECOND = HostSpec(mac="52:54:00:00:00:09", ip="10.255.0.9")
BLOCKS = (SubnetSpec(address="10.255.0.1", prefix=24, hosts=(FIRST,)), SubnetSpec(address="fd00::1", prefix=64))
NET1 = NetworkSpec(name="net1", subnets=BLOCKS)

LAUGHS = "".join(f"<!ENTITY l{n} '{f'&l{n - 1};' * 10}'>" for n in range(1, 10))
BILLION = f"<!DOCTYPE network [<!ENTITY l0 'ha'>{LAUGHS}]>\n<network><name>&l9;</name></network>"
BILLION_IN_ATTRIBUTE = BILLION.replace("<name>&l9;</name>", "<bridge name='&l9;'/>")
EXTERNAL = "<!DOCTYPE x [<!ENTITY e SYSTEM 'file://{path}'>]>\n<network><name>&e;</name></network>"


def document(name: str) -> str:
    return (FOLDER / f"{name}.xml").read_text()


def network(inner: str) -> NetworkSpec:
    """What is read of a network with some XML in it."""
    return parse(f"<network><name>net1</name>{inner}</network>")


def subnet(inner: str, ip: str = "address='10.255.0.1' prefix='24'") -> SubnetSpec:
    return network(f"<ip {ip}>{inner}</ip>").subnets[0]


@pytest.mark.parametrize("name", FILES)
def test_every_golden_document_is_valid_for_libvirt(name):
    assert_valid("network", document(name))


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("default", ("nat", "192.168.122.1/24", "test", "192.168.122.2-192.168.122.254", "virbr0")),
        (
            "several",
            (
                "route",
                "10.1.0.1/24,10.2.0.1/16,10.99.0.1/8,fd00:1::1/64",
                "",
                "10.1.0.2-10.1.0.99,10.1.0.128-10.1.0.254,fd00:1::100-fd00:1::1ff",
                "virbr7",
            ),
        ),
        ("rich", ("nat", "10.8.0.1/24", "rich.test", "10.8.0.2-10.8.0.254", "virbr8")),
        ("bridged", ("bridge", "", "", "", "br0")),
    ],
)
def test_virters_columns_are_read(name, row):
    spec = parse(document(name))
    assert (spec.name, spec.forward_mode, spec.ip_range, spec.domain, spec.dhcp, spec.bridge) == (name, *row)


def test_all_that_is_modelled_is_read():
    assert parse(document("rich")) == NetworkSpec(
        name="rich",
        uuid="0f1f9c8e-5d6c-4f51-8f6b-0a6d8f6f2b77",
        forward_mode="nat",
        bridge="virbr8",
        stp=False,
        domain="rich.test",
        local_only=True,
        forwarders=(ForwarderSpec(domain="corp.test", address="10.0.0.53"),),
        dns_hosts=(DNSHostSpec(ip="10.8.0.9", names=("files",)),),
        subnets=(
            SubnetSpec(
                address="10.8.0.1",
                prefix=24,
                ranges=(RangeSpec(start="10.8.0.2", end="10.8.0.254", lease=3600),),
                hosts=(HostSpec(mac="52:54:00:00:00:09", ip="10.8.0.9", lease=0),),
                tftp_root="/srv/tftp",
                boot_file="pxelinux.0",
            ),
        ),
        routes=(RouteSpec(destination="10.20.0.0/16", gateway="10.8.0.2"),),
        inbound=BandwidthSpec(average=1000, peak=5000, burst=5120),
        port_groups=(PortGroupSpec(name="fast", default=True, inbound=BandwidthSpec(average=2000)),),
        dnsmasq_options=("log-dhcp",),
    )


def test_a_network_that_says_nothing_has_libvirts_defaults():
    assert network("") == NetworkSpec(name="net1")
    assert (network("").dns, network("").stp, network("").forward_mode) == (True, True, "")


@pytest.mark.parametrize(
    ("inner", "values"),
    [
        (
            "<title>the lab’s</title><description>a &amp; b</description>",
            {"title": "the lab’s", "description": "a & b"},
        ),
        ("<forward/>", {"forward_mode": "nat"}),
        ("<forward mode='open'/>", {"forward_mode": "open"}),
        ("<forward mode='route' dev='eth1'/>", {"forward_mode": "route", "forward_devices": ("eth1",)}),
        (
            "<forward mode='private' dev='a'><interface dev='a'/><interface dev='b'/></forward>",
            {"forward_mode": "private", "forward_devices": ("a", "b")},
        ),
        ("<forward mode='vepa'><interface dev='a'/></forward>", {"forward_mode": "vepa", "forward_devices": ("a",)}),
        ("<forward mode='hostdev'><pf dev='eth0'/></forward>", {"forward_mode": "hostdev"}),
        (
            "<forward><nat ipv6='yes'><address start='1.2.3.4' end='1.2.3.5'/><port start='9' end='99'/></nat>"
            "</forward>",
            {"forward_mode": "nat", "nat_ipv6": True, "nat_addresses": "1.2.3.4-1.2.3.5", "nat_ports": "9-99"},
        ),
        ("<bridge name='br0' stp='off'/>", {"bridge": "br0", "stp": False}),
        ("<mtu size='9000'/>", {"mtu": 9000}),
        ("<mtu size='many'/>", {"mtu": None}),
        ("<port isolated='yes'/>", {"isolated_ports": True}),
        ("<port isolated='no'/>", {"isolated_ports": False}),
        ("<domain name='a.test' localOnly='no'/>", {"domain": "a.test"}),
        ("<dns enable='no'/>", {"dns": False}),
        ("<dns enable='yes'/>", {}),
        (
            "<dns><forwarder addr='1.1.1.1'/><forwarder domain='a.test'/></dns>",
            {"forwarders": (ForwarderSpec(address="1.1.1.1"), ForwarderSpec(domain="a.test"))},
        ),
        (
            "<dns><host ip='fd00::5'><hostname>a</hostname><hostname>b</hostname></host></dns>",
            {"dns_hosts": (DNSHostSpec(ip="fd00::5", names=("a", "b")),)},
        ),
        (
            "<route family='ipv6' address='fd08::' prefix='48' gateway='fd00::7' metric='5'/>",
            {"routes": (RouteSpec(destination="fd08::/48", gateway="fd00::7", metric=5),)},
        ),
        (
            "<route address='10.8.0.0' netmask='255.255.0.0' gateway='10.0.0.7'/>",
            {"routes": (RouteSpec(destination="10.8.0.0/16", gateway="10.0.0.7"),)},
        ),
        ("<bandwidth><outbound average='7' floor='1'/></bandwidth>", {"outbound": BandwidthSpec(average=7, floor=1)}),
        (
            "<portgroup name='a'><vlan><tag id='0x2a' nativeMode='untagged'/><tag id='7'/></vlan></portgroup>",
            {"port_groups": (PortGroupSpec(name="a", tags=(42, 7), trunk=True, native=42),)},
        ),
        (
            "<portgroup name='a'><vlan trunk='yes'><tag id='7'/></vlan></portgroup>",
            {"port_groups": (PortGroupSpec(name="a", tags=(7,), trunk=True),)},
        ),
        ("<!-- <mtu size='9000'/> --><other:mtu xmlns:other='urn:other' size='9000'/>", {}),
    ],
)
def test_each_field_is_read_in_each_of_its_spellings(inner, values):
    assert network(inner) == NetworkSpec(name="net1", **values)


@pytest.mark.parametrize(
    ("ip", "cidr"),
    [
        ("address='10.255.0.1' prefix='24'", "10.255.0.1/24"),
        ("address='10.255.0.1' netmask='255.255.255.128'", "10.255.0.1/25"),
        ("address='10.255.0.1'", "10.255.0.1/8"),
        ("address='172.16.0.1'", "172.16.0.1/16"),
        ("address='192.168.0.1'", "192.168.0.1/24"),
        ("family='ipv6' address='fd00::1'", "fd00::1/64"),
        ("family='ipv6' address='fd00::1' prefix='48'", "fd00::1/48"),
    ],
)
def test_a_block_has_its_prefix_length_in_every_notation(ip, cidr):
    assert subnet("", ip).cidr == cidr
    assert subnet("", ip).interface == ip_interface(cidr)


@pytest.mark.parametrize(
    ("lease", "seconds", "line"),
    [
        ("", None, ""),
        ("<lease expiry='0'/>", 0, " infinite"),
        ("<lease expiry='90'/>", 5400, " 90m"),
        ("<lease expiry='12' unit='hours'/>", 43200, " 12h"),
        ("<lease expiry='150' unit='seconds'/>", 150, " 150s"),
        ("<lease expiry='120' unit='minutes'/>", 7200, " 2h"),
    ],
)
def test_lease_times_are_kept_in_seconds_and_shown_in_the_largest_whole_unit(lease, seconds, line):
    block = subnet(f"<dhcp><range start='10.255.0.2' end='10.255.0.9'>{lease}</range></dhcp>")
    assert block.ranges == (RangeSpec(start="10.255.0.2", end="10.255.0.9", lease=seconds),)
    assert str(block.ranges[0]) == f"10.255.0.2-10.255.0.9{line}"


def test_host_entries_are_known_by_mac_name_or_duid():
    block = subnet(
        "<dhcp><host mac='52:54:00:AB:00:08' ip='10.255.0.8'/><host name='nine' ip='10.255.0.9'/>"
        "<host id='00:03:00:01:AA:bb:cc:dd:ee:ff' ip='fd00::8'/></dhcp>"
    )
    assert block.dhcp
    assert [str(host) for host in block.hosts] == [
        "52:54:00:ab:00:08 10.255.0.8",
        "10.255.0.9 nine",
        "id:00:03:00:01:aa:bb:cc:dd:ee:ff fd00::8",
    ]


def test_a_blocks_boot_files_are_read():
    block = subnet("<tftp root='/srv'/><dhcp><bootp file='a' server='10.0.0.2'/></dhcp>")
    assert (block.tftp_root, block.boot_file, block.boot_server, block.dhcp) == ("/srv", "a", "10.0.0.2", False)


def test_an_ip_without_an_address_is_no_block():
    assert network("<ip family='ipv4'/>").subnets == ()


def test_the_first_block_of_each_family_is_found():
    assert (NET1.block(4), NET1.block(6)) == (ip_interface("10.255.0.1/24"), ip_interface("fd00::1/64"))
    assert NetworkSpec(name="net1").block() is None


def test_host_entries_go_to_the_block_that_holds_their_address():
    guest = HostSpec(duid="00:03:00:01:52:54:00:00:00:08", ip="fd00::8")
    homeless = HostSpec(mac="52:54:00:00:00:0a", ip="192.0.2.1")
    assert NET1.with_hosts([SECOND, guest, homeless, FIRST]).hosts == (FIRST, SECOND, guest)
    assert NET1.with_hosts([SECOND], without=[FIRST.mac]).hosts == (SECOND,)
    assert NET1.without_hosts() == replace(NET1, subnets=(replace(BLOCKS[0], hosts=()), BLOCKS[1]))


@pytest.mark.parametrize(
    ("text", "said", "line"),
    [
        ("", "not well-formed XML", 1),
        ("net1", "not well-formed XML", 1),
        ("<network>\n<name>net1</name>\n", "not well-formed XML", 3),
        ("<network>\n<name>net1</nom>\n</network>", "not well-formed XML", 2),
        ("<network><bridge name=virbr0/></network>", "not well-formed XML", 1),
        ("<network>\n<name>&nbsp;</name></network>", "not well-formed XML", 2),
        ("<network/><network/>", "not well-formed XML", 1),
        ("<network>\n\x00</network>", "not well-formed XML", 2),
        ("\n<!-- a\nVM -->\n<domain/>", "a <domain>, not a <network>", 4),
        ("<a:network xmlns:a='urn:a'/>", "not a <network>", 1),
        ("<!-- two\nlines -->\n<!DOCTYPE network>\n<network/>", "DOCTYPE", 3),
    ],
)
def test_a_document_that_is_no_network_is_refused_with_its_line(text, said, line):
    with pytest.raises(DocumentError, match=said) as caught:
        parse(text)
    assert caught.value.line == line


@pytest.mark.parametrize("text", [BILLION, BILLION_IN_ATTRIBUTE], ids=["text", "attribute"])
def test_a_billion_laughs_are_refused_before_they_are_laughed(text):
    with pytest.raises(DocumentError) as caught:
        read(text)
    assert caught.value.line in (1, 2)
    assert len(str(caught.value)) < 200


def test_an_external_entity_is_refused_and_its_file_is_not_read(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("sesame")
    with pytest.raises(DocumentError, match="DOCTYPE") as caught:
        read(EXTERNAL.format(path=secret))
    assert caught.value.line == 1
    assert "sesame" not in str(caught.value)


def test_text_is_read_as_utf_8_regardless_of_its_declaration():
    assert parse("<?xml version='1.0' encoding='latin-1'?><network><name>nät</name></network>").name == "nät"
