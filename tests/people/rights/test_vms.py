"""Which fields of a VM and its NICs only operators may set."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from tests.people.rights.owned_objects import run
from tests.support.making import everyone, make_host, make_network, make_vm, record_volume
from tests.support.teams import role
from virterweb.people.models import Grant
from vms.definition import host_reach as vm_reach
from vms.definition.nics.spec import NICSpec
from vms.models import VM, Image


def send_run(page, lab, **fields):
    sent = {"hypervisor": lab.pk, "image": "alma-8", "number": "9", "memory": "128", "vcpus": "1", "boot_size": "1"}
    return page.post("/vms/run/", {**sent, "count": "1", **fields})


PLACES = (
    ({"nic_bridge": "br0"}, "bridge of the hypervisor"),
    ({"nic_device": "eth0"}, "device of the hypervisor"),
    ({"nic_network": "/user"}, "user networking"),
)


@pytest.mark.parametrize(("fields", "reason"), PLACES)
def test_a_member_runs_vms_only_on_networks(member_page, lab, fields, reason):
    answer = send_run(member_page, lab, **{"nic_model": "virtio", **fields})
    assert answer.status_code == 422
    assert reason in answer.content.decode()
    assert not VM.objects.exists()


def test_a_member_runs_a_vm_on_a_network_of_another_team_only_if_a_grant_names_it(
    member_page, member, lab, network_of_another
):
    refused = send_run(member_page, lab, nic_network="rich", nic_model="virtio")
    assert refused.status_code == 422
    assert "You may not attach NICs to rich. Ask admin, who owns it, or an operator." in refused.content.decode()
    Grant.objects.filter(team=everyone()).update(networks="rich")
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


NIC = "/vms/lab/alma-8-8/nics"


@pytest.mark.parametrize(("place", "reason"), [(place, reason) for place, reason in PLACES])
def test_a_member_cannot_attach_a_nic_to_the_host(member_page, lab, vm, place, reason):
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


def test_the_owner_can_edit_and_move_a_nic_that_is_on_a_bridge(member_page, lab, vm):
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


def test_accepting_does_not_accept_a_nic_on_the_host(member_page, vm):
    nic = "<interface type='bridge'><mac address='52:54:00:00:00:08'/><source bridge='br0'/></interface>"
    vm.status.write(document=f"<domain type='qemu'><name>x</name><devices>{nic}</devices></domain>")
    answer = member_page.post("/vms/lab/alma-8-8/take/")
    assert (answer.status_code, vm.nics.get().kind) == (403, "network")
    assert "bridge of the hypervisor" in answer.content.decode()


def test_reverting_does_not_restore_a_nic_on_the_host(member_page, vm):
    """An operator has moved the NIC from a bridge to a network in libvirt."""
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


def test_a_mac_with_a_reservation_of_another_user_is_refused(member_page, lab, vm, network_of_another):
    Grant.objects.filter(team=everyone()).update(networks="rich")
    make_host(network_of_another, "52:54:00:aa:00:01", "10.2.0.9")
    answer = member_page.post(f"{NIC}/add/", {"network": "rich", "model": "virtio", "mac": "52:54:00:aa:00:01"})
    assert "reserved for this MAC" in answer.content.decode()


@pytest.mark.parametrize(
    "kind", ["bridge", "direct", "user", "hostdev", "vhostuser", "ethernet", "vdpa", "something new"]
)
def test_every_nic_that_is_not_on_a_network_affects_the_host(kind):
    before = vm_reach.parts([NICSpec(kind="network", source="net1", mac="")])
    found = vm_reach.gained(before, vm_reach.parts([NICSpec(kind=kind, source="x", mac="")]))
    assert len(found) == 1
    assert vm_reach.gained(vm_reach.parts([NICSpec(kind=kind, source="x", mac="")]), before) == ()


def test_members_upload_images_but_make_none_of_a_volume_which_may_have_been_of_others(member_page, lab):
    record_volume(lab, "free", path="/pool/free", format="qcow2")
    assert 'name="volume"' not in member_page.get("/images/").content.decode()
    assert member_page.post("/images/", {"hypervisor": lab.pk, "name": "mine", "volume": "free"}).status_code == 422
    assert not Image.objects.filter(name="mine").exists()


def test_only_operators_create_an_image_of_a_volume_in_use(member_page, client, operator, lab, vm):
    Grant.objects.filter(team=everyone()).update(role=role("network administrator"))  # may create everything
    record_volume(lab, "disk.qcow2", path="/pool/disk.qcow2", format="qcow2")
    record_volume(lab, "base", path="/pool/base", format="qcow2")
    record_volume(lab, "over", path="/pool/over", format="qcow2", backing="/pool/base")
    record_volume(lab, "free", path="/pool/free", format="qcow2")
    disk = {"target": "vda", "bus": "virtio", "device": "disk", "format": "qcow2"}
    vm.status.write(disks=[{**disk, "source": "default/disk.qcow2"}])
    other = make_vm(lab, "alma-8-9", 9)
    other.status.write(disks=[{**disk, "source": "the-same-folder/linked"}])
    record_volume(lab, "linked", path="/pool/linked", format="qcow2")
    for volume in ("disk.qcow2", "base", "alma-8", "linked"):
        answer = member_page.post("/images/", {"hypervisor": lab.pk, "name": "mine", "volume": volume})
        assert "in use by" in str(answer.context["form"].errors["volume"])
    assert member_page.post("/images/", {"hypervisor": lab.pk, "name": "mine", "volume": "free"}).status_code == 302
    assert Image.objects.get(name="mine").owner.username == "otto"
    client.force_login(operator)
    sent = {"hypervisor": lab.pk, "name": "external", "volume": "disk.qcow2"}
    assert client.post("/images/", sent).status_code == 302
