"""Networks that are built, and edits of documents, by the name of their golden file."""

from collections.abc import Callable
from dataclasses import replace

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
from tests.support.specs import UUID

V4 = SubnetSpec(address="10.255.0.1", prefix=24, ranges=(RangeSpec(start="10.255.0.2", end="10.255.0.254"),))
V6 = SubnetSpec(address="fd00:255::1", prefix=64)
GUEST = HostSpec(mac="52:54:00:00:00:0a", ip="10.12.0.10")


def net(name: str, **values) -> NetworkSpec:
    return NetworkSpec(name=name, uuid=UUID, **values)


BUILT = [
    net("isolated", subnets=(V4,), dns=False),
    net("empty"),
    net(
        "nat",
        forward_mode="nat",
        forward_devices=("eth0",),
        nat_ports="1024-32767",
        nat_addresses="203.0.113.8-203.0.113.9",
        nat_ipv6=True,
        domain="lab.test",
        subnets=(V4, V6),
    ),
    net("route", forward_mode="route", forward_devices=("eth1",), subnets=(V4,), mtu=9000),
    net("open", forward_mode="open", bridge="virbr40", stp=False, subnets=(V6,)),
    net("bridge", forward_mode="bridge", bridge="br0"),
    net("macvtap-bridge", forward_mode="bridge", forward_devices=("eth0",)),
    net("macvtap-private", forward_mode="private", forward_devices=("eth0", "eth1")),
    net("macvtap-vepa", forward_mode="vepa", forward_devices=("eth0",)),
    net("macvtap-passthrough", forward_mode="passthrough", forward_devices=("eth0", "eth1", "eth2")),
    net("hostdev", forward_mode="hostdev", forward_devices=("eth0",)),
    net(
        "everything",
        forward_mode="nat",
        bridge="virbr41",
        stp=False,
        mtu=1400,
        isolated_ports=True,
        domain="lab.test",
        local_only=True,
        forwarders=(
            ForwarderSpec(domain="corp.test", address="10.0.0.53"),
            ForwarderSpec(address="2001:db8::53"),
            ForwarderSpec(domain="internal.test"),
        ),
        dns_hosts=(DNSHostSpec(ip="10.255.0.5", names=("mirror", "mirror.lab.test")),),
        subnets=(
            replace(
                V4,
                ranges=(
                    RangeSpec(start="10.255.0.2", end="10.255.0.99", lease=43200),
                    RangeSpec(start="10.255.0.128", end="10.255.0.254"),
                ),
                hosts=(
                    HostSpec(mac="52:54:00:00:00:08", ip="10.255.0.8", name="alma-8-8", lease=0),
                    HostSpec(name="known-by-name", ip="10.255.0.9", lease=125),
                ),
                tftp_root="/srv/tftp",
                boot_file="pxelinux.0",
                boot_server="10.255.0.5",
            ),
            replace(
                V6,
                ranges=(RangeSpec(start="fd00:255::100", end="fd00:255::1ff"),),
                hosts=(HostSpec(duid="00:03:00:01:52:54:00:00:00:08", name="eight", ip="fd00:255::8", lease=5400),),
            ),
        ),
        routes=(
            RouteSpec(destination="10.8.0.0/16", gateway="10.255.0.7", metric=5),
            RouteSpec(destination="fd08::/48", gateway="fd00:255::7"),
        ),
        inbound=BandwidthSpec(average=1000, peak=5000, burst=1024),
        outbound=BandwidthSpec(average=128),
        port_groups=(
            PortGroupSpec(name="fast", default=True, inbound=BandwidthSpec(average=2000)),
            PortGroupSpec(name="tagged", tags=(42,), outbound=BandwidthSpec(average=7, burst=8)),
            PortGroupSpec(name="trunk", tags=(42, 0), trunk=True, native=0),
        ),
        dnsmasq_options=("log-dhcp", "local-ttl=5"),
    ),
]


def in_block(**values) -> Callable[[NetworkSpec], NetworkSpec]:
    """Return an edit of the first block."""
    return lambda spec: replace(spec, subnets=(replace(spec.subnets[0], **values), *spec.subnets[1:]))


def fields(**values) -> Callable[[NetworkSpec], NetworkSpec]:
    return lambda spec: replace(spec, **values)


def add_host(spec: NetworkSpec) -> NetworkSpec:
    return spec.with_hosts([GUEST], without=["52:54:00:00:00:08"])


