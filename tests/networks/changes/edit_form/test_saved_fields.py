"""The fields of the form that edits a network, and what is saved."""

import pytest

from networks.definition.document.parse import parse
from networks.models import Network
from tests.networks.changes.edit_form.edited_networks import (
    RICH,
    SHOWN,
    again,
    errors,
    fill_in,
    make_made,
    messages,
    open_form,
    save,
)

HIDDEN = ("csrfmiddlewaretoken", "base", "token")


def test_every_field_is_shown(page, rich):
    found = {name: text.replace("\r\n", "\n") for name, text in open_form(page, rich).items()}
    assert {name: text for name, text in found.items() if name not in HIDDEN} == SHOWN


@pytest.mark.parametrize("which", ["rich", "plain"])
def test_saving_the_form_as_shown_changes_nothing(page, request, enqueued, which):
    network = request.getfixturevalue(which)
    answer = save(page, network)
    assert answer.url == network.get_absolute_url()
    assert messages(answer) == f"{which} was not changed."
    assert again(network).generation == network.generation
    assert again(network).full_document == network.full_document
    assert network.revisions.count() == 1
    assert enqueued == []


CHANGES = [
    ("forward_mode", "route", "forward_mode", "route"),
    ("ipv4", "10.255.0.2/24", "ip_range", "10.255.0.2/24,fd00:255::1/64,10.8.0.1/24"),
    ("ipv6", "fd00:255::2/64", "ip_range", "10.255.0.1/24,fd00:255::2/64,10.8.0.1/24"),
    ("domain", "Other.Test", "domain", "other.test"),
    ("blocks", "", "ip_range", "10.255.0.1/24,fd00:255::1/64"),
    (
        *("ranges", "10.255.0.50-10.255.0.60 30m", "dhcp"),
        "10.255.0.50-10.255.0.60,fd00:255::2-fd00:255::ffff,10.8.0.2-10.8.0.254",
    ),
    ("hosts", "52:54:00:00:00:0A 10.255.0.10 ten 2h", "hosts", "52:54:00:00:00:0a 10.255.0.10 ten 2h"),
    ("forward_devices", "eth2", "forward_devices", "eth2"),
    ("nat_ports", "1024 - 65535", "nat_ports", "1024-65535"),
    ("nat_ports", "", "nat_ports", ""),
    ("nat_addresses", "203.0.113.7", "nat_addresses", "203.0.113.7-203.0.113.7"),
    ("nat_ipv6", None, "nat_ipv6", "False"),
    ("local_only", None, "local_only", "False"),
    ("dns_hosts", "10.255.0.6 six", "dns_hosts", "10.255.0.6 six"),
    ("forwarders", "", "forwarders", ""),
    ("routes", "10.6.0.0/16 via 10.255.0.7", "routes", "10.6.0.0/16 via 10.255.0.7"),
    ("bridge", "virbr41", "bridge", "virbr41"),
    ("bridge", "", "bridge", "virbr40"),
    ("stp", "on", "stp", "True"),
    ("mtu", "1400", "mtu", "1400"),
    ("mtu", "", "mtu", "None"),
    ("isolated_ports", None, "isolated_ports", "False"),
    ("inbound", "2000", "inbound", "2000"),
    ("outbound", "", "outbound", "None"),
    ("port_groups", "red vlan=30", "port_groups", "red vlan=30"),
    ("title", "", "title", ""),
    ("description", "one\r\ntwo", "description", "one\ntwo"),
]


@pytest.mark.parametrize(("field", "typed", "of", "wanted"), CHANGES, ids=[f"{row[0]}={row[1]}" for row in CHANGES])
def test_only_the_changed_field_changes_in_the_definition(rich, field, typed, of, wanted):
    also = {"nat_ports": "", "nat_addresses": "", "nat_ipv6": None} if typed == "route" else {}
    form = fill_in(rich, **{field: typed, **also})
    assert form.errors == {}
    spec, before = parse(form.wanted().document), rich.spec
    found = getattr(spec, of)
    if of in ("ip_range", "dhcp"):
        assert sorted(found.split(",")) == sorted(wanted.split(","))
    else:
        assert ("\n".join(map(str, found)) if isinstance(found, tuple) else str(found)) == wanted
    changed = {name for name in before.__dataclass_fields__ if getattr(spec, name) != getattr(before, name)}
    assert changed <= {of, *also, "subnets"}


