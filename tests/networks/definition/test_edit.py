"""Documents of networks built and edited in place: golden ones, and any one into any other."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from lxml import etree

from networks.definition.document.adjust import fill_in
from networks.definition.document.compare import differences, pretty
from networks.definition.document.edit import build, edit
from networks.definition.document.elements import host_element
from networks.definition.document.parse import parse
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
from tests.support.examples import examples
from tests.support.schemas import assert_valid, network_as_libvirt_prints_it
from tests.support.specs import OWN_BRIDGE, UUID, in_order, specs

FOLDER = DATA / "networks"
FILES = sorted(path.stem for path in FOLDER.glob("*.xml"))
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
    """An edit of the first block."""
    return lambda spec: replace(spec, subnets=(replace(spec.subnets[0], **values), *spec.subnets[1:]))


def fields(**values) -> Callable[[NetworkSpec], NetworkSpec]:
    return lambda spec: replace(spec, **values)


def add_host(spec: NetworkSpec) -> NetworkSpec:
    return spec.with_hosts([GUEST], without=["52:54:00:00:00:08"])


# What is edited, by the name of the outcome: the document and what changes in it.
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


def read(name: str) -> str:
    path = FOLDER / f"{name}.xml"
    return (path if path.exists() else FOLDER / f"built/{name}.xml").read_text()


def words(document: str) -> list[tuple]:
    """Everything in a document, in order: tags, attributes, texts, comments."""
    found = []
    for element in etree.fromstring(document).iter():
        tag = "comment" if element.tag is etree.Comment else element.tag
        found.append((tag, sorted(element.attrib.items()), (element.text or "").strip()))
    return found


def assert_libvirt_agrees(document: str) -> None:
    """libvirt's schema and its test driver take the document, and the driver keeps all of it.

    That driver knows no dnsmasq, and has a network `default` already.
    """
    assert_valid("network", document)
    printed = network_as_libvirt_prints_it(document.replace("<name>default</name>", "<name>judged</name>"))
    left = differences(document, printed.replace("<name>judged</name>", "<name>default</name>"))
    assert [str(one) for one in left if str(one.field) != "dnsmasq option"] == []


@pytest.mark.parametrize("name", FILES)
def test_the_documents_to_be_edited_are_some_of_libvirts(name):
    assert_libvirt_agrees(read(name))


@pytest.mark.parametrize("name", FILES)
def test_an_edit_that_changes_nothing_changes_nothing(name):
    document = read(name)
    assert words(edit(document, parse(document))) == words(document)


@pytest.mark.parametrize("spec", BUILT, ids=lambda spec: spec.name)
def test_a_new_document_is_what_one_would_write_by_hand(spec):
    document = build(spec)
    assert pretty(document) == (FOLDER / f"built/{spec.name}.xml").read_text()
    assert parse(document) == spec
    assert_libvirt_agrees(document)


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_changes_what_was_asked_and_nothing_else(name):
    source, change = EDITS[name]
    document = read(source)
    wanted = change(parse(document))
    edited = edit(document, wanted)
    assert pretty(edited) == (FOLDER / f"edited/{name}.xml").read_text()
    assert in_order(parse(edited)) == in_order(wanted)
    assert edit(edited, wanted) == edited
    assert_libvirt_agrees(edited)


def test_every_golden_file_belongs_to_a_test():
    assert sorted(path.stem for path in (FOLDER / "built").iterdir()) == sorted(spec.name for spec in BUILT)
    assert sorted(path.stem for path in (FOLDER / "edited").iterdir()) == sorted(EDITS)


def test_an_edit_keeps_what_is_not_modelled():
    before = read("rich")
    spec = replace(parse(before), domain="other.test", mtu=1400)
    after = edit(before, spec.with_hosts([HostSpec(mac="52:54:00:00:00:0a", ip="10.8.0.10")]))
    kept = [word for word in words(before) if word in words(after)]
    assert [tag for tag, *_ in words(before) if tag != "domain"] == [tag for tag, *_ in kept]
    assert [tag for tag, *_ in (word for word in words(after) if word not in kept)] == ["mtu", "domain", "host"]
    assert "<!-- asked for by the storage team -->" in after
    assert ">the storage team</lab:owner>" in after


def test_a_port_group_keeps_its_native_mode():
    spec = parse(read("switch"))
    groups = tuple(replace(group, inbound=BandwidthSpec(average=10)) for group in spec.port_groups)
    after = edit(read("switch"), replace(spec, port_groups=groups))
    assert '<tag id="10" nativeMode="tagged"/>' in after
    assert parse(after).port_groups == groups
    assert_libvirt_agrees(after)


def test_a_block_is_the_same_however_its_address_is_spelled():
    before = "<network><name>a</name><ip family='ipv6' address='FD00:0::1' prefix='64' localPtr='yes'/></network>"
    assert parse(before).ip_range == "fd00::1/64"
    assert 'localPtr="yes"' in edit(before, replace(parse(before), mtu=1400))


def test_a_comment_before_the_network_stays():
    assert edit(read("plain"), parse(read("plain"))).startswith("<!-- kept in the lab's repository -->")


def test_title_and_description_stand_where_libvirt_writes_them():
    spec = net("net1", title="The lab's", description="line 1\nline <2>", bridge="virbr1")
    tags = [tag for tag, *_ in words(build(spec))]
    assert tags == ["network", "name", "uuid", "title", "description", "bridge"]
    assert parse(build(spec)) == spec
    assert parse(edit(build(spec), replace(spec, title="", description="other"))).description == "other"
    assert "<title" not in edit(build(spec), replace(spec, title=""))


def test_what_libvirt_chose_is_filled_in_where_a_document_says_nothing():
    document = build(replace(BUILT[0], bridge=""))
    filled = fill_in(document, read("plain"))
    assert [word for word in words(filled) if word not in words(document)] == [
        ("bridge", [("name", "virbr12")], ""),
        ("mac", [("address", "52:54:00:3A:10:01")], ""),
    ]
    assert fill_in(read("default"), read("plain")) == edit(read("default"), parse(read("default")))
    assert fill_in(read("plain"), document).startswith("<!-- kept")


def test_an_edit_without_a_uuid_keeps_the_documents():
    assert parse(edit(read("plain"), replace(parse(read("plain")), uuid=""))).uuid == parse(read("plain")).uuid


def test_an_edit_without_a_bridge_keeps_the_documents():
    assert parse(edit(read("plain"), replace(parse(read("plain")), bridge=""))).bridge == "virbr12"


def test_an_entry_that_stands_twice_stays_once_or_goes():
    document = build(BUILT[0]).replace("</dhcp>", "<host mac='52:54:00:00:00:08' ip='10.255.0.8'/>" * 2 + "</dhcp>")
    assert parse(edit(document, parse(document).without_hosts())).hosts == ()


def test_what_people_type_cannot_become_markup():
    spec = net("<a>&\"'", domain="x", dnsmasq_options=('a="b"<c>',))
    assert parse(build(spec)) == spec


def test_a_host_entry_is_written_as_libvirt_matches_it():
    entry = etree.tostring(host_element(HostSpec(mac="52:54:00:00:00:08", ip="10.0.0.8", name="eight", lease=7200)))
    expected = b'<host mac="52:54:00:00:00:08" name="eight" ip="10.0.0.8"><lease expiry="2" unit="hours"/></host>'
    assert entry == expected


@settings(max_examples=examples(60), deadline=None)
@given(specs(described=False))
def test_what_is_built_is_read_back_and_libvirt_agrees(spec):
    document = build(spec)
    assert parse(document) == spec
    assert_libvirt_agrees(document)


@settings(max_examples=examples(30), deadline=None)
@given(specs())
def test_titles_and_descriptions_are_read_back(spec):
    assert parse(build(spec)) == spec


def left_alone(before: NetworkSpec, after: NetworkSpec) -> NetworkSpec:
    """`after` with the bridge that an edit leaves where none is asked for."""
    modes = {before.forward_mode, after.forward_mode}
    kept = before.bridge if len(modes) == 1 or modes <= set(OWN_BRIDGE) else ""
    return replace(after, bridge=after.bridge or kept)


@settings(max_examples=examples(60), deadline=None)
@given(specs(described=False), specs(described=False))
def test_any_network_can_be_edited_into_any_other(before, after):
    after = replace(after, name=before.name)
    for document in (build(before), network_as_libvirt_prints_it(build(before))):
        edited = edit(document, after)
        assert in_order(parse(edited)) == in_order(left_alone(before, after))
        assert edit(edited, after) == edited
        assert differences(build(after), edited) == ()
        assert_libvirt_agrees(edited)
