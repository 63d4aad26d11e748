"""Which fields of a network only operators may set."""

from io import StringIO

import pytest
from django.core.exceptions import PermissionDenied
from django.core.management import CommandError, call_command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from networks.changes.forms.network import NetworkForm
from networks.changes.merge import as_text
from networks.definition import host_reach
from networks.definition.document.edit import build
from networks.definition.events import Event
from networks.definition.spec import NetworkSpec, RouteSpec, SubnetSpec
from networks.models import Network
from tests.people.rights.owned_objects import add, rich, run
from tests.support.examples import examples
from tests.support.shown import as_shown
from tests.support.specs import specs

HOST = (
    ("routes", "0.0.0.0/1 via 10.1.0.7", "static routes"),
    ("tftp_root", "/", "TFTP root"),
    ("dnsmasq_options", "dhcp-script=/bin/sh", "dnsmasq options"),
    ("bridge", "eth0", "name a bridge"),
    ("nat_addresses", "203.0.113.8", "NAT addresses"),
    ("blocks", "2001:db8:1::1/64", "Only operators may use blocks outside"),
    ("ipv6", "2001:db8::1/64", "Only operators may use blocks outside"),
)


def test_a_member_adds_a_network_and_owns_it(member_page, member, lab):
    assert add(member_page, lab, domain="lab.test", bridge="virbr7", mtu="1400").status_code == 302
    network = Network.objects.get(name="net9")
    assert (network.owner, network.spec.dnsmasq_options) == (member, ("log-dhcp",))  # the hypervisor's


@pytest.mark.parametrize(("field", "typed", "reason"), HOST)
def test_fields_that_affect_the_host_are_refused_in_the_form_that_adds_a_network(
    member_page, lab, field, typed, reason
):
    answer = add(member_page, lab, **{field: typed})
    assert answer.status_code == 422
    assert reason in " ".join(answer.context["form"].errors[field])
    assert reason in answer.content.decode()
    assert not Network.objects.filter(managed=True).exists()


def test_a_network_on_a_bridge_or_device_of_the_host_is_for_operators(member_page, client, operator, lab):
    on_bridge = {"forward_mode": "bridge", "ipv4": "", "dhcp": "", "bridge": "br0", "stp": "on"}
    errors = add(member_page, lab, **on_bridge).context["form"].errors
    assert "Only operators" in str(errors.get("forward_mode")), errors
    client.force_login(operator)
    assert add(client, lab, **on_bridge).status_code == 302


@pytest.mark.parametrize(("field", "typed", "reason"), HOST)
def test_fields_that_affect_the_host_are_refused_in_edits_and_commands(member_page, network, field, typed, reason):
    sent = {**as_text(NetworkForm(network=network, user=None)), field: typed}
    answer = member_page.post("/networks/lab/net1/edit/", sent)
    assert reason in " ".join(answer.context["form"].errors[field])
    flag = f"--{'network-v6-cidr' if field == 'ipv6' else field.replace('_', '-').removesuffix('s')}"
    flag = {"--nat-addresse": "--nat-addresses", "--tftp-root": "--tftp-root"}.get(flag, flag)
    with pytest.raises(CommandError, match=reason):
        run("network", "edit", "net1", f"{flag}={typed}", "--yes", "--user", "otto", "--no-wait")
    network.refresh_from_db()
    assert network.generation == 1


@pytest.mark.parametrize("route", ["0.0.0.0/1 via 10.1.0.7", "128.0.0.0/1 via 10.1.0.7", "8.8.8.0/24 via 10.1.0.7"])
def test_routes_that_redirect_traffic_of_the_host_cause_a_warning(page, lab, network, route):
    sent = {**as_text(NetworkForm(network=network, user=None)), "routes": route}
    warned = "the hypervisor then sends its own traffic for these addresses here"
    assert warned in page.post("/networks/lab/net1/edit/preview/", sent).content.decode()
    private = {**sent, "routes": "10.200.0.0/16 via 10.1.0.7"}
    assert warned not in page.post("/networks/lab/net1/edit/preview/", private).content.decode()


def test_fields_for_operators_are_shown_to_operators_or_if_they_have_a_value(member_page, lab, network):
    assert 'name="tftp_root"' not in member_page.get("/networks/add/").content.decode()
    Network.objects.filter(pk=network.pk).update(document=rich(network))
    shown = member_page.get("/networks/lab/net1/edit/").content.decode()
    assert 'name="dnsmasq_options"' in shown
    assert 'name="tftp_root"' not in shown


def test_the_owner_can_edit_other_fields_of_a_network_that_affects_the_host(member_page, network):
    Network.objects.filter(pk=network.pk).update(document=rich(network))
    network.refresh_from_db()
    form = NetworkForm({**as_text(NetworkForm(network=network, user=None)), "title": "new"}, network=network, user=None)
    assert form.errors == {}
    token = member_page.post("/networks/lab/net1/edit/", form.data).context["token"]
    assert member_page.post("/networks/lab/net1/edit/", {**form.data, "token": token}).status_code == 302
    network = Network.objects.get(pk=network.pk)
    assert (network.spec.title, network.spec.dnsmasq_options) == ("new", ("dhcp-script=/bin/sh",))


