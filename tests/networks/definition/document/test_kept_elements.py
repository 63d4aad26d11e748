"""An edit keeps elements that the portal does not model, and the values that libvirt chose."""

from dataclasses import replace

from lxml import etree

from networks.definition.document.adjust import fill_in
from networks.definition.document.edit import build, edit
from networks.definition.document.elements import host_element
from networks.definition.document.parse import parse
from networks.definition.spec import BandwidthSpec, HostSpec
from tests.networks.definition.document.edit_examples import BUILT, net
from tests.networks.definition.document.edited_documents import assert_libvirt_agrees, read, words


def test_an_edit_keeps_elements_that_are_not_modelled():
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


def test_a_block_is_found_by_any_spelling_of_its_address():
    before = "<network><name>a</name><ip family='ipv6' address='FD00:0::1' prefix='64' localPtr='yes'/></network>"
    assert parse(before).ip_range == "fd00::1/64"
    assert 'localPtr="yes"' in edit(before, replace(parse(before), mtu=1400))


def test_a_comment_before_the_network_element_is_kept():
    assert edit(read("plain"), parse(read("plain"))).startswith("<!-- kept in the lab's repository -->")


def test_title_and_description_have_the_order_that_libvirt_writes():
    spec = net("net1", title="The lab's", description="line 1\nline <2>", bridge="virbr1")
    tags = [tag for tag, *_ in words(build(spec))]
    assert tags == ["network", "name", "uuid", "title", "description", "bridge"]
    assert parse(build(spec)) == spec
    assert parse(edit(build(spec), replace(spec, title="", description="other"))).description == "other"
    assert "<title" not in edit(build(spec), replace(spec, title=""))


def test_values_that_libvirt_chose_are_filled_in_where_a_document_has_none():
    document = build(replace(BUILT[0], bridge=""))
    filled = fill_in(document, read("plain"))
    assert [word for word in words(filled) if word not in words(document)] == [
        ("bridge", [("name", "virbr12")], ""),
        ("mac", [("address", "52:54:00:3A:10:01")], ""),
    ]
    assert fill_in(read("default"), read("plain")) == edit(read("default"), parse(read("default")))
    assert fill_in(read("plain"), document).startswith("<!-- kept")


def test_an_edit_without_a_uuid_keeps_the_uuid_of_the_document():
    assert parse(edit(read("plain"), replace(parse(read("plain")), uuid=""))).uuid == parse(read("plain")).uuid


def test_an_edit_without_a_bridge_keeps_the_bridge_of_the_document():
    assert parse(edit(read("plain"), replace(parse(read("plain")), bridge=""))).bridge == "virbr12"


def test_an_edit_deletes_both_copies_of_an_entry():
    document = build(BUILT[0]).replace("</dhcp>", "<host mac='52:54:00:00:00:08' ip='10.255.0.8'/>" * 2 + "</dhcp>")
    assert parse(edit(document, parse(document).without_hosts())).hosts == ()


def test_special_characters_in_fields_are_escaped():
    spec = net("<a>&\"'", domain="x", dnsmasq_options=('a="b"<c>',))
    assert parse(build(spec)) == spec


def test_a_host_entry_is_written_as_libvirt_matches_it():
    entry = etree.tostring(host_element(HostSpec(mac="52:54:00:00:00:08", ip="10.0.0.8", name="eight", lease=7200)))
    expected = b'<host mac="52:54:00:00:00:08" name="eight" ip="10.0.0.8"><lease expiry="2" unit="hours"/></host>'
    assert entry == expected
