"""Lines of text for the parts of a network: what people type is read, and what is shown can be typed again."""

from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from networks.definition.lines import (
    address,
    dns_name,
    lease,
    read_bandwidth,
    read_block,
    read_dns_host,
    read_forwarder,
    read_host,
    read_port_group,
    read_range,
    read_route,
    read_span,
)
from networks.definition.spec import (
    BandwidthSpec,
    DNSHostSpec,
    ForwarderSpec,
    HostSpec,
    PortGroupSpec,
    RangeSpec,
    RouteSpec,
)
from tests.support.examples import examples
from tests.support.specs import specs

MAC, DUID = "52:54:00:00:00:08", "00:03:00:01:52:54:00:00:00:08"


def port(text: str) -> str:
    return read_span(text, "port")


def span(text: str) -> str:
    return read_span(text, "address")


@pytest.mark.parametrize(
    ("reader", "typed", "part"),
    [
        (read_range, "10.0.0.2-10.0.0.9", RangeSpec(start="10.0.0.2", end="10.0.0.9")),
        (read_range, "  10.0.0.2-10.0.0.2   12h ", RangeSpec(start="10.0.0.2", end="10.0.0.2", lease=43200)),
        (read_range, "FD00::0:2-fd00::ff infinite", RangeSpec(start="fd00::2", end="fd00::ff", lease=0)),
        (read_host, f"{MAC} 10.0.0.8", HostSpec(mac=MAC, ip="10.0.0.8")),
        (read_host, "52-54-00-AB-00-08 10.0.0.8", HostSpec(mac="52:54:00:ab:00:08", ip="10.0.0.8")),
        (read_host, "5254.00AB.0008 10.0.0.8", HostSpec(mac="52:54:00:ab:00:08", ip="10.0.0.8")),
        (read_host, "525400ab0008 10.0.0.8", HostSpec(mac="52:54:00:ab:00:08", ip="10.0.0.8")),
        (read_host, "10.0.0.8 525400AB0008 files", HostSpec(mac="52:54:00:ab:00:08", ip="10.0.0.8", name="files")),
        (read_host, "files 10.0.0.8 525400ab0008", HostSpec(mac="52:54:00:ab:00:08", ip="10.0.0.8", name="files")),
        (read_host, "10.0.0.8 5254.00ab.0008", HostSpec(mac="52:54:00:ab:00:08", ip="10.0.0.8")),
        (read_host, f"{MAC} 10.0.0.8 0123456789ab", HostSpec(mac=MAC, ip="10.0.0.8", name="0123456789ab")),
        (read_host, "10.0.0.8 0123456789ab 2m", HostSpec(ip="10.0.0.8", name="0123456789ab", lease=120)),
        (read_host, "fd00::8 dead.beef.cafe", HostSpec(ip="fd00::8", name="dead.beef.cafe")),
        (read_host, "[FD00::8] files", HostSpec(ip="fd00::8", name="files")),
        (read_host, f"files 10.0.0.8 {MAC} 2d", HostSpec(mac=MAC, ip="10.0.0.8", name="files", lease=172800)),
        (read_host, "10.0.0.8 files", HostSpec(ip="10.0.0.8", name="files")),
        (read_host, f"id:{DUID.upper()} FD00::8 files", HostSpec(duid=DUID, ip="fd00::8", name="files")),
        (read_host, f"id:{DUID} fd00::8 infinite", HostSpec(duid=DUID, ip="fd00::8", lease=0)),
        (read_forwarder, "10.0.0.53", ForwarderSpec(address="10.0.0.53")),
        (read_forwarder, "corp.test", ForwarderSpec(domain="corp.test")),
        (read_forwarder, "corp.test 2001:DB8::53", ForwarderSpec(domain="corp.test", address="2001:db8::53")),
        (read_dns_host, "10.0.0.5 mirror", DNSHostSpec(ip="10.0.0.5", names=("mirror",))),
        (read_dns_host, "fd00::5  mirror  mirror.lab", DNSHostSpec(ip="fd00::5", names=("mirror", "mirror.lab"))),
        (read_route, "10.8.0.0/16 via 10.0.0.7", RouteSpec(destination="10.8.0.0/16", gateway="10.0.0.7")),
        (
            read_route,
            "fd08::/48  via fd00::7 metric 5",
            RouteSpec(destination="fd08::/48", gateway="fd00::7", metric=5),
        ),
        (read_bandwidth, "1000", BandwidthSpec(average=1000)),
        (read_bandwidth, "1000, 5000, 1024", BandwidthSpec(average=1000, peak=5000, burst=1024)),
        (read_bandwidth, "1000,,1024", BandwidthSpec(average=1000, burst=1024)),
        (read_port_group, "staff", PortGroupSpec(name="staff")),
        (read_port_group, "staff default vlan=42", PortGroupSpec(name="staff", default=True, tags=(42,))),
        (read_port_group, "all vlan=1,2", PortGroupSpec(name="all", tags=(1, 2), trunk=True)),
        (read_port_group, "all vlan=7 trunk native=7", PortGroupSpec(name="all", tags=(7,), trunk=True, native=7)),
        (read_port_group, "zero vlan=0 native=0", PortGroupSpec(name="zero", tags=(0,), native=0)),
        (
            read_port_group,
            "slow in=10,20,30 out=5",
            PortGroupSpec(
                name="slow",
                inbound=BandwidthSpec(average=10, peak=20, burst=30),
                outbound=BandwidthSpec(average=5),
            ),
        ),
        (read_block, " 10.255.0.1/24 ", "10.255.0.1/24"),
        (read_block, "10.255.0.1/255.255.255.0", "10.255.0.1/24"),
        (read_block, "FD00:0:0::1/64", "fd00::1/64"),
        (port, "1024-65535", "1024-65535"),
        (port, "80", "80-80"),
        (port, " 080 - 90 ", "80-90"),
        (span, "203.0.113.8 - 203.0.113.9", "203.0.113.8-203.0.113.9"),
        (span, "203.0.113.8", "203.0.113.8-203.0.113.8"),
        (address, "FD00::0:1", "fd00::1"),
        (address, "FD00:0000:0000:0000:0000:0000:0000:0008", "fd00::8"),
        (address, "[fd00::8]", "fd00::8"),
        (address, "[::FFFF:10.0.0.8]", str(ip_address("::ffff:a00:8"))),
        (address, "fd00::10.0.0.8", "fd00::a00:8"),
        (address, "0.0.0.0", "0.0.0.0"),
        (dns_name, "Mirror-1.lab.test", "Mirror-1.lab.test"),
        (lease, "2m", 120),
        (lease, "120s", 120),
        (lease, "1d", 86400),
        (lease, "infinite", 0),
    ],
)
def test_a_line_is_read_as_people_type_it(reader, typed, part):
    assert reader(typed) == part


