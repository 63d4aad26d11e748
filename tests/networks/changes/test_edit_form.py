"""Changing a network by form: what it shows comes back unchanged, what is refused where, and two people in one form."""

import pytest
from django.contrib.messages import get_messages
from django.http import QueryDict
from lxml import html

from networks.changes.forms import NetworkForm
from networks.changes.merge import as_text, merged
from networks.definition.document.parse import parse
from networks.definition.events import Event
from networks.models import Network
from tests.support.making import agree, make_foreign_network, make_hypervisor, make_network
from virterweb.hypervisors.models import HypervisorStatus

RICH = """<network xmlns:dnsmasq='http://libvirt.org/schemas/network/dnsmasq/1.0'>
  <!-- made by hand -->
  <name>rich</name>
  <uuid>{uuid}</uuid>
  <metadata><me:tag xmlns:me='http://example.org/me'>kept</me:tag></metadata>
  <title>Rich &amp; &lt;famous&gt; "net"</title>
  <description>first line
second &lt;line&gt;</description>
  <forward dev='eth0' mode='nat'>
    <nat ipv6='yes'><address start='203.0.113.8' end='203.0.113.9'/><port start='2000' end='3000'/></nat>
    <interface dev='eth0'/>
  </forward>
  <bridge name='virbr40' zone='trusted' stp='off' delay='0'/>
  <mtu size='9000'/>
  <domain name='lab.test' localOnly='yes'/>
  <dns>
    <forwarder domain='corp.test' addr='10.9.9.9'/>
    <forwarder addr='9.9.9.9'/>
    <txt name='example' value='a "value"'/>
    <srv service='sip' protocol='tcp' domain='lab.test' target='sip.lab.test' port='5060'/>
    <host ip='10.255.0.5'><hostname>mirror</hostname><hostname>www.lab</hostname></host>
  </dns>
  <bandwidth><inbound average='1000' peak='5000' burst='1024' floor='200'/><outbound average='900'/></bandwidth>
  <port isolated='yes'/>
  <ip address='10.255.0.1' prefix='24'>
    <tftp root='/srv/tftp'/>
    <dhcp>
      <range start='10.255.0.100' end='10.255.0.199'><lease expiry='12' unit='hours'/></range>
      <range start='10.255.0.210' end='10.255.0.219'/>
      <host mac='52:54:00:00:00:08' name='eight' ip='10.255.0.8'><lease expiry='0'/></host>
      <host mac='52:54:00:00:00:09' ip='10.255.0.9'/>
      <bootp file='pxelinux.0' server='10.255.0.3'/>
    </dhcp>
  </ip>
  <ip family='ipv6' address='fd00:255::1' prefix='64'>
    <dhcp><range start='fd00:255::100' end='fd00:255::1ff'/>
    <host id='00:04:58:fd:e4:15' ip='fd00:255::8'/><host name='six' ip='fd00:255::9'/></dhcp>
  </ip>
  <ip address='10.8.0.1' netmask='255.255.255.0' localPtr='yes'><dhcp>
    <range start='10.8.0.2' end='10.8.0.254'/></dhcp></ip>
  <route address='10.7.0.0' prefix='16' gateway='10.255.0.7' metric='5'/>
  <portgroup name='red' default='yes'><vlan trunk='yes'><tag id='10' nativeMode='untagged'/><tag id='20'/></vlan>
    <bandwidth><inbound average='10'/><outbound average='20' peak='30'/></bandwidth></portgroup>
  <portgroup name='blue'><virtualport type='802.1Qbh'><parameters profileid='tester'/></virtualport></portgroup>
  <dnsmasq:options><dnsmasq:option value='log-dhcp'/><dnsmasq:option value='local-ttl=5'/></dnsmasq:options>
</network>"""

