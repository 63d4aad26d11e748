"""The form that adds a network: errors at each field, and what a valid form saves."""

import pytest

from networks.models import Network
from tests.support.making import make_foreign_network, make_hypervisor, make_network
from virterweb.hypervisors.models import HypervisorStatus

TICKED = {"dhcp": "on", "local_only": "on", "stp": "on", "autostart": "on"}
GOOD = {"name": "net1", "forward_mode": "", "ipv4": "10.255.0.1/24", **TICKED}


@pytest.fixture
def lab(db, enqueued):
    hypervisor = make_hypervisor()
    make_foreign_network(hypervisor)
    HypervisorStatus.objects.update(routes=[["172.16.5.0/24", "eth0"], ["192.168.122.0/24", "virbr0"]])
    return hypervisor


def send(page, lab, **fields):
    return page.post("/networks/add/", {"hypervisor": lab.pk, **GOOD, **fields})


def errors(answer) -> dict[str, str]:
    form = answer.context["form"]
    return {field: " ".join(texts) for field, texts in form.errors.items()}


def test_a_valid_form_saves_a_network_with_virters_range(page, lab, enqueued, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        answer = send(page, lab, domain="Lab.Test", mtu="9000")
    network = Network.objects.get(name="net1")
    assert answer.url == "/networks/lab-1/net1/"
    spec = network.spec
    assert (spec.domain, spec.local_only, spec.mtu, spec.dns) == ("lab.test", True, 9000, True)
    assert (spec.ip_range, spec.dhcp) == ("10.255.0.1/24", "10.255.0.2-10.255.0.254")
    assert (network.state, str(network.owner)) == ("pending", "mira")
    assert enqueued == [("networks.tasks.push", network.pk)]


def test_without_domain_and_forward_mode_there_is_no_dns(page, lab):
    send(page, lab)
    assert Network.objects.get(name="net1").spec.dns is False
    send(page, lab, name="net2", ipv4="10.254.0.1/24", forward_mode="nat")
    assert Network.objects.get(name="net2").spec.dns is True


def test_host_entries_are_generated_from_the_hosts_address_on(page, lab):
    send(page, lab, host_mac="52:54:00:00:00:00", host_first_id="8", host_count="3")
    entries = Network.objects.get(name="net1").hosts.values_list("mac", "ip")
    assert list(entries) == [
        ("52:54:00:00:00:08", "10.255.0.2"),
        ("52:54:00:00:00:09", "10.255.0.3"),
        ("52:54:00:00:00:0a", "10.255.0.4"),
    ]


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("name", "", "required"),
        ("name", "a/b", "cannot contain “/”"),
        ("name", "a\tb", "ontrol characters"),
        ("name", "a\nb", "ontrol characters"),
        ("name", "x" * 51, "50 characters"),
        ("name", "..", "neither a space nor a dot"),
        ("name", " net1", "begin or end with a space"),
        ("name", "default", "lab-1 already has a network default."),
        ("ipv4", "10.255.0.1", "with the prefix length"),
        ("ipv4", "10.255.0/24", "for example 10.255.0.1/24"),
        ("ipv4", "ten/24", "for example 10.255.0.1/24"),
        (
            "ipv4",
            "10.255.0.0/24",
            "This is the address of the block. Enter the address of the host in it, for example 10.255.0.1/24",
        ),
        ("ipv4", "10.255.0.255/24", "broadcast address"),
        ("ipv4", "10.255.0.1/31", "no room for guests"),
        ("ipv4", "10.255.0.254/24", "leaves no address for DHCP"),
        ("ipv4", "fd00::1/64", "Enter an IPv4 block"),
        ("ipv4", "192.168.122.77/30", "overlaps 192.168.122.0/24 of the network default"),
        ("ipv4", "192.168.0.1/16", "overlaps 192.168.122.0/24 of the network default"),
        ("ipv4", "172.16.5.9/24", "of the host, which routes it through eth0"),
        ("ipv4", "127.0.1.1/24", "loopback"),
        ("ipv4", "224.0.0.1/24", "multicast"),
        ("ipv6", "fe80::1/64", "link-local"),
        ("ipv6", "fd00::1/48", "/64 or smaller"),
        ("domain", "-lab", "Enter a DNS name"),
        ("domain", "<script>", "Enter a DNS name"),
        ("bridge", "b" * 16, "15 bytes"),
        ("bridge", "br 0", "letters, digits, dots and dashes"),
        ("bridge", "virbr0", "belongs to the network default"),
        ("mtu", "67", "at least 68"),
        ("mtu", "65536", "at most 65535"),
        ("mtu", "many", "whole number"),
        ("forward_mode", "vepa", "Select a valid choice"),
        ("host_count", "254", "has room for 253 DHCP reservations"),
    ],
)
def test_bad_input_is_refused_at_its_field_and_changes_nothing(page, lab, field, typed, said):
    answer = send(page, lab, **{field: typed})
    assert answer.status_code == 422
    assert said in errors(answer)[field]
    assert not Network.objects.filter(managed=True).exists()
    assert f'id="id_{field}_error"' in answer.content.decode()


