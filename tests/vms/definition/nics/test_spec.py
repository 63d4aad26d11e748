"""Documents of NICs: built, read whoever made them, and changed in place so that the rest survives."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from networks.definition.spec import BandwidthSpec
from tests import DATA
from tests.support.examples import examples
from tests.support.schemas import assert_valid, domain_as_libvirt_prints_it
from vms.definition.nics.edit import build, edit, for_update, put, without_address
from vms.definition.nics.parse import parse, parse_domain
from vms.definition.nics.spec import FoundNIC, NICSpec

FOLDER = DATA / "nics"
FILES = sorted(path.stem for path in FOLDER.glob("*.xml"))
MAC = "52:54:00:00:00:08"


def nic(kind: str = "network", source: str = "net1", **values) -> NICSpec:
    return NICSpec(kind=kind, source=source, **{"mac": MAC, **values})


BUILT = {
    "network": nic(),
    "bridge": nic("bridge", "br0", model="e1000e"),
    "user": nic("user", ""),
    "macvtap": nic("direct", "eth0"),
    "macvtap-bridge": nic("direct", "eth0", mode="bridge"),
    "macvtap-vepa": nic("direct", "eth0", mode="vepa"),
    "macvtap-private": nic("direct", "eth0", mode="private"),
    "macvtap-passthrough": nic("direct", "eth0", mode="passthrough", vlan=42, trust_rx_filters=True),
    "model-left-to-libvirt": nic(model=""),
    "port-group": nic(port_group="red"),
    "mtu": nic(mtu=9000),
    "link-down": nic(link_up=False),
    "bandwidth": nic(inbound=BandwidthSpec(average=1000, peak=5000, burst=1024), outbound=BandwidthSpec(average=128)),
    "floor": nic(inbound=BandwidthSpec(average=1000, floor=200)),
    "vlan": nic("bridge", "ovsbr0", vlan=0),
    "isolated": nic(isolated=True),
    "trusts-the-guest": nic(trust_rx_filters=True),
    "filter": nic(filter="clean-traffic", filter_parameters=(("IP", "10.0.0.1"), ("IP", "10.0.0.2"))),
    "boot-order": nic(boot_order=1),
    "queues": nic(queues=4),
    "alias": nic(alias="ua-first"),
    "pci": nic(pci="0000:00:1f.7"),
    "everything": nic(
        "network",
        "<a> & 'b'",
        port_group="red",
        mtu=1400,
        link_up=False,
        inbound=BandwidthSpec(average=1000, peak=5000, burst=1024, floor=7),
        outbound=BandwidthSpec(average=128),
        vlan=42,
        isolated=True,
        trust_rx_filters=True,
        filter="clean-traffic",
        filter_parameters=(("IP", "10.0.0.1"),),
        boot_order=3,
        queues=2,
        alias="ua-all",
        pci="0000:02:05.0",
    ),
}

# What is edited, by the name of the outcome: the document, and what changes in it.
EDITS = {
    "moved": ("plain", {"source": "net2"}),
    "moved-and-refined": ("plain", {"source": "net2", "port_group": "blue"}),
    "moved-from-live": ("live", {"source": "net2", "port_group": ""}),
    "port-group": ("live", {"port_group": "blue"}),
    "port-group-gone": ("live", {"port_group": ""}),
    "network-to-bridge": ("live", {"kind": "bridge", "source": "br0", "port_group": ""}),
    "network-to-macvtap": ("plain", {"kind": "direct", "source": "eth0", "mode": "vepa"}),
    "network-to-user": ("plain", {"kind": "user", "source": ""}),
    "bridge-to-network": ("rich", {"kind": "network", "source": "net1", "port_group": "red"}),
    "bridge-to-user": ("rich", {"kind": "user", "source": "", "filter": "", "filter_parameters": (), "mtu": None}),
    "other-bridge": ("rich", {"source": "br1"}),
    "user-to-network": ("user", {"kind": "network", "source": "net1"}),
    "live-macvtap-to-a-network": ("live-macvtap", {"source": "net1", "trust_rx_filters": False}),
    "model": ("rich", {"model": "e1000e"}),
    "mtu": ("plain", {"mtu": 9000}),
    "mtu-gone": ("rich", {"mtu": None}),
    "link-down": ("rich", {"link_up": False}),
    "link-up": ("live-bridged", {"link_up": True}),
    "bandwidth": ("rich", {"inbound": BandwidthSpec(average=7), "outbound": None}),
    "bandwidth-gone": ("rich", {"inbound": None, "outbound": None}),
    "bandwidth-new": ("plain", {"outbound": BandwidthSpec(average=7, burst=8)}),
    "trunk-to-one-tag": ("rich", {"vlan": 7}),
    "tag-gone": ("hostdev", {"vlan": None}),
    "isolated": ("rich", {"isolated": True}),
    "isolated-no-more": ("live", {"isolated": False}),
    "trusts-the-guest": ("rich", {"trust_rx_filters": True}),
    "trusts-the-guest-no-more": ("live-macvtap", {"trust_rx_filters": False}),
    "filter": ("plain", {"filter": "clean-traffic", "filter_parameters": (("IP", "10.0.0.1"),)}),
    "filter-parameters": ("rich", {"filter_parameters": (("IP", "10.0.0.3"),)}),
    "filter-gone": ("rich", {"filter": "", "filter_parameters": ()}),
    "boot-order": ("rich", {"boot_order": 1}),
    "boot-order-new": ("plain", {"boot_order": 1}),
    "boot-order-gone": ("rich", {"boot_order": None}),
    "queues": ("rich", {"queues": 2}),
    "queues-gone": ("rich", {"queues": None}),
    "queues-new": ("plain", {"queues": 2}),
    "alias": ("plain", {"alias": "ua-first"}),
    "alias-in-place-of-libvirts": ("live", {"alias": "ua-first"}),
    "alias-gone": ("rich", {"alias": ""}),
    "pci": ("rich", {"pci": "0000:00:0a.1"}),
    "mac": ("rich", {"mac": "52:54:00:aa:00:02"}),
}


def read(name: str) -> str:
    return (FOLDER / f"{name}.xml").read_text()


def found(name: str) -> FoundNIC:
    return parse(etree.fromstring(read(name)))


def pretty(document: str) -> str:
    root = etree.fromstring(document)
    etree.indent(root, "  ")
    return etree.tostring(root, encoding="unicode") + "\n"


def domain(*interfaces: str, name: str = "vm1") -> str:
    """A domain that has no more than NICs."""
    root = etree.fromstring(
        f"<domain type='qemu'><name>{name}</name><memory unit='MiB'>64</memory>"
        "<os><type arch='x86_64'>hvm</type></os><devices/></domain>"
    )
    root.find("devices").extend(etree.fromstring(each) for each in interfaces)
    return etree.tostring(root, encoding="unicode")


def assert_libvirt_reads(spec: NICSpec) -> None:
    """libvirt takes what is built, means the same by it, and fills in no more than what is left to it."""
    printed = parse_domain(domain_as_libvirt_prints_it(domain(build(spec))))[0].spec
    left = {name: "" for name in ("model", "mode", "pci") if not getattr(spec, name)}
    assert replace(printed, **left) == spec


def parts(document: str) -> dict[str, str]:
    """Each child of an <interface> as it is written, by tag."""
    root = etree.fromstring(document)
    return {str(each.tag): etree.tostring(each, encoding="unicode", with_tail=False) for each in root}


@pytest.mark.parametrize("name", BUILT)
def test_a_nic_is_built_as_it_always_was(name):
    document = build(BUILT[name])
    assert pretty(document) == read(f"built/{name}")
    assert parse(etree.fromstring(document)).spec == BUILT[name]
    assert_valid("domain", domain(document))


@pytest.mark.parametrize("name", BUILT)
def test_libvirt_reads_what_is_built(name):
    assert_libvirt_reads(BUILT[name])


@pytest.mark.parametrize("name", EDITS)
def test_a_nic_is_edited_as_it_always_was(name):
    before, values = EDITS[name]
    spec = replace(found(before).spec, **values)
    after = edit(read(before), spec)
    assert pretty(after) == read(f"edited/{name}")
    assert parse(etree.fromstring(after)).spec == spec
    assert edit(after, spec) == after


@pytest.mark.parametrize("name", EDITS)
def test_what_is_edited_stays_one_of_libvirts(name):
    before, values = EDITS[name]
    after = edit(read(before), replace(found(before).spec, **values))
    assert_valid("domain", domain(after))


def test_each_golden_file_is_of_something():
    assert sorted(path.stem for path in (FOLDER / "built").iterdir()) == sorted(BUILT)
    assert sorted(path.stem for path in (FOLDER / "edited").iterdir()) == sorted(EDITS)


# Where a field is written, for those whose element is not named as they are.
TAGS = {
    "kind": {"source"},
    "source": {"source"},
    "port_group": {"source"},
    "mode": {"source"},
    "link_up": {"link"},
    "inbound": {"bandwidth"},
    "outbound": {"bandwidth"},
    "isolated": {"port"},
    "filter": {"filterref"},
    "filter_parameters": {"filterref"},
    "boot_order": {"boot"},
    "queues": {"driver"},
    "pci": {"address"},
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_leaves_every_other_element_as_it_is_written(name):
    before, values = EDITS[name]
    changed = set().union(*(TAGS.get(field, {field}) for field in values))
    if {"kind", "source"} & values.keys():  # what belongs to the place that it leaves
        changed |= {"virtualport", "vlan"}
    if "kind" in values:  # what user networking alone, or it alone cannot have
        changed |= {"ip", "portForward", "backend", "coalesce", "target"}
    was, now = parts(read(before)), parts(edit(read(before), replace(found(before).spec, **values)))
    assert {tag: text for tag, text in was.items() if tag not in changed} == {
        tag: text for tag, text in now.items() if tag not in changed
    }


@pytest.mark.parametrize("name", FILES)
def test_an_edit_that_changes_nothing_changes_no_letter(name):
    document = read(name).strip()
    assert_valid("domain", domain(document))
    assert edit(document, found(name).spec) == document
    left = replace(found(name).spec, model="", mode="", pci="")
    assert edit(document, left) == document


def test_attributes_that_are_not_modelled_stay_beside_those_that_change():
    spec = replace(found("rich").spec, mac="52:54:00:aa:00:02", queues=None, boot_order=1, pci="0000:00:0a.0")
    after = parts(edit(read("rich"), spec))
    assert after["mac"] == '<mac address="52:54:00:aa:00:02" type="static" check="no"/>'
    assert after["driver"].startswith('<driver name="vhost" txmode="iothread" rx_queue_size="1024">')
    assert after["boot"] == '<boot order="1" loadparm="2"/>'
    assert after["address"].endswith('slot="0x0a" function="0x0" multifunction="on"/>')


def test_a_trunk_is_kept_until_one_tag_is_asked_for():
    assert found("rich").spec.vlan is None
    after = edit(read("rich"), replace(found("rich").spec, mtu=1500))
    assert parts(after)["vlan"] == parts(read("rich"))["vlan"]
    assert '<vlan><tag id="7"/></vlan>' in edit(read("rich"), replace(found("rich").spec, vlan=7))


def test_a_place_that_is_none_of_pci_makes_room():
    document = read("plain").replace(parts(read("plain"))["address"], '<address type="ccw" cssid="0xfe"/>')
    assert found("plain").spec.pci == "0000:00:02.0"
    assert parse(etree.fromstring(document)).spec.pci == ""
    after = parts(edit(document, replace(found("plain").spec, pci="0000:00:03.0")))["address"]
    assert after == '<address type="pci" domain="0x0000" bus="0x00" slot="0x03" function="0x0"/>'


def test_a_running_nic_is_of_its_network_whatever_the_networks_mode_made_of_it():
    seen = {name: found(name) for name in ("live", "live-bridged", "live-macvtap")}
    assert [(each.kind, each.source, each.actual, each.target, each.link) for each in seen.values()] == [
        ("network", "net1", "network", "vnet0", "up"),
        ("network", "lan", "bridge", "vnet3", "down"),
        ("network", "uplink", "direct", "macvtap0", "up"),
    ]
    assert {each.spec.mode for each in seen.values()} == {""}


def test_an_alias_that_libvirt_chose_is_nobodys_wish():
    assert (found("live").spec.alias, found("rich").spec.alias) == ("", "ua-storage")


def test_the_nics_of_a_domain_are_read_in_its_order():
    nics = parse_domain(domain(*(read(name) for name in FILES)))
    assert len(nics) == len(FILES)
    assert [parse(etree.fromstring(each.document)) for each in nics] == [replace(nic, place="") for nic in nics]


def test_a_plain_nic_says_only_what_it_is():
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
def test_an_update_leaves_out_what_libvirt_wrote_of_the_hosts_side(name, values, kind, source):
    before = read(name)
    root = etree.fromstring(for_update(before, replace(found(name).spec, **values)))
    assert root.get("type") == kind
    assert dict(root.find("source").attrib) == source
    assert root.find("target") is None
    for tag in ("alias", "address", "mac"):
        assert etree.tostring(root.find(tag), encoding="unicode", with_tail=False) == parts(before)[tag]
    assert_valid("domain", domain(etree.tostring(root, encoding="unicode")))


def test_a_nic_without_its_place_is_put_where_there_is_room():
    assert parts(read("plain")).keys() - parts(without_address(read("plain"))).keys() == {"address"}
    assert without_address(build(nic())) == build(nic())


def test_a_nic_is_put_into_a_domain_in_its_place():
    first, second, third = (build(nic(mac=f"52:54:00:00:00:0{n}")) for n in (1, 2, 3))
    other = build(nic(mac="52:54:00:00:00:01", source="net2"))
    document = domain(first, second)
    assert put(document, other) == domain(other, second)
    assert put(document, third) == domain(first, second, third)
    assert put(domain(), first) == domain(first)


names = st.text(st.characters(categories=["L", "N"], include_characters="-. <>&'\""), min_size=1, max_size=20).filter(
    lambda name: name == name.strip()
)
devices = st.sampled_from(["eth0", "br-lab", "bond0.7"])


@st.composite
def bandwidths(draw, floor: bool) -> BandwidthSpec:
    number = st.none() | st.integers(1, 10**6)
    values = {"floor": draw(number)} if floor else {}
    return BandwidthSpec(average=draw(st.integers(1, 10**6)), peak=draw(number), burst=draw(number), **values)


@st.composite
def specs(draw) -> NICSpec:
    """A NIC that libvirt takes: each kind with what it can have."""
    kind = draw(st.sampled_from(["network", "bridge", "direct", "user"]))
    values = {"source": draw({"network": names, "user": st.just("")}.get(kind, devices))}
    if kind == "direct":
        values["mode"] = draw(st.sampled_from(["", "bridge", "vepa", "private", "passthrough"]))
    if kind == "network":
        values["port_group"] = draw(st.sampled_from(["", "red", "blue"]))
    if kind in ("network", "bridge"):
        values["isolated"] = draw(st.booleans())
        values["filter"] = draw(st.sampled_from(["", "clean-traffic"]))
    if values.get("filter"):
        pairs = st.tuples(st.sampled_from(["IP", "CTRL_IP_LEARNING", "X_1"]), st.sampled_from(["10.0.0.1", "dhcp"]))
        values["filter_parameters"] = tuple(sorted(draw(st.lists(pairs, unique=True, max_size=3))))
    if kind != "user":
        values["mtu"] = draw(st.none() | st.integers(68, 65535))
        values["vlan"] = draw(st.none() | st.integers(0, 4095))
        values["trust_rx_filters"] = draw(st.booleans())
    model = draw(st.sampled_from(["virtio", "e1000e", "rtl8139", ""]))
    return NICSpec(
        kind=kind,
        mac=f"52:54:00:00:00:{draw(st.integers(0, 255)):02x}",
        model=model,
        link_up=draw(st.booleans()),
        inbound=draw(st.none() | bandwidths(floor=kind == "network")),
        outbound=draw(st.none() | bandwidths(floor=False)),
        boot_order=draw(st.none() | st.integers(1, 99)),
        queues=draw(st.none() | st.integers(2, 256)) if model == "virtio" else None,
        alias=draw(st.sampled_from(["", "ua-first", "ua-7"])),
        pci=draw(st.just("") | st.builds("0000:{:02x}:{:02x}.0".format, st.integers(0, 255), st.integers(1, 31))),
        **values,
    )


@settings(max_examples=examples(150), deadline=None)
@given(specs())
def test_what_is_built_is_read_back_and_valid(spec):
    document = build(spec)
    assert parse(etree.fromstring(document)).spec == spec
    assert_valid("domain", domain(document))


@settings(max_examples=examples(60), deadline=None)
@given(specs())
def test_libvirt_reads_any_nic_as_it_was_meant(spec):
    assert_libvirt_reads(spec)


def left_alone(before: NICSpec, after: NICSpec) -> NICSpec:
    """`after` with what it leaves to libvirt as it was before."""
    mode = after.mode or (before.mode if after.kind == "direct" else "")
    return replace(after, model=after.model or before.model, mode=mode, pci=after.pci or before.pci)


@settings(max_examples=examples(150), deadline=None)
@given(specs(), specs())
def test_any_nic_can_be_edited_into_any_other(before, after):
    edited = edit(build(before), after)
    assert parse(etree.fromstring(edited)).spec == left_alone(before, after)
    assert edit(edited, after) == edited
    assert_valid("domain", domain(edited))


@settings(max_examples=examples(100), deadline=None)
@given(st.sampled_from(FILES), specs())
def test_whatever_was_found_can_be_edited_into_any_other(name, after):
    for write in (edit, for_update):
        edited = write(read(name), after)
        assert parse(etree.fromstring(edited)).spec == left_alone(found(name).spec, after)
        assert_valid("domain", domain(edited))