# The edited document and its edit, by the name of the golden file.
EDITS = {
    "blocks-added": ("plain", lambda spec: replace(spec, subnets=(*spec.subnets, V4, V6))),
    "block-exchanged": ("plain", fields(subnets=(V4,))),
    "blocks-gone": ("several", lambda spec: replace(spec, subnets=spec.subnets[2:3])),
    "ranges-with-leases": (
        "several",
        in_block(
            ranges=(
                RangeSpec(start="10.1.0.2", end="10.1.0.99", lease=1800),
                RangeSpec(start="10.1.0.128", end="10.1.0.254"),
                RangeSpec(start="10.1.0.110", end="10.1.0.120", lease=0),
            )
        ),
    ),
    "dhcp-off": ("plain", in_block(ranges=(), hosts=())),
    "host-added-and-deleted": ("plain", add_host),
    "host-changed": (
        "plain",
        in_block(
            hosts=(
                HostSpec(mac="52:54:00:00:00:08", ip="10.12.0.8"),
                HostSpec(mac="52:54:00:00:00:09", ip="10.12.0.19", name="nine", lease=3600),
            )
        ),
    ),
    "hosts-of-ipv6": (
        "several",
        lambda spec: spec.with_hosts(
            [
                HostSpec(duid="00:03:00:01:52:54:00:00:00:08", ip="fd00:1::8"),
                HostSpec(name="nine", ip="fd00:1::9", lease=7200),
            ]
        ),
    ),
    "boot-server": ("plain", in_block(tftp_root="/srv/tftp", boot_file="pxelinux.0", boot_server="10.12.0.5")),
    "boot-server-gone": ("rich", in_block(tftp_root="", boot_file="")),
    "domain": ("plain", fields(domain="lab.test", local_only=True)),
    "domain-changed": ("rich", fields(domain="other.test", local_only=False)),
    "domain-gone": ("rich", fields(domain="", local_only=False)),
    "dns-off": ("plain", fields(dns=False)),
    "dns-on": ("isolated", fields(dns=True, dns_hosts=(DNSHostSpec(ip="10.255.0.5", names=("mirror",)),))),
    "dns-entries": (
        "rich",
        fields(
            forwarders=(ForwarderSpec(domain="corp.test", address="10.0.0.53"), ForwarderSpec(address="10.0.0.54")),
            dns_hosts=(DNSHostSpec(ip="10.8.0.9", names=("files", "cellar")),),
        ),
    ),
    "routes": (
        "rich",
        fields(
            routes=(
                RouteSpec(destination="10.20.0.0/16", gateway="10.8.0.2", metric=3),
                RouteSpec(destination="10.30.0.0/16", gateway="10.8.0.3"),
            )
        ),
    ),
    "mtu": ("plain", fields(mtu=1400)),
    "mtu-gone": ("several", fields(mtu=None)),
    "stp-off": ("plain", fields(stp=False)),
    "stp-on": ("rich", fields(stp=True)),
    "bandwidth": ("rich", fields(inbound=None, outbound=BandwidthSpec(average=1000, peak=2000))),
    "bandwidth-gone": ("rich", fields(inbound=None)),
    "port-groups": (
        "rich",
        fields(
            port_groups=(
                PortGroupSpec(name="fast", inbound=BandwidthSpec(average=2000)),
                PortGroupSpec(name="slow", default=True, tags=(7,), outbound=BandwidthSpec(average=10)),
            )
        ),
    ),
    "port-group-keeps-its-virtual-port": (
        "switch",
        fields(
            port_groups=(
                PortGroupSpec(name="staff", tags=(11, 12), trunk=True, inbound=BandwidthSpec(average=10)),
                PortGroupSpec(name="trunk", tags=(10, 20), trunk=True, native=10),
            )
        ),
    ),
    "isolated-ports": ("plain", fields(isolated_ports=True)),
    "dnsmasq-options": ("plain", fields(dnsmasq_options=("log-dhcp", "cname=www,mirror"))),
    "dnsmasq-options-changed": ("rich", fields(dnsmasq_options=("local-ttl=5",))),
    "dnsmasq-options-gone": ("rich", fields(dnsmasq_options=())),
    "isolated-to-nat": ("plain", fields(forward_mode="nat", nat_ports="2000-3000", nat_ipv6=True)),
    "nat-to-isolated": ("default", fields(forward_mode="", nat_ports="")),
    "nat-to-route": ("default", fields(forward_mode="route", nat_ports="", forward_devices=("eth0",))),
    "nat-to-bridge": (
        "default",
        fields(forward_mode="bridge", nat_ports="", bridge="br0", domain="", subnets=()),
    ),
    "nat-addresses": ("default", fields(nat_ports="", nat_addresses="203.0.113.8-203.0.113.9")),
    "nat-plain": ("default", fields(nat_ports="")),
    "bridge-to-nat": ("bridge", fields(forward_mode="nat", bridge="", subnets=(V4,))),
    "hostdev-to-vepa": ("lent", fields(forward_mode="vepa", forward_devices=("eth0",))),
    "devices-in-another-order": ("pool", fields(forward_devices=("eth1", "eth2", "eth0"))),
    "one-device-left": ("pool", fields(forward_devices=("eth1",))),
    "other-device": ("several", fields(forward_devices=("eth2",))),
}