SHOWN = {
    "name": "rich",
    "forward_mode": "nat",
    "ipv4": "10.255.0.1/24",
    "ipv6": "fd00:255::1/64",
    "dhcp": "on",
    "domain": "lab.test",
    "blocks": "10.8.0.1/24",
    "ranges": "10.255.0.100-10.255.0.199 12h\n10.255.0.210-10.255.0.219\nfd00:255::100-fd00:255::1ff",
    "hosts": "52:54:00:00:00:08 10.255.0.8 eight infinite\n52:54:00:00:00:09 10.255.0.9\n"
    "id:00:04:58:fd:e4:15 fd00:255::8\nfd00:255::9 six",
    "forward_devices": "eth0",
    "nat_ports": "2000-3000",
    "nat_addresses": "203.0.113.8-203.0.113.9",
    "nat_ipv6": "on",
    "dns": "yes",
    "local_only": "on",
    "dns_hosts": "10.255.0.5 mirror www.lab",
    "forwarders": "corp.test 10.9.9.9\n9.9.9.9",
    "tftp_root": "/srv/tftp",
    "boot_file": "pxelinux.0",
    "boot_server": "10.255.0.3",
    "routes": "10.7.0.0/16 via 10.255.0.7 metric 5",
    "bridge": "virbr40",
    "mtu": "9000",
    "isolated_ports": "on",
    "inbound": "1000,5000,1024,200",
    "outbound": "900",
    "port_groups": "red default vlan=10,20 native=10 in=10 out=20,30\nblue",
    "dnsmasq_options": "log-dhcp\nlocal-ttl=5",
    "title": 'Rich & <famous> "net"',
    "description": "first line\nsecond <line>",
    "autostart": "on",
}
HIDDEN = ("csrfmiddlewaretoken", "base", "token")


@pytest.fixture
def lab(db, pokes):
    hypervisor = make_hypervisor()
    make_foreign_network(hypervisor)
    HypervisorStatus.objects.update(routes=[["172.16.5.0/24", "eth0"], ["10.255.0.0/24", "virbr40"]])
    return hypervisor


@pytest.fixture
def rich(lab) -> Network:
    return make_made(lab, RICH, "rich")


@pytest.fixture
def plain(lab) -> Network:
    return make_made(lab, make_network(lab, "plain", "10.1.0.1/24").full_document, "plain")


def make_made(hypervisor, document: str, name: str) -> Network:
    """A network of ours that libvirt has as it is wanted, idle and without VMs."""
    network = hypervisor.networks.filter(name=name).first() or make_network(hypervisor, name, "")
    network.change(Event.CHANGED, document=document.replace("{uuid}", network.uuid_text))
    spec = network.spec
    agree(network)
    network.status.write(
        **{"present": True, "active": True, "autostart": True, "document": network.full_document},
        **{"ip_range": spec.ip_range, "bridge": spec.bridge, "generation": network.generation},
        made_at=network.created_at,
    )
    return Network.objects.shown().get(pk=network.pk)


def open_form(client, network: Network) -> dict[str, str]:
    """What a browser would send if the form were saved as it is shown."""
    return shown(client.get(f"{network.get_absolute_url()}edit/"))


def shown(answer) -> dict[str, str]:
    tree = html.fromstring(answer.content.decode())
    fields = tree.xpath("//form[@id='change']//*[@name] | //*[@form='change']")
    values = {}
    for field in fields:
        if field.tag == "textarea":
            values[field.name] = (field.value or "").removeprefix("\n").replace("\n", "\r\n")
        elif field.get("type") != "checkbox" or field.checked:
            values[field.name] = field.value or ("on" if field.get("type") == "checkbox" else "")
    return values


def save(client, network: Network, typed: dict[str, str] | None = None, **changed: str | None):
    """Save the form as shown (or as `typed`) with some fields changed, as a browser does: the plan comes first.

    None is a tick taken away.
    """
    data = {**(typed or open_form(client, network)), **changed}
    data = {name: value for name, value in data.items() if value is not None}
    preview = client.post(f"{network.get_absolute_url()}edit/preview/", data)
    tokens = html.fromstring(preview.content.decode()).xpath("//input[@name='token']/@value")
    return client.post(f"{network.get_absolute_url()}edit/", {**data, "token": tokens[0] if tokens else ""})