@pytest.mark.parametrize("mac", ["01:54:00:00:00:00", "52:54:00:00:00", "52:54:00:00:00:zz"])
def test_a_base_mac_that_no_guest_can_have_is_refused(page, lab, mac):
    assert "MAC" in errors(send(page, lab, host_mac=mac, host_count="2"))["host_mac"]


def test_a_bridge_network_names_the_hosts_bridge_and_has_no_addresses(page, lab):
    said = errors(send(page, lab, forward_mode="bridge"))
    assert "Enter the bridge of the host" in said["bridge"]
    assert "configured outside libvirt" in said["ipv4"]
    send(page, lab, forward_mode="bridge", bridge="br0", ipv4="", dhcp="")
    assert Network.objects.get(name="net1").spec.bridge == "br0"


def test_dhcp_and_forwarding_need_a_block(page, lab):
    said = errors(send(page, lab, ipv4="", forward_mode="nat"))
    assert "needs an IPv4 or IPv6 block" in said["ipv4"]
    assert "needs a block" in said["dhcp"]


def test_the_block_of_a_network_that_is_not_created_yet_is_taken(page, lab):
    make_network(lab, "soon", "10.255.0.1/24")
    assert "of the network soon" in errors(send(page, lab, ipv4="10.255.0.129/25"))["ipv4"]


def test_the_same_name_and_block_are_free_on_another_hypervisor(page, lab):
    other = make_hypervisor("lab-2")
    assert send(page, other, name="default", ipv4="192.168.122.1/24").status_code == 302


def test_html_is_taken_literally(page, lab):
    send(page, lab, name='<i>"&net')
    network = Network.objects.get(managed=True)
    assert network.name == '<i>"&net'
    shown = page.get(network.get_absolute_url()).content.decode()
    assert "&lt;i&gt;&quot;&amp;net" in shown
    assert "<i>" not in shown


def test_an_operator_may_give_dnsmasq_options_which_follow_the_hypervisors(client, operator, lab):
    client.force_login(operator)
    lab.dnsmasq_options = "log-dhcp"
    lab.save()
    send(client, lab, dnsmasq_options=" local-ttl=5 \n\n")
    assert Network.objects.get(name="net1").spec.dnsmasq_options == ("log-dhcp", "local-ttl=5")


def test_the_preview_shows_the_dhcp_range_and_its_size(page, lab):
    answer = page.post("/networks/add/preview/", {"hypervisor": lab.pk, "ipv4": "10.255.0.1/24", "dhcp": "on"})
    shown = answer.content.decode()
    assert "10.255.0.2-10.255.0.254" in shown
    assert "<dd>253</dd>" in shown
    assert "required" not in shown  # nobody is told off for what he has not typed yet


def test_choosing_another_hypervisor_proposes_another_block_and_keeps_a_typed_one(page, lab):
    other = make_hypervisor("lab-2")
    make_network(other, "there", "10.255.0.1/24")
    typed = {**GOOD, "hypervisor": other.pk, "change": "hypervisor", "name": "half", "proposed": "10.255.0.1/24"}
    shown = page.post("/networks/add/", typed, headers={"HX-Request": "true"})
    assert (shown.context["form"]["ipv4"].value(), shown.context["form"]["name"].value()) == ("10.255.1.1/24", "half")
    assert "overlaps" not in shown.content.decode()
    shown = page.post("/networks/add/", {**typed, "ipv4": "10.9.0.1/24"}, headers={"HX-Request": "true"})
    assert shown.context["form"]["ipv4"].value() == "10.9.0.1/24"
    assert not Network.objects.filter(name="half").exists()


def test_the_form_begins_with_dhcp_the_next_free_block_and_its_preview(page, lab):
    answer = page.get("/networks/add/")
    form, facts = answer.context["form"], answer.context["facts"]
    assert form["dhcp"].value() is True
    assert list(facts) == ["ipv4"]
    assert form["ipv4"].value().startswith(f"{facts['ipv4'].host}/")
    assert facts["ipv4"].dhcp
    assert f"{facts['ipv4'].start}-{facts['ipv4'].end}" in answer.content.decode()
    assert "Type an address block" not in answer.content.decode()
