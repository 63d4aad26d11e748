"""What reaches the host is for operators, and people change what they own: on every way in."""

from importlib import import_module
from io import StringIO

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.exceptions import PermissionDenied
from django.core.management import CommandError, call_command
from django.test import override_settings
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from networks.changes.forms import NetworkForm
from networks.changes.merge import as_text
from networks.definition import host_reach
from networks.definition.document.edit import build
from networks.definition.events import Event
from networks.definition.spec import NetworkSpec, RouteSpec, SubnetSpec
from networks.models import Network
from tests.support.examples import examples
from tests.support.making import (
    make_foreign_network,
    make_host,
    make_hypervisor,
    make_image,
    make_network,
    make_running,
    make_vm,
)
from tests.support.shown import as_shown
from tests.support.specs import specs
from virterweb.hypervisors import rights
from virterweb.messages import Message
from vms.definition import host_reach as vm_reach
from vms.definition.nics.spec import NICSpec
from vms.models import VM, Image, Volume

HOST = (
    ("routes", "0.0.0.0/1 via 10.1.0.7", "static routes"),
    ("tftp_root", "/", "TFTP root"),
    ("dnsmasq_options", "dhcp-script=/bin/sh", "dnsmasq options"),
    ("bridge", "eth0", "name a bridge"),
    ("nat_addresses", "203.0.113.8", "NAT addresses"),
    ("blocks", "2001:db8:1::1/64", "Only operators may use blocks outside"),
    ("ipv6", "2001:db8::1/64", "Only operators may use blocks outside"),
)


@pytest.fixture
def lab(db, pokes):
    hypervisor = make_hypervisor("lab", dnsmasq_options="log-dhcp")
    make_foreign_network(hypervisor)
    make_image(hypervisor)
    return hypervisor


@pytest.fixture
def network(lab, member):
    """The member's own."""
    network = make_network(lab, "net1", "10.1.0.1/24", owner=member, spec={"forward_mode": "nat"})
    network.note(Event.ADDED, member, result="done")
    network.status.write(generation=1, made_at=timezone.now(), present=True, active=True, autostart=True)
    network.status.write(document=network.full_document)
    return network


@pytest.fixture
def theirs(lab, operator):
    """Another's."""
    return make_network(lab, "rich", "10.2.0.1/24", owner=operator)


def rich(network: Network) -> str:
    """The network's document with an option that an operator gave it."""
    return network.full_document.replace("</network>", OPTION + "</network>")


OPTION = (
    "<dnsmasq:options xmlns:dnsmasq='http://libvirt.org/schemas/network/dnsmasq/1.0'>"
    "<dnsmasq:option value='dhcp-script=/bin/sh'/></dnsmasq:options>"
)