def test_boot_fields_are_saved_in_the_first_ipv4_block(page, rich):
    save(page, rich, tftp_root="/srv/other", boot_file="grub.efi", boot_server="10.1.0.3")
    first = again(rich).spec.subnets[0]
    assert (first.tftp_root, first.boot_file, first.boot_server) == ("/srv/other", "grub.efi", "10.1.0.3")


def test_dhcp_can_be_turned_off(page, rich):
    save(page, rich, dhcp=None, ranges="", hosts="", boot_file="", boot_server="")
    assert again(rich).spec.dhcp == ""


def test_dns_can_be_turned_off_unless_the_xml_has_records_of_it(plain, rich):
    form = fill_in(plain, dns="no")
    assert form.is_valid()
    assert form.spec().dns is False
    assert "TXT or SRV records" in errors(fill_in(rich, dns="no", dns_hosts="", forwarders=""))["dns"]


def test_autostart_is_saved_separately(page, rich):
    document = rich.full_document
    save(page, rich, autostart=None)
    assert (again(rich).autostart, again(rich).full_document) == (False, document)
    assert rich.revisions.first().what == "changed how it starts and stops"


def test_elements_that_the_form_does_not_show_are_kept(page, rich):
    save(page, rich, domain="other.test", mtu="1400", dns_hosts="", hosts="", bridge="virbr41", title="")
    document = again(rich).document
    for kept in (
        *("<!-- made by hand -->", '<me:tag xmlns:me="http://example.org/me">kept</me:tag>', 'zone="trusted"'),
        *('<txt name="example"', '<srv service="sip"', 'localPtr="yes"', 'type="802.1Qbh"', 'profileid="tester"'),
    ):
        assert kept in document
    assert again(rich).spec.hosts == ()


def test_the_name_cannot_be_changed(page, rich):
    save(page, rich, name="other", title="New")
    assert (again(rich).name, again(rich).spec.title) == ("rich", "New")


def test_a_reservation_is_renamed_in_place(page, rich):
    hosts = SHOWN["hosts"].replace("eight infinite", "acht").replace("::9 six", "::9 sechs")
    assert save(page, rich, hosts=hosts).status_code == 302
    assert set(map(str, again(rich).spec.hosts)) == set(hosts.splitlines())


def test_unchanged_dnsmasq_options_are_kept_when_a_user_changes_something_else(member_page, member, rich):
    Network.objects.filter(pk=rich.pk).update(owner=member)
    save(member_page, rich, title="New")
    assert again(rich).spec.title == "New"
    assert again(rich).spec.dnsmasq_options == ("log-dhcp", "local-ttl=5")


def test_operators_change_dnsmasq_options(client, operator, plain):
    client.force_login(operator)
    save(client, plain, dnsmasq_options="log-dhcp")
    assert again(plain).spec.dnsmasq_options == ("log-dhcp",)


def test_markup_is_saved_literally_and_escaped(page, plain):
    save(page, plain, title="</title><script>&\"'", description="]]> <!-- & -->")
    assert (again(plain).spec.title, again(plain).spec.description) == ("</title><script>&\"'", "]]> <!-- & -->")
    shown_page = page.get(f"{plain.get_absolute_url()}edit/").content.decode()
    assert "<script>&" not in shown_page
    typed = open_form(page, plain)
    assert (typed["title"], typed["description"]) == ("</title><script>&\"'", "]]> <!-- & -->")


def test_whitespace_in_a_description_is_no_change(page, lab):
    document = RICH.replace("first line", "\n    first line").replace("&lt;line&gt;", "&lt;line&gt;\n  ")
    network = make_made(lab, document, "rich")
    assert messages(save(page, network)) == "rich was not changed."


def test_macvtap_modes_that_the_form_does_not_offer_are_kept(page, lab):
    for mode in ("private", "bridge"):
        document = f"""<network><name>{mode}</name><uuid>{{uuid}}</uuid><forward dev='eth0' mode='{mode}'>
        <interface dev='eth0'/></forward></network>"""
        network = make_made(lab, document, mode)
        assert messages(save(page, network)) == f"{mode} was not changed."
