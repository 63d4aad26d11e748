"""Documents of networks: read, built, edited in place, and compared."""

from dataclasses import replace
from ipaddress import ip_interface
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from networks.network_xml import (
    HostSpec,
    NetworkSpec,
    RangeSpec,
    SubnetSpec,
    build,
    differences,
    edit,
    host_xml,
    parse,
)
from tests.schemas import assert_valid, network_as_libvirt_prints_it

FOLDER = Path(__file__).parent.parent / "data/networks"
FILES = sorted(path.stem for path in FOLDER.glob("*.xml"))
NET1 = NetworkSpec(
    name="net1",
    uuid="4dea22b3-1d52-d8f3-2516-782e98ab3fa0",
    subnets=(SubnetSpec(address="10.255.0.1", prefix=24, ranges=(RangeSpec(start="10.255.0.2", end="10.255.0.254"),)),),
    dns=False,
)


def read(name: str) -> str:
    return (FOLDER / f"{name}.xml").read_text()


def words(document: str) -> list[tuple]:
    """Everything in a document, in order: tags, attributes, texts, comments."""
    found = []
    for element in etree.fromstring(document).iter():
        tag = "comment" if element.tag is etree.Comment else element.tag
        found.append((tag, sorted(element.attrib.items()), (element.text or "").strip()))
    return found


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
    spec = parse(read(name))
    assert (spec.name, spec.forward_mode, spec.ip_range, spec.domain, spec.dhcp, spec.bridge) == (name, *row)


def test_the_rest_that_we_model_is_read():
    rich, several = parse(read("rich")), parse(read("several"))
    assert rich.hosts == (HostSpec(mac="52:54:00:00:00:09", ip="10.8.0.9"),)
    assert (rich.dnsmasq_options, rich.dns, rich.mtu) == (("log-dhcp",), True, None)
    assert several.mtu == 9000
    assert parse("<network><name>x</name><dns enable='no'/></network>").dns is False
    assert parse("<network><name>x</name><forward/></network>").forward_mode == "nat"


@pytest.mark.parametrize("name", FILES)
def test_an_edit_that_changes_nothing_changes_nothing(name):
    document = read(name)
    assert words(edit(document, parse(document))) == words(document)


@pytest.mark.parametrize("name", FILES)
def test_every_golden_document_is_one_of_libvirts(name):
    assert_valid("network", read(name))


def test_an_edit_keeps_what_is_not_modelled():
    before = read("rich")
    spec = replace(parse(before), domain="other.test", mtu=1400)
    hosts = (HostSpec(mac="52:54:00:00:00:0a", ip="10.8.0.10"),)
    spec = replace(spec, subnets=(replace(spec.subnets[0], hosts=(*spec.hosts, *hosts)),))
    after = edit(before, spec)
    assert parse(after) == spec
    assert_valid("network", after)
    kept = [word for word in words(before) if word in words(after)]
    assert [tag for tag, *_ in words(before) if tag != "domain"] == [tag for tag, *_ in kept]
    assert [tag for tag, *_ in (word for word in words(after) if word not in kept)] == ["mtu", "domain", "host"]
    assert "<!-- asked for by the storage team -->" in after
    assert "the storage team" in after
    assert 'localOnly="yes"' in after


def test_a_block_may_be_exchanged_and_forwarding_taken_away():
    spec = replace(parse(read("default")), forward_mode="", domain="", dns=False, subnets=NET1.subnets)
    after = edit(read("default"), spec)
    assert parse(after) == spec
    assert_valid("network", after)


def test_a_new_document_is_what_virter_would_define():
    spec = replace(
        NET1,
        forward_mode="nat",
        domain="lab.test",
        dns=True,
        dnsmasq_options=("log-dhcp",),
        subnets=(*NET1.subnets, SubnetSpec(address="fd00::1", prefix=64)),
    )
    document = build(spec)
    assert '<forward mode="nat"><nat ipv6="yes"/></forward>' in document
    assert '<domain name="lab.test" localOnly="yes"/>' in document
    assert '<ip family="ipv6" address="fd00::1" prefix="64"/>' in document
    assert "<dns " not in document
    assert '<dns enable="no"/>' in build(NET1)
    assert_valid("network", document)


def test_what_people_type_cannot_become_markup():
    document = build(replace(NET1, name="<a>&\"'", domain="x"))
    assert parse(document).name == "<a>&\"'"


names = st.text(st.characters(categories=["L", "N"], include_characters="-. <>&\"'"), min_size=1, max_size=50).filter(
    lambda name: name.strip(" .") and name == name.strip()
)
labels = st.from_regex(r"[a-z]([a-z0-9-]{0,20}[a-z0-9])?(\.test)?", fullmatch=True)