def test_restoring_does_not_restore_fields_that_affect_the_host(member_page, operator, network):
    plain = network.full_document
    network.change(Event.XML, operator, document=rich(network))
    network.change(Event.CHANGED, operator, document=plain)
    before = Network.objects.get(pk=network.pk).generation
    revision = network.revisions.get(event=Event.XML)
    path = f"/networks/lab/net1/history/{revision.pk}/"
    shown = member_page.get(path)
    assert "Only operators may give dnsmasq options" in shown.content.decode()
    assert member_page.post(path, {"token": shown.context["token"]}).status_code == 409
    assert Network.objects.get(pk=network.pk).generation == before


def test_accepting_does_not_accept_fields_that_affect_the_host(member_page, client, operator, network):
    network.status.write(document=rich(network))
    answer = member_page.post("/networks/lab/net1/take/")
    assert answer.status_code == 403
    assert "Only operators may give dnsmasq options" in answer.content.decode()
    with pytest.raises(CommandError, match="dnsmasq options"):
        run("network", "take", "net1", "--user", "otto", "--no-wait")
    assert Network.objects.get(pk=network.pk).spec.dnsmasq_options == ()
    client.force_login(operator)
    assert client.post("/networks/lab/net1/take/").status_code == 302
    assert Network.objects.get(pk=network.pk).spec.dnsmasq_options == ("dhcp-script=/bin/sh",)


def test_reverting_does_not_restore_fields_that_affect_the_host(member_page, client, operator, network):
    """An operator has deleted an option in libvirt."""
    without = network.full_document
    Network.objects.filter(pk=network.pk).update(document=rich(network), agreed=rich(network))
    network.status.write(document=without, drift="dnsmasq options")
    path = f"{network.get_absolute_url()}plan/"
    before = Network.objects.get(pk=network.pk).generation
    refused = member_page.post(path, as_shown(member_page.get(path)))
    assert refused.status_code == 403
    assert "dnsmasq options" in refused.content.decode()
    with pytest.raises(CommandError, match="dnsmasq options"):
        call_command("network", "apply", "net1", "--user", "otto", "--yes", "--no-wait", stdout=StringIO())
    assert Network.objects.get(pk=network.pk).generation == before
    client.force_login(operator)
    assert client.post(path, as_shown(client.get(path))).status_code == 302


def test_every_change_of_a_document_is_checked_by_the_model(network, member, operator):
    with pytest.raises(PermissionDenied, match="dnsmasq options"):
        network.change(Event.CHANGED, member, document=rich(network))
    network.change(Event.CHANGED, operator, document=rich(network))


def test_xml_is_for_operators(member_page, network, tmp_path):
    assert member_page.post("/networks/lab/net1/xml/", {"document": network.full_document}).status_code == 403
    file = tmp_path / "x.xml"
    file.write_text(network.full_document)
    with pytest.raises(CommandError, match="You may not operate the hypervisor of net1"):
        run("network", "xml", "net1", "--file", str(file), "--user", "otto")


UNMODELLED = (
    "<forward mode='hostdev' managed='yes'><pf dev='eth0'/></forward>",
    "<forward mode='passthrough'><interface dev='eth0'/></forward>",
    "<bridge name='virbr9' zone='trusted'/>",
    "<bridge name='docker0'/>",
    "<virtualport type='openvswitch'/>",
    "<portgroup name='x'><virtualport type='802.1Qbh'><parameters profileid='a'/></virtualport></portgroup>",
    "<somethingnew path='/etc'/>",
)


@pytest.mark.parametrize("element", UNMODELLED)
def test_unknown_elements_affect_the_host(element):
    bare = "<network><name>x</name></network>"
    assert host_reach.changed(bare, bare.replace("</network>", f"{element}</network>"))


@settings(max_examples=examples(25), suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(specs(), st.sampled_from(("route", "tftp", "option")))
def test_every_route_folder_and_option_is_checked(spec, kind):
    before = build(spec)
    change = {
        "route": {"routes": (*spec.routes, RouteSpec(destination="1.0.0.0/8", gateway="10.250.0.7"))},
        "tftp": {"subnets": (*spec.subnets, SubnetSpec(address="10.251.0.1", prefix=24, tftp_root="/etc/new"))},
        "option": {"dnsmasq_options": (*spec.dnsmasq_options, "dhcp-script=/new")},
    }[kind]
    values = {name: getattr(spec, name) for name in spec.__dataclass_fields__}
    after = build(NetworkSpec(**{**values, **change}))
    assert len(host_reach.changed(before, after)) == 1