@pytest.mark.parametrize(
    ("reader", "typed", "said"),
    [
        (read_range, "10.0.0.9-10.0.0.2", "must be the lower one"),
        (read_range, "10.0.0.2-fd00::2", "must be the lower one"),
        (read_range, "10.0.0.2", "enter a range like"),
        (read_range, "10.0.0.2 - 10.0.0.9", "enter a range like"),
        (read_range, "12h", "enter a range like"),
        (read_range, "10.0.0.2-10.0.0.300", "10.0.0.300 is not an IP address"),
        (read_range, "10.0.0.2-10.0.0.9 1m", "shortest lease time is 2m"),
        (read_range, "10.0.0.2-10.0.0.9 0s", "shortest lease time is 2m"),
        (read_host, MAC, "enter a reservation like"),
        (read_host, "10.0.0.8", "enter a reservation like"),
        (read_host, f"{MAC} 10.0.0.8 10.0.0.9", "10.0.0.8 and 10.0.0.9 are of the same kind"),
        (read_host, f"{MAC} 52:54:00:00:00:09 10.0.0.9", "are of the same kind"),
        (read_host, "53:54:00:00:00:08 10.0.0.8", "multicast"),
        (read_host, "00:00:00:00:00:00 10.0.0.8", "zeros"),
        (read_host, f"{MAC} 10.0.0.256", "not an IP address"),
        (read_host, f"{MAC} 10.0.0.08", "10.0.0.08 has a leading zero, which some programs read as octal. Remove it."),
        (read_host, f"{MAC} [10.0.0.8]", "not an IP address"),
        (read_host, f"{MAC} [fd00::8", "not an IP address"),
        (read_host, "0123.4567.89ab fd00::8", "multicast"),
        (read_host, "525400b372d7 fd00::8", "not by a MAC"),
        (read_host, "525400b372d7", "enter a reservation like"),
        (read_host, f"{MAC} 10.0.0.8 bücher", "in ASCII it is xn--bcher-kva"),
        (read_host, f"{MAC} 10.0.0.8 _files", "not a DNS name"),
        (read_host, f"{MAC} 10.0.0.8 <b>", "not a DNS name"),
        (read_host, "id:xy fd00::8", "not a DUID"),
        (read_host, "id: fd00::8", "not a DUID"),
        (read_host, f"id:{':'.join(['00'] * 131)} fd00::8", "not a DUID"),
        (read_host, f"id:{DUID} 10.0.0.8", "only IPv6"),
        (read_host, f"{MAC} fd00::8", "not by a MAC"),
        (read_host, f"{MAC} 10.0.0.8 12h files", "12h is a lease time"),
        (read_host, f"{MAC} fe80::8%eth0", "not a DNS name"),
        (read_forwarder, "", "enter an address, a domain"),
        (read_forwarder, "a.test b.test", "not an IP address"),
        (read_forwarder, "a b c", "enter an address, a domain"),
        (read_forwarder, "a_b", "not a DNS name"),
        (read_forwarder, "10.0.0.256", "not an IP address"),
        (read_forwarder, "fe80::53%eth0", "not a DNS name"),
        (read_dns_host, "", "at least one name"),
        (read_dns_host, "10.0.0.5", "at least one name"),
        (read_dns_host, "mirror 10.0.0.5", "not an IP address"),
        (read_dns_host, "10.0.0.5 mirror -x", "not a DNS name"),
        (read_route, "10.8.0.1/16 via 10.0.0.7", "host bits set"),
        (read_route, "10.8.0.0/16 over 10.0.0.7", "enter a route like"),
        (read_route, "10.8.0.0 via 10.0.0.7", "enter a route like"),
        (read_route, "10.8.0.0/16 via fd00::7", "the same address family"),
        (read_route, "10.8.0.0/16 via 10.0.0.7 metric low", "enter a route like"),
        (read_route, "10.8.0.0/16 via 10.0.0.7 metric -1", "enter a route like"),
        (read_route, "10.8.0.0/16 via 10.0.0.7 metric 0", "enter a route like"),
        (read_bandwidth, "", "average,peak,burst,floor"),
        (read_bandwidth, "fast", "average,peak,burst,floor"),
        (read_bandwidth, "1,2,3,4,5", "average,peak,burst,floor"),
        (read_bandwidth, "-1", "average,peak,burst,floor"),
        (read_bandwidth, ",5000", "enter the average first"),
        (read_bandwidth, "0", "average,peak,burst,floor"),
        (read_bandwidth, "1000,0", "average,peak,burst,floor"),
        (read_port_group, "", "needs a name"),
        (read_port_group, "staff trunk", "a trunk needs VLAN tags"),
        (read_port_group, "staff vlan=4096", "not a VLAN tag"),
        (read_port_group, "staff vlan=a", "not a VLAN tag"),
        (read_port_group, "staff vlan=", "not a VLAN tag"),
        (read_port_group, "staff vlan=1 native=2", "the native tag must be one of"),
        (read_port_group, "staff in=", "average,peak,burst,floor"),
        (read_port_group, "staff fast", "fast is unknown"),
        (read_port_group, "staff trunk=no", "trunk=no is unknown"),
        (read_block, "10.255.0.1/33", "not an address with a prefix length"),
        (read_block, "net1", "not an address with a prefix length"),
        (read_block, "10.255.0.1", "not an address with a prefix length"),
        (read_block, "fe80::1%eth0/64", "not an address with a prefix length"),
        (port, "0", "enter ports like"),
        (port, "65536", "enter ports like"),
        (port, "9" * 5000, "enter ports like"),
        (port, "90-80", "enter ports like"),
        (port, "80-", "enter ports like"),
        (port, "http", "enter ports like"),
        (span, "203.0.113.9-203.0.113.8", "the lower one first"),
        (span, "fd00::1-fd00::2", "IPv4 addresses"),
        (span, "203.0.113.8-", "not an IP address"),
        (address, "010.255.0.8", "^010.255.0.8 has a leading zero, which some programs read as octal. Remove it.$"),
        (address, "10.000.0.8", "leading zero"),
        (address, "::ffff:10.0.0.08", "leading zero"),
        (address, "010.255.0.300", "not an IP address"),
        (address, "fd00::00008", "not an IP address"),
        (address, "[[fd00::8]]", "not an IP address"),
        (address, "[10.0.0.8]", "not an IP address"),
        (address, "fe80::8%eth0", "not an IP address"),
        (address, "[fe80::8%eth0]", "not an IP address"),
        (address, "fe80::010.0.0.8%eth0", "not an IP address"),
        (address, "", "not an IP address"),
        (dns_name, "bücher", r"^bücher is not a DNS name\. .*separated by dots; in ASCII it is xn--bcher-kva.$"),
        (dns_name, "почта.lab", "in ASCII it is xn--80a1acny.lab.$"),
        (dns_name, "日本語", "in ASCII it is xn--wgv71a119e.$"),
        (dns_name, "bü_cher", "separated by dots.$"),
        (dns_name, "bücher..lab", "separated by dots.$"),
        (dns_name, "ü" * 64, "separated by dots.$"),
        (dns_name, "ü" * 254, "separated by dots.$"),
        (dns_name, "\u06dd", "separated by dots.$"),
        (dns_name, "a" * 64, "not a DNS name"),
        (dns_name, ".".join(["a" * 60] * 5), "not a DNS name"),
        (dns_name, "a..b", "not a DNS name"),
        (dns_name, "mirror\n", "not a DNS name"),
        (lease, "12", "not a lease time"),
        (lease, "1w", "not a lease time"),
        (lease, "9999999999h", "not a lease time"),
    ],
)
def test_an_unreadable_line_is_refused_with_the_allowed_values(reader, typed, said):
    with pytest.raises(ValueError, match=said):
        reader(typed)