def run(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


# Networks


def add(page, lab, **fields):
    sent = {"hypervisor": lab.pk, "name": "net9", "forward_mode": "nat", "ipv4": "10.1.0.1/24", "dhcp": "on"}
    return page.post("/networks/add/", {**sent, **fields})


def test_a_member_adds_a_network_and_owns_it(member_page, member, lab):
    assert add(member_page, lab, domain="lab.test", bridge="virbr7", mtu="1400").status_code == 302
    network = Network.objects.get(name="net9")
    assert (network.owner, network.spec.dnsmasq_options) == (member, ("log-dhcp",))  # the hypervisor's


@pytest.mark.parametrize(("field", "typed", "reason"), HOST)
def test_what_reaches_the_host_is_refused_at_its_field_in_the_form_that_adds(member_page, lab, field, typed, reason):
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
def test_so_it_is_in_the_form_that_edits_and_on_the_command_line(member_page, network, field, typed, reason):
    sent = {**as_text(NetworkForm(network=network)), field: typed}
    answer = member_page.post("/networks/lab/net1/edit/", sent)
    assert reason in " ".join(answer.context["form"].errors[field])
    flag = f"--{'network-v6-cidr' if field == 'ipv6' else field.replace('_', '-').removesuffix('s')}"
    flag = {"--nat-addresse": "--nat-addresses", "--tftp-root": "--tftp-root"}.get(flag, flag)
    with pytest.raises(CommandError, match=reason):
        run("network", "edit", "net1", f"{flag}={typed}", "--yes", "--user", "otto", "--no-wait")
    network.refresh_from_db()
    assert network.generation == 1


@pytest.mark.parametrize("route", ["0.0.0.0/1 via 10.1.0.7", "128.0.0.0/1 via 10.1.0.7", "8.8.8.0/24 via 10.1.0.7"])
def test_operators_are_warned_of_routes_that_take_the_hosts_own_traffic(page, lab, network, route):
    sent = {**as_text(NetworkForm(network=network)), "routes": route}
    warned = "the hypervisor then sends its own traffic for these addresses here"
    assert warned in page.post("/networks/lab/net1/edit/preview/", sent).content.decode()
    private = {**sent, "routes": "10.200.0.0/16 via 10.1.0.7"}
    assert warned not in page.post("/networks/lab/net1/edit/preview/", private).content.decode()


def test_fields_for_operators_are_shown_to_them_and_where_something_stands_in_them(member_page, lab, network):
    assert 'name="tftp_root"' not in member_page.get("/networks/add/").content.decode()
    Network.objects.filter(pk=network.pk).update(document=rich(network))
    shown = member_page.get("/networks/lab/net1/edit/").content.decode()
    assert 'name="dnsmasq_options"' in shown
    assert 'name="tftp_root"' not in shown


def test_other_fields_of_a_network_that_reaches_the_host_can_be_edited_by_its_owner(member_page, network):
    Network.objects.filter(pk=network.pk).update(document=rich(network))
    network.refresh_from_db()
    form = NetworkForm({**as_text(NetworkForm(network=network)), "title": "new"}, network=network)
    assert form.errors == {}
    token = member_page.post("/networks/lab/net1/edit/", form.data).context["token"]
    assert member_page.post("/networks/lab/net1/edit/", {**form.data, "token": token}).status_code == 302
    network = Network.objects.get(pk=network.pk)
    assert (network.spec.title, network.spec.dnsmasq_options) == ("new", ("dhcp-script=/bin/sh",))


def test_restoring_brings_nothing_back_that_reaches_the_host(member_page, operator, network):
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


def test_accepting_takes_nothing_over_that_reaches_the_host(member_page, client, operator, network):
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


def test_reverting_brings_nothing_back_that_reaches_the_host(member_page, client, operator, network):
    """An operator has taken an option away in libvirt."""
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


def test_no_way_to_a_documents_change_passes_the_model(network, member, operator):
    with pytest.raises(PermissionDenied, match="dnsmasq options"):
        network.change(Event.CHANGED, member, document=rich(network))
    network.change(Event.CHANGED, operator, document=rich(network))


def test_xml_is_for_operators(member_page, network, tmp_path):
    assert member_page.post("/networks/lab/net1/xml/", {"document": network.full_document}).status_code == 403
    file = tmp_path / "x.xml"
    file.write_text(network.full_document)
    with pytest.raises(CommandError, match="Only operators"):
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
def test_what_is_not_known_to_stay_inside_the_network_reaches_the_host(element):
    bare = "<network><name>x</name></network>"
    assert host_reach.changed(bare, bare.replace("</network>", f"{element}</network>"))


@settings(max_examples=examples(25), suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(specs(), st.sampled_from(("route", "tftp", "option")))
def test_every_route_folder_and_option_counts_whatever_else_is_there(spec, kind):
    before = build(spec)
    change = {
        "route": {"routes": (*spec.routes, RouteSpec(destination="1.0.0.0/8", gateway="10.250.0.7"))},
        "tftp": {"subnets": (*spec.subnets, SubnetSpec(address="10.251.0.1", prefix=24, tftp_root="/etc/new"))},
        "option": {"dnsmasq_options": (*spec.dnsmasq_options, "dhcp-script=/new")},
    }[kind]
    values = {name: getattr(spec, name) for name in spec.__dataclass_fields__}
    after = build(NetworkSpec(**{**values, **change}))
    assert len(host_reach.changed(before, after)) == 1


# VMs and their NICs


def send_run(page, lab, **fields):
    sent = {"hypervisor": lab.pk, "image": "alma-8", "number": "9", "memory": "128", "vcpus": "1", "boot_size": "1"}
    return page.post("/vms/run/", {**sent, "count": "1", **fields})


PLACES = (
    ({"nic_bridge": "br0"}, "bridge of the hypervisor"),
    ({"nic_device": "eth0"}, "device of the hypervisor"),
    ({"nic_network": "/user"}, "user networking"),
)


@pytest.mark.parametrize(("fields", "reason"), PLACES)
def test_a_member_runs_vms_on_networks_alone(member_page, lab, fields, reason):
    answer = send_run(member_page, lab, **{"nic_model": "virtio", **fields})
    assert answer.status_code == 422
    assert reason in answer.content.decode()
    assert not VM.objects.exists()


def test_a_member_runs_a_vm_on_networks_of_others_and_owns_it(member_page, member, lab, theirs):
    assert send_run(member_page, lab, nic_network="rich", nic_model="virtio").status_code == 302
    vm = VM.objects.get()
    assert (vm.owner, [nic.source for nic in vm.nics.all()]) == (member, ["default", "rich"])


@pytest.mark.parametrize(
    ("field", "typed"), [("vnc_bind", "0.0.0.0"), ("vnc_bind", "::"), ("vnc_bind", "10.0.0.1"), ("console_dir", "/etc")]
)
def test_vnc_beyond_the_host_and_folders_are_for_operators(member_page, client, operator, lab, field, typed):
    answer = send_run(member_page, lab, **{field: typed})
    assert "Only operators" in " ".join(answer.context["form"].errors[field])
    assert "Only operators" in answer.content.decode()
    assert f'name="{field}"' not in member_page.get("/vms/run/").content.decode()
    client.force_login(operator)
    assert send_run(client, lab, **{field: typed}).status_code == 302


@pytest.fixture
def vm(lab, member):
    vm = make_vm(lab, "alma-8-8", 8, owner=member)
    make_running(vm, ("default", "52:54:00:00:00:08", "vnet0"))
    return vm


NIC = "/vms/lab/alma-8-8/nics"


@pytest.mark.parametrize(("place", "reason"), [(place, reason) for place, reason in PLACES])
def test_no_nic_of_a_members_vm_comes_to_the_host(member_page, lab, vm, place, reason):
    place = {name.removeprefix("nic_"): value for name, value in place.items()}
    for path in (f"{NIC}/add/", f"{NIC}/52:54:00:00:00:08/edit/"):
        answer = member_page.post(path, {"model": "virtio", "link_up": "on", **place})
        assert answer.status_code == 422
        assert reason in answer.content.decode()
    many = {"action": "add", "asked": "yes", "go": "yes", "vm": [vm.pk], "model": "virtio", **place}
    assert member_page.post("/vms/many/", many).status_code == 422
    kind = {"bridge": "type=bridge,source=br0", "device": "type=direct,source=eth0", "network": "type=user"}
    with pytest.raises(CommandError, match="Only operators"):
        run("vm", "nic", "add", "alma-8-8", kind[next(iter(place))], "--user", "otto", "--no-wait")
    assert [nic.kind for nic in vm.nics.all()] == ["network"]


def test_the_owner_changes_other_fields_of_a_nic_that_is_on_a_bridge_and_may_leave_it(member_page, lab, vm):
    make_network(lab, "net2", "10.2.0.1/24")
    nic = vm.nics.get()
    nic.follow(NICSpec(kind="bridge", source="br0", mac=nic.mac))
    nic.save()
    path = f"{NIC}/{nic.mac}/edit/"
    assert 'name="bridge"' in member_page.get(path).content.decode()
    assert member_page.post(path, {"bridge": "br0", "model": "virtio"}).status_code == 302
    assert member_page.post(path, {"bridge": "br1", "model": "virtio"}).status_code == 422
    assert member_page.post(path, {"network": "net2", "model": "virtio", "link_up": "on"}).status_code == 302
    assert vm.nics.get().source == "net2"
    assert member_page.post(path, {"bridge": "br0", "model": "virtio"}).status_code == 422


def test_accepting_takes_no_nic_over_that_reaches_the_host(member_page, vm):
    nic = "<interface type='bridge'><mac address='52:54:00:00:00:08'/><source bridge='br0'/></interface>"
    vm.status.write(document=f"<domain type='qemu'><name>x</name><devices>{nic}</devices></domain>")
    answer = member_page.post("/vms/lab/alma-8-8/take/")
    assert (answer.status_code, vm.nics.get().kind) == (403, "network")
    assert "bridge of the hypervisor" in answer.content.decode()


def test_reverting_brings_no_nic_back_that_reaches_the_host(member_page, vm):
    """An operator has moved it from a bridge to a network in libvirt."""
    vm.add_nic(NICSpec(kind="bridge", source="br0", mac="52:54:00:80:00:07"))
    nic = "<interface type='network'><mac address='52:54:00:80:00:07'/><source network='default'/></interface>"
    document = f"<domain type='qemu'><name>alma-8-8</name><devices>{nic}</devices></domain>"
    vm.status.write(document=document, present=True, drift="NIC 52:54:00:80:00:07: source")
    before = VM.objects.get(pk=vm.pk).generation
    refused = member_page.post(f"{vm.get_absolute_url()}revert/")
    assert refused.status_code == 403
    assert "Only operators may attach NICs to a bridge" in refused.content.decode()
    with pytest.raises(CommandError, match="Only operators may attach NICs to a bridge"):
        call_command("vm", "revert", "alma-8-8", "--user", "otto", "--no-wait", stdout=StringIO())
    assert VM.objects.get(pk=vm.pk).generation == before


def test_a_mac_that_somebody_has_an_address_reserved_for_is_not_taken(member_page, lab, vm, theirs):
    make_host(theirs, "52:54:00:aa:00:01", "10.2.0.9")
    answer = member_page.post(f"{NIC}/add/", {"network": "rich", "model": "virtio", "mac": "52:54:00:aa:00:01"})
    assert "reserved for this MAC" in answer.content.decode()


@pytest.mark.parametrize(
    "kind", ["bridge", "direct", "user", "hostdev", "vhostuser", "ethernet", "vdpa", "something new"]
)
def test_every_kind_of_nic_but_that_on_a_network_reaches_the_host(kind):
    before = vm_reach.parts([NICSpec(kind="network", source="net1", mac="")])
    found = vm_reach.gained(before, vm_reach.parts([NICSpec(kind=kind, source="x", mac="")]))
    assert len(found) == 1
    assert vm_reach.gained(vm_reach.parts([NICSpec(kind=kind, source="x", mac="")]), before) == ()


# Images


def test_a_volume_in_use_is_made_an_image_by_operators_alone(member_page, client, operator, lab, vm):
    Volume.objects.create(hypervisor=lab, name="disk.qcow2", path="/pool/disk.qcow2", format="qcow2")
    Volume.objects.create(hypervisor=lab, name="base", path="/pool/base", format="qcow2")
    Volume.objects.create(hypervisor=lab, name="over", path="/pool/over", format="qcow2", backing="/pool/base")
    Volume.objects.create(hypervisor=lab, name="free", path="/pool/free", format="qcow2")
    disk = {"target": "vda", "bus": "virtio", "device": "disk", "format": "qcow2"}
    vm.status.write(disks=[{**disk, "source": "default/disk.qcow2"}])
    other = make_vm(lab, "alma-8-9", 9)
    other.status.write(disks=[{**disk, "source": "the-same-folder/linked"}])
    Volume.objects.create(hypervisor=lab, name="linked", path="/pool/linked", format="qcow2")
    for volume in ("disk.qcow2", "base", "alma-8", "linked"):
        answer = member_page.post("/images/", {"hypervisor": lab.pk, "name": "mine", "volume": volume})
        assert "in use by" in str(answer.context["form"].errors["volume"])
    assert member_page.post("/images/", {"hypervisor": lab.pk, "name": "mine", "volume": "free"}).status_code == 302
    assert Image.objects.get(name="mine").owner.username == "otto"
    client.force_login(operator)
    sent = {"hypervisor": lab.pk, "name": "theirs", "volume": "disk.qcow2"}
    assert client.post("/images/", sent).status_code == 302


# Whose it is


def test_bulk_leaves_what_is_not_ones_own(member_page, lab, network, theirs):
    default = Network.objects.get(name="default")
    chosen = [each.pk for each in (network, theirs, default)]
    for action in ("remove", "stop", "autostart", "adopt"):
        shown = member_page.post("/networks/bulk/", {"action": action, "network": chosen})
        assert "Only its owner and operators" in shown.content.decode()
        assert "Only operators may change it" in shown.content.decode()
        sent = {"action": action, "network": chosen, "token": shown.context["token"]}
        assert member_page.post("/networks/bulk/", sent).status_code == 302
    for each in (theirs, default):
        assert Network.objects.get(pk=each.pk).generation == each.generation
    assert Network.objects.get(pk=network.pk).removed_at


def test_many_vms_leaves_what_is_not_ones_own(member_page, lab, vm, operator):
    other = make_vm(lab, "other", 9, owner=operator)
    unmanaged = VM.objects.create(hypervisor=lab, name="theirs", managed=False, generation=0)
    sent = {"action": "add", "asked": "yes", "network": "default", "model": "virtio"}
    sent["vm"] = [each.pk for each in (vm, other, unmanaged)]
    token = member_page.post("/vms/many/", sent).context["token"]
    assert member_page.post("/vms/many/", {**sent, "go": "yes", "token": token}).status_code == 302
    assert [each.nics.count() for each in (vm, other, unmanaged)] == [2, 1, 0]


def test_the_buttons_are_shown_to_those_who_may_use_them(member_page, lab, network, vm, theirs):
    own, other = (member_page.get(f"/networks/lab/{name}/").content.decode() for name in ("net1", "rich"))
    assert "Delete net1" in own
    assert "Delete rich" not in other
    assert "rich belongs to admin. Only its owner and operators may change it." in other
    assert "/adopt/" not in member_page.get("/networks/lab/default/").content.decode()
    assert "Add NIC" in member_page.get("/vms/lab/alma-8-8/").content.decode()
    VM.objects.update(owner=None)
    page = member_page.get("/vms/lab/alma-8-8/").content.decode()
    assert "Add NIC" not in page
    assert "Delete alma-8-8" not in page
    assert "alma-8-8 has no owner. Only operators may change it." in page


# The command line


def test_the_command_line_acts_as_operator_unless_a_user_is_named(lab, network, theirs, member):
    run("network", "start", "rich", "--no-wait")
    with pytest.raises(CommandError, match="rich belongs to admin"):
        run("network", "rm", "rich", "--user", "otto", "--no-wait")
    with pytest.raises(CommandError, match="not managed by this portal"):
        run("network", "rm", "default", "--user", "otto", "--no-wait")
    with pytest.raises(CommandError, match="Only operators"):
        run("network", "import", "--user", "otto", "--no-wait")
    with pytest.raises(CommandError, match="no active portal user nobody"):
        run("network", "ls", "--user", "nobody")
    run("network", "add", "mine", "--network-cidr", "10.5.0.1/24", "--user", "otto", "--no-wait")
    mine = Network.objects.get(name="mine")
    assert (mine.owner, mine.revisions.get().by) == (member, member)
    run("network", "rm", "mine", "--user", "otto", "--no-wait")
    assert Network.objects.get(name="mine").removed_at


def test_vm_run_names_the_portal_user_beside_the_guests(lab, member):
    words = ("vm", "run", "alma-8", "--id", "9", "--user", "root", "--as-user", "otto", "--no-wait")
    run(*words)
    assert (VM.objects.get().owner, VM.objects.get().ssh_user) == (member, "root")
    with pytest.raises(CommandError, match="Only operators may name a folder"):
        run(*words[:4], "10", "--console", "/etc", "--as-user", "otto", "--no-wait")


# The permission


def test_a_staff_user_is_no_operator_without_the_permission(db):
    user = get_user_model().objects.create_user("staff", is_staff=True)
    assert not rights.is_operator(user)
    user.user_permissions.add(Permission.objects.get(codename="operate"))
    assert rights.is_operator(get_user_model().objects.get(pk=user.pk))
    user.is_active = False
    user.save()
    assert not rights.is_operator(get_user_model().objects.get(pk=user.pk))


def test_who_was_staff_before_the_permission_stays_an_operator(db):
    make = get_user_model().objects.create_user
    staff, plain = make("staff", is_staff=True), make("plain")
    import_module("virterweb.hypervisors.migrations.0010_operate_permission").keep_staff_operators(apps, None)
    assert rights.is_operator(get_user_model().objects.get(pk=staff.pk))
    assert not rights.is_operator(get_user_model().objects.get(pk=plain.pk))
    assert Permission.objects.filter(codename="operate").count() == 1


def test_nobody_owns_what_has_no_owner(lab, member):
    from django.contrib.auth.models import AnonymousUser

    network = make_network(lab, "net3", "10.3.0.1/24")
    for user in (member, AnonymousUser()):
        assert not rights.may_change(user, network)
        assert not Network.objects.changeable_by(user).exists()
    assert Network.objects.changeable_by(None).count() == 2


def test_uris_are_shown_to_operators_alone(member_page, client, operator, lab):
    lab.status.error = Message("hypervisor.silent")
    lab.status.detail = "no answer from test:///default within 5 s"
    lab.status.save()
    for path in (
        "/",
        "/networks/",
        "/vms/",
        "/trouble/",
        "/search/?q=test",
        "/vms/run/",
        "/images/",
        "/inventory.json",
    ):
        assert "test:///" not in member_page.get(path).content.decode(), path
    client.force_login(operator)
    assert "test:///" in client.get("/").content.decode()


def test_collected_static_files_are_those_of_the_pages(tmp_path):
    with override_settings(STATIC_ROOT=tmp_path):
        call_command("collectstatic", "--no-input", verbosity=0)
    assert {"css", "js", "vendor"} <= {path.name for path in tmp_path.iterdir()}
