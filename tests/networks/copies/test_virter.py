"""A network as Virter's command, with a comment that names what the command cannot express."""

from dataclasses import replace

import pytest

from networks.copies.virter import virter
from networks.definition import addressing
from networks.definition.document.compare import differences
from networks.definition.document.edit import build
from networks.definition.document.parse import parse
from networks.definition.spec import DNSHostSpec, HostSpec, NetworkSpec, RangeSpec
from tests.networks.copies.copied_networks import FILES, block, generated, missing_fields, named_fields, read
from tests.networks.copies.virter_command import created_by_virter


@pytest.mark.parametrize(
    ("words", "spec"),
    [
        ("net1", NetworkSpec(name="net1", dns=False)),
        (
            "net1 --network-cidr 10.255.0.1/24 --dhcp",
            NetworkSpec(name="net1", dns=False, subnets=(block("10.255.0.1/24", dhcp=True),)),
        ),
        (
            "lab --forward-mode nat --network-cidr 10.255.0.1/24 --network-v6-cidr fd00:255::1/64 --domain lab.test",
            NetworkSpec(
                name="lab",
                forward_mode="nat",
                nat_ipv6=True,
                domain="lab.test",
                local_only=True,
                subnets=(block("10.255.0.1/24"), block("fd00:255::1/64")),
            ),
        ),
        (
            "ids --network-cidr 10.255.0.1/24 --dhcp --dhcp-id 300 --dhcp-count 3",
            NetworkSpec(
                name="ids",
                dns=False,
                subnets=(
                    block("10.255.0.1/24", dhcp=True, hosts=generated("10.255.0.1/24", addressing.ACCESS_MAC, 300, 3)),
                ),
            ),
        ),
        (
            "full --network-cidr 10.255.0.1/29 --dhcp --dhcp-id 8 --dhcp-count 5",
            NetworkSpec(
                name="full",
                dns=False,
                subnets=(
                    block("10.255.0.1/29", dhcp=True, hosts=generated("10.255.0.1/29", addressing.ACCESS_MAC, 8, 5)),
                ),
            ),
        ),
        (
            "macs --network-cidr 10.255.0.1/24 --dhcp --dhcp-mac 02:00:00:00:00:fe --dhcp-count 4",
            NetworkSpec(
                name="macs",
                dns=False,
                subnets=(
                    block("10.255.0.1/24", dhcp=True, hosts=generated("10.255.0.1/24", "02:00:00:00:00:fe", 0, 4)),
                ),
            ),
        ),
    ],
)
def test_a_network_that_virter_can_create_is_a_command_without_comment(words, spec):
    assert virter(build(spec)) == f"virter network add {words}"
    assert differences(build(spec), created_by_virter(virter(build(spec)))) == ()


@pytest.mark.parametrize(
    ("fields", "changed"),
    [
        ({"MTU"}, {"mtu": 9000}),
        ({"Title", "Description"}, {"title": "x", "description": "y"}),
        ({"DNS"}, {"dns": True}),
        ({"Domain is local only"}, {"domain": "lab.test", "local_only": False, "dns": True}),
        ({"Bridge"}, {"bridge": "br7"}),
        ({"dnsmasq option"}, {"dnsmasq_options": ("log-dhcp",)}),
        ({"DNS host"}, {"dns_hosts": (DNSHostSpec(ip="10.0.0.9", names=("files",)),)}),
        ({"NAT of IPv6", "DNS"}, {"nat_ipv6": True, "forward_mode": "nat", "dns": False}),
        ({"Block"}, {"subnets": (block("10.1.0.1/24"), block("10.2.0.1/24"))}),
        (
            {"DHCP range of 10.1.0.1/24"},
            {"subnets": (replace(block("10.1.0.1/24"), ranges=(RangeSpec(start="10.1.0.9", end="10.1.0.19"),)),)},
        ),
        (
            {"DHCP range of fd00::1/64", "DHCP reservation of 10.1.0.1/24"},
            {
                "subnets": (
                    block("10.1.0.1/24", hosts=generated("10.1.0.1/24", addressing.ACCESS_MAC, 8, 2)),
                    block("fd00::1/64", dhcp=True),
                )
            },
        ),
        (
            {"DHCP reservation of 10.1.0.1/24"},
            {
                "subnets": (
                    block(
                        "10.1.0.1/24",
                        dhcp=True,
                        hosts=(
                            *generated("10.1.0.1/24", addressing.ACCESS_MAC, 8, 2),
                            HostSpec(mac="52:54:00:00:00:0a", ip="10.1.0.4", name="named"),
                        ),
                    ),
                )
            },
        ),
    ],
)
def test_fields_without_a_virter_flag_are_named_in_a_comment(fields, changed):
    document = build(replace(NetworkSpec(name="net1", dns=False), **changed))
    line = virter(document)
    assert named_fields(line) == fields
    assert missing_fields(document, created_by_virter(line)) == fields


@pytest.mark.parametrize("name", FILES)
def test_the_comment_names_exactly_the_fields_that_differ(name):
    line = virter(read(name))
    own = parse(read(name)).bridge.startswith("virbr")
    filled = {"UUID", "Bridge", "MAC address of the host"} if own else {"UUID"}
    assert named_fields(line) == missing_fields(read(name), created_by_virter(line)) - filled
    assert named_fields(line)