def fill_in(network: Network, **changed: str | None) -> NetworkForm:
    """The form as shown with some fields changed, without page and plan: for the many rules."""
    data = {**as_text(NetworkForm(network=network)), **changed}
    sent = {name: value for name, value in data.items() if value is not None}
    return NetworkForm(sent, network=network, operator=True)


def errors(form: NetworkForm) -> dict[str, str]:
    return {field: " ".join(texts) for field, texts in form.errors.items()}


def again(network: Network) -> Network:
    return Network.objects.shown().get(pk=network.pk)


def messages(answer) -> str:
    return " ".join(map(str, get_messages(answer.wsgi_request)))


def test_every_field_is_shown(page, rich):
    found = {name: text.replace("\r\n", "\n") for name, text in open_form(page, rich).items()}
    assert {name: text for name, text in found.items() if name not in HIDDEN} == SHOWN


@pytest.mark.parametrize("which", ["rich", "plain"])
def test_saving_what_is_shown_changes_nothing(page, request, pokes, which):
    network = request.getfixturevalue(which)
    answer = save(page, network)
    assert answer.url == network.get_absolute_url()
    assert messages(answer) == f"Nothing of {which} was changed."
    assert again(network).generation == network.generation
    assert again(network).full_document == network.full_document
    assert network.revisions.count() == 1
    assert pokes == []


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
def test_a_changed_field_arrives_in_the_definition_and_nothing_else(rich, field, typed, of, wanted):
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


def test_boot_fields_arrive_in_the_first_ipv4_block(page, rich):
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


def test_autostart_is_a_wish_of_its_own(page, rich):
    document = rich.full_document
    save(page, rich, autostart=None)
    assert (again(rich).autostart, again(rich).full_document) == (False, document)
    assert rich.revisions.first().what == "changed how it starts and stops"


def test_what_the_form_does_not_show_survives(page, rich):
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


@pytest.mark.parametrize(
    ("field", "line", "said"),
    [
        ("blocks", "10.8.0/24", "no address with a prefix length"),
        ("ranges", "10.255.0.9", "a range looks like"),
        ("ranges", "10.255.0.9-10.255.0.8", "begins with its lower address"),
        ("ranges", "10.255.0.2-10.255.0.8 5s", "dnsmasq’s shortest is 2m"),
        ("hosts", "52:54:00:00:00:08", "an entry looks like"),
        ("hosts", "52:54:00:00:00:08 10.255.0.300", "10.255.0.300 is not an IP address"),
        ("hosts", "01:54:00:00:00:08 10.255.0.8", "MAC"),
        ("hosts", "52:54:00:00:00:08 fd00:255::8", "not by a MAC"),
        ("forward_devices", "eth 0", "is no device"),
        ("dns_hosts", "10.255.0.5", "at least one name"),
        ("dns_hosts", "10.255.0.5 <b>", "no DNS name"),
        ("forwarders", "a b c", "a forwarder is"),
        ("routes", "10.8.0.0/16", "a route looks like"),
        ("routes", "10.8.0.1/16 via 10.255.0.7", "host bits"),
        ("port_groups", "red vlan=4096", "no VLAN tag"),
        ("port_groups", "red colour=red", "is not known"),
    ],
)
def test_a_wrong_line_is_named_by_its_number(plain, field, line, said):
    found = errors(fill_in(plain, **{field: f"\r\n{line}"}))[field]
    assert found.startswith("Line 2: ")
    assert said in found