@st.composite
def subnets(draw) -> SubnetSpec:
    version = draw(st.sampled_from([4, 6]))
    if version == 4:
        base, prefix = f"10.{draw(st.integers(0, 255))}.{draw(st.integers(0, 255))}.1", draw(st.integers(16, 29))
    else:
        base, prefix = f"fd00:{draw(st.integers(1, 0xFFFF)):x}::1", 64
    interface = ip_interface(f"{base}/{prefix}")
    ranges, hosts = (), ()
    if draw(st.booleans()):
        ranges = (RangeSpec(start=str(interface.ip + 1), end=str(interface.ip + 3)),)
        if version == 4 and draw(st.booleans()):
            mac = f"52:54:00:00:{draw(st.integers(0, 255)):02x}:01"
            hosts = (HostSpec(mac=mac, ip=str(interface.ip + 2), name=draw(st.sampled_from(["", "files"]))),)
    return SubnetSpec(address=str(interface.ip), prefix=prefix, ranges=ranges, hosts=hosts)


@st.composite
def specs(draw) -> NetworkSpec:
    blocks = draw(st.lists(subnets(), max_size=3, unique_by=lambda subnet: subnet.interface.network))
    networks = [subnet.interface.network for subnet in blocks]
    overlap = any(
        one is not other and one.version == other.version and one.overlaps(other)
        for one in networks
        for other in networks
    )
    blocks = blocks[:1] if overlap else blocks
    # libvirt serves DHCP for one block of a family only
    served: set[int] = set()
    kept = []
    for block in blocks:
        kept.append(replace(block, ranges=(), hosts=()) if block.dhcp and block.family in served else block)
        served |= {block.family} if block.dhcp else set()
    return NetworkSpec(
        name=draw(names),
        uuid=str(draw(st.uuids())),
        forward_mode=draw(st.sampled_from(["", "nat", "route", "open"])) if kept else "",
        bridge=draw(st.sampled_from(["", "virbr77"])),
        domain=draw(st.one_of(st.just(""), labels)),
        dns=draw(st.booleans()),
        mtu=draw(st.one_of(st.none(), st.integers(68, 65535))),
        subnets=tuple(kept),
        dnsmasq_options=draw(st.sampled_from([(), ("log-dhcp", "local-ttl=5")])),
    )


@settings(max_examples=150, deadline=None)
@given(specs())
def test_what_is_built_is_read_back_and_libvirt_agrees(spec):
    document = build(spec)
    assert parse(document) == spec
    assert_valid("network", document)
    printed = parse(network_as_libvirt_prints_it(document))
    # The test driver knows no dnsmasq.
    assert differences(spec, replace(printed, dnsmasq_options=spec.dnsmasq_options)) == ()


@settings(max_examples=150, deadline=None)
@given(specs(), specs())
def test_any_document_can_be_edited_into_any_other(before, after):
    after = replace(after, bridge=after.bridge or before.bridge)
    document = edit(build(before), after)
    assert parse(document) == replace(after, subnets=parse(document).subnets)
    assert differences(after, parse(document)) == ()
    assert_valid("network", document)


def test_what_libvirt_fills_in_is_no_difference():
    found = parse(network_as_libvirt_prints_it(build(NET1)))
    assert differences(NET1, replace(found, bridge="virbr9", mtu=1500)) == ()


def test_differences_are_named():
    found = replace(
        NET1,
        domain="x.test",
        dns=True,
        subnets=(
            replace(
                NET1.subnets[0],
                ranges=(RangeSpec(start="10.255.0.2", end="10.255.0.9"),),
                hosts=(HostSpec(mac="52:54:00:00:00:08", ip="10.255.0.8"),),
            ),
            SubnetSpec(address="10.9.0.1", prefix=24),
        ),
    )
    assert differences(NET1, found) == (
        "domain: found x.test, wanted none",
        "dns: found on, wanted off",
        "DHCP range of 10.255.0.1/24: found 10.255.0.2-10.255.0.9, wanted 10.255.0.2-10.255.0.254",
        "host entry 52:54:00:00:00:08 10.255.0.8 was added outside",
        "the block 10.9.0.1/24 was added outside",
    )
    assert differences(NET1, replace(NET1, subnets=())) == ("the block 10.255.0.1/24 is missing",)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("<network>", "no well-formed XML"),
        ("<domain/>", "a <domain>, not a <network>"),
        ("<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><network><name>&e;</name></network>", "DOCTYPE"),
    ],
)
def test_what_is_no_network_is_refused_in_a_sentence(document, said):
    with pytest.raises(ValueError, match=said):
        parse(document)


def test_a_host_entry_is_written_as_libvirt_matches_it():
    assert host_xml(HostSpec(mac="52:54:00:00:00:08", ip="10.0.0.8")) == '<host mac="52:54:00:00:00:08" ip="10.0.0.8"/>'