@settings(max_examples=examples(200), deadline=None)
@given(specs())
def test_every_part_is_read_back_from_its_line(spec):
    read_back = [
        (read_host, spec.hosts),
        (read_range, [part for subnet in spec.subnets for part in subnet.ranges]),
        (read_forwarder, spec.forwarders),
        (read_dns_host, spec.dns_hosts),
        (read_route, spec.routes),
        (read_bandwidth, [part for part in (spec.inbound, spec.outbound) if part]),
        (read_port_group, spec.port_groups),
    ]
    for reader, parts in read_back:
        assert [reader(str(part)) for part in parts] == list(parts)
    assert [read_block(subnet.cidr) for subnet in spec.subnets] == [subnet.cidr for subnet in spec.subnets]
    assert [port(each) for each in [spec.nat_ports] if each] == [each for each in [spec.nat_ports] if each]
    assert [span(each) for each in [spec.nat_addresses] if each] == [each for each in [spec.nat_addresses] if each]


READERS = (
    *(read_range, read_host, read_forwarder, read_dns_host, read_route, read_bandwidth, read_port_group, read_block),
    *(port, span, address, dns_name, lease),
)
WORDS = ["10.0.0.2", "10.0.0.2-10.0.0.9", "fd00::2", MAC, f"id:{DUID}", "12h", "0s", "via", "metric", "10.8.0.0/16"]
WORDS += ["525400b372d7", "0123456789ab", "5254.00b3.72d7", "[fd00::2]", "[", "bücher", "010.0.0.2", "::ffff:10.0.0.2"]
WORDS += ["infinite", "vlan=1,2", "native=", "in=1", "out=,", "default", "-", "a.b", "²", "ü", "1,,", "default="]


@settings(max_examples=examples(300), deadline=None)
@given(st.sampled_from(READERS), st.lists(st.sampled_from(WORDS) | st.text(max_size=6), max_size=5).map(" ".join))
def test_whatever_is_typed_is_read_or_refused_and_what_is_read_is_stable(reader, typed):
    """Refused by a ValueError with a sentence, never by another error."""
    try:
        part = reader(typed)
    except ValueError as problem:
        assert str(problem)
        return
    if reader is not lease:
        assert reader(str(part)) == part