def test_each_wrong_line_has_its_own_error_and_a_line_twice_names_the_first(plain):
    found = errors(fill_in(plain, dns_hosts="10.1.0.5\n10.1.0.6 six\n10.1.0.7\n10.1.0.6  six"))["dns_hosts"]
    assert [number for number in "1234" if f"Line {number}:" in found] == ["1", "3", "4"]
    assert "10.1.0.6 six stands in line 2 already" in found


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({"ranges": "10.2.0.2-10.2.0.9"}, "ranges", "In no block of this network: 10.2.0.2-10.2.0.9."),
        ({"ranges": "10.1.0.9-10.2.0.9"}, "ranges", "In no block"),
        ({"ranges": "10.1.0.2-10.1.0.9\n10.1.0.9-10.1.0.20"}, "ranges", "Two ranges overlap."),
        (
            {"ipv6": "fd00:1::1/64", "ranges": "fd00:1::2-fd00:1::9\nfd00:1::9-fd00:1::20"},
            *("ranges", "Two ranges overlap."),
        ),
        ({"hosts": "52:54:00:00:00:08 10.2.0.8"}, "hosts", "In no block of this network: 52:54:00:00:00:08 10.2.0.8."),
        (
            {"hosts": "52:54:00:00:00:08 10.1.0.8\n52:54:00:00:00:08 10.1.0.9"},
            *("hosts", "52:54:00:00:00:08 has two entries"),
        ),
        ({"hosts": "52:54:00:00:00:08 10.1.0.8\n52:54:00:00:00:09 10.1.0.8"}, "hosts", "10.1.0.8 has two entries"),
        ({"hosts": "52:54:00:00:00:08 10.1.0.1"}, "hosts", "this is the host’s own address"),
        ({"nat_ports": "1-2"}, "nat_ports", "Only with forward mode nat."),
        ({"nat_ports": "2-1", "forward_mode": "nat"}, "nat_ports", "the lower first"),
        ({"nat_addresses": "10.0.0.1"}, "nat_addresses", "Only with forward mode nat."),
        ({"nat_ipv6": "on"}, "nat_ipv6", "Only with forward mode nat."),
        ({"forward_devices": "eth0"}, "forward_devices", "takes no device"),
        ({"dns": "no", "dns_hosts": "10.1.0.5 five"}, "dns_hosts", "Only where DNS is on."),
        ({"dns": "no", "forwarders": "9.9.9.9"}, "forwarders", "Only where DNS is on."),
        ({"boot_server": "10.1.0.3"}, "boot_file", "A boot server needs a boot file."),
        ({"boot_server": "boot.lab.test", "boot_file": "x"}, "boot_server", "is not an IP address"),
        ({"boot_file": "pxelinux.0", "dhcp": None, "ranges": ""}, "boot_file", "Network boot needs DHCP."),
        (
            {"ipv4": "", "ipv6": "fd00:1::1/64", "boot_file": "x"},
            *("boot_file", "Network boot needs an IPv4 block."),
        ),
        (
            {"ipv4": "", "ipv6": "fd00:1::1/64", "tftp_root": "/srv"},
            *("tftp_root", "Network boot needs an IPv4 block."),
        ),
        ({"tftp_root": "srv"}, "tftp_root", "by its whole path"),
        ({"ipv4": "192.168.122.1/25"}, "ipv4", "overlaps 192.168.122.0/24 of the network default"),
        ({"ipv4": "172.16.5.1/24"}, "ipv4", "routes it through eth0"),
        ({"blocks": "10.1.0.129/25"}, "blocks", "overlaps 10.1.0.0/24 of this network itself"),
        ({"ipv4": "", "dhcp": "on"}, "dhcp", "needs a block"),
        ({"ipv4": "", "dhcp": None, "forward_mode": "nat"}, "ipv4", "needs an IPv4 or IPv6 block"),
        ({"bridge": "virbr0"}, "bridge", "belongs to the network default"),
        ({"forward_mode": "bridge", "bridge": ""}, "bridge", "Name the host’s bridge"),
        ({"mtu": "67"}, "mtu", "at least 68"),
        ({"inbound": "fast"}, "inbound", "average,peak,burst,floor"),
        ({"title": "a\x07b"}, "title", "control characters"),
        ({"description": "a\x07b"}, "description", "control characters"),
        ({"description": "a\ufffeb"}, "description", "control characters"),
        ({"port_groups": "red\tvlan=1\x07"}, "port_groups", "control characters"),
    ],
)
def test_what_does_not_fit_together_is_said_at_its_field(plain, fields, field, said):
    assert said in errors(fill_in(plain, **fields))[field]


def test_what_is_refused_is_shown_at_its_field_with_all_that_was_typed_and_changes_nothing(page, plain, pokes):
    answer = save(page, plain, hosts="52:54:00:00:00:08 10.2.0.8", title="Typed <b>")
    assert answer.status_code == 422
    assert 'id="id_hosts_error"' in answer.content.decode()
    assert (shown(answer)["hosts"], shown(answer)["title"]) == ("52:54:00:00:00:08 10.2.0.8", "Typed <b>")
    assert again(plain).generation == plain.generation
    assert pokes == []


def test_a_network_neither_overlaps_nor_takes_the_bridge_of_itself(rich):
    assert fill_in(rich, ipv4="10.255.0.1/25", ranges="", hosts="", bridge="virbr40").errors == {}


def test_ranges_and_entries_move_along_with_their_block(page, rich):
    assert save(page, rich, ipv4="10.254.0.1/24", move_along="on").status_code == 302
    spec = again(rich).spec
    assert {"10.254.0.100-10.254.0.199", "10.254.0.210-10.254.0.219"} < set(spec.dhcp.split(","))
    moved = SHOWN["hosts"].replace("10.255.0.", "10.254.0.")
    assert set(map(str, spec.hosts)) == set(moved.splitlines())


def test_without_moving_along_the_stray_entries_are_named_with_the_way_out(rich):
    found = errors(fill_in(rich, ipv4="10.254.0.1/24"))
    assert "52:54:00:00:00:08 10.255.0.8 eight infinite" in found["hosts"]
    assert "Tick “Move … along”" in found["hosts"]
    assert "10.255.0.100-10.255.0.199 12h" in found["ranges"]


def test_a_block_that_is_too_small_for_what_moves_along_is_refused(rich):
    said = errors(fill_in(rich, ipv4="10.254.0.1/25", move_along="on"))["ipv4"]
    assert said == "10.254.0.0/25 is too small for all DHCP reservations and ranges of 10.255.0.0/24."


def test_nothing_offers_to_move_along_where_nothing_would(page, plain):
    assert "move_along" not in page.get(f"{plain.get_absolute_url()}edit/").context["form"].fields


def test_a_host_entry_is_renamed_in_place(page, rich):
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


def test_markup_is_taken_literally_and_shown_so(page, plain):
    save(page, plain, title="</title><script>&\"'", description="]]> <!-- & -->")
    assert (again(plain).spec.title, again(plain).spec.description) == ("</title><script>&\"'", "]]> <!-- & -->")
    shown_page = page.get(f"{plain.get_absolute_url()}edit/").content.decode()
    assert "<script>&" not in shown_page
    typed = open_form(page, plain)
    assert (typed["title"], typed["description"]) == ("</title><script>&\"'", "]]> <!-- & -->")


def test_a_description_in_an_editors_layout_is_no_change(page, lab):
    document = RICH.replace("first line", "\n    first line").replace("&lt;line&gt;", "&lt;line&gt;\n  ")
    network = make_made(lab, document, "rich")
    assert messages(save(page, network)) == "Nothing of rich was changed."


def test_macvtap_modes_that_the_form_does_not_offer_stay_what_they_are(page, lab):
    for mode in ("private", "bridge"):
        document = f"""<network><name>{mode}</name><uuid>{{uuid}}</uuid><forward dev='eth0' mode='{mode}'>
        <interface dev='eth0'/></forward></network>"""
        network = make_made(lab, document, mode)
        assert messages(save(page, network)) == f"Nothing of {mode} was changed."


# Two people in one form. The first has opened it before the second saves.


def test_who_saves_second_gets_and_sees_what_the_first_has_changed(page, rich):
    typed = open_form(page, rich)
    save(page, rich, domain="first.test", stp="on", title="First", isolated_ports=None)
    generation = again(rich).generation
    answer = save(page, rich, typed=typed, description="Second", title="Second", nat_ipv6=None)
    assert answer.status_code == 409
    assert answer.context["notes"] == [
        "Domain is first.test meanwhile, it was lab.test.",
        "STP is True meanwhile, it was empty.",
        "Isolate ports is empty meanwhile, it was True.",
        "Title is First meanwhile; what you typed is kept: Second.",
    ]
    assert "Somebody else has changed rich meanwhile" in answer.content.decode()
    assert again(rich).generation == generation
    now = shown(answer)
    assert (now["domain"], now["stp"], now["description"], now["title"]) == (
        *("first.test", "on", "Second"),
        "Second",
    )
    assert not {"isolated_ports", "nat_ipv6"} & now.keys()
    assert save(page, rich, typed=now).status_code == 302
    spec = again(rich).spec
    assert (spec.domain, spec.stp, spec.description, spec.title) == ("first.test", True, "Second", "Second")
    assert (spec.isolated_ports, spec.nat_ipv6) == (False, False)


def test_lists_that_two_change_are_merged_line_by_line(page, rich):
    typed = open_form(page, rich)
    first = SHOWN["hosts"].replace("52:54:00:00:00:09 10.255.0.9\n", "") + "\n52:54:00:00:00:0a 10.255.0.10"
    save(page, rich, hosts=first)
    second = "52:54:00:00:00:0b 10.255.0.11\n" + SHOWN["hosts"].replace("\nfd00:255::9 six", "")
    answer = save(page, rich, typed=typed, hosts=second)
    assert answer.context["notes"] == ["DHCP reservations changed meanwhile; both changes are in it now."]
    assert save(page, rich, typed=shown(answer)).status_code == 302
    assert set(map(str, again(rich).spec.hosts)) == {
        "52:54:00:00:00:08 10.255.0.8 eight infinite",
        "id:00:04:58:fd:e4:15 fd00:255::8",
        "52:54:00:00:00:0a 10.255.0.10",
        "52:54:00:00:00:0b 10.255.0.11",
    }


def test_two_who_change_the_same_to_the_same_are_not_bothered(page, rich):
    typed = open_form(page, rich)
    save(page, rich, title="Both")
    answer = save(page, rich, typed=typed, title="Both")
    assert messages(answer).endswith("Nothing of rich was changed.")


def test_what_does_not_fit_after_a_merge_is_said_and_nothing_is_lost(page, rich):
    typed = open_form(page, rich)
    save(page, rich, hosts=f"{SHOWN['hosts']}\n52:54:00:00:00:0a 10.255.0.10")
    answer = save(page, rich, typed=typed, hosts=f"{SHOWN['hosts']}\n52:54:00:00:00:0b 10.255.0.10")
    assert "10.255.0.10 has two entries" in errors(answer.context["form"])["hosts"]
    assert "52:54:00:00:00:0b 10.255.0.10" in shown(answer)["hosts"]
    assert "both changes are in it now" in answer.content.decode()


@pytest.mark.parametrize("base", ["", "no JSON", "[]", "null", "[" * 100_000])
def test_without_a_readable_base_the_form_counts_as_typed(rich, base):
    typed = QueryDict(mutable=True)
    typed.update({"base": base, "title": "New"})
    assert merged(typed, rich) == (typed, [])
