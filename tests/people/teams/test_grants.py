"""What a grant allows beyond what belongs to the team: networks, bridges, devices and blocks of addresses."""

import pytest
from django.contrib.auth import get_user_model

from networks.models import Network
from tests.people.rights.owned_objects import add
from tests.support.making import everyone, make_foreign_network, make_hypervisor, make_image, make_network, make_vm
from tests.support.teams import make_team
from virterweb.people.models import Grant, Share
from vms.models import VM

pytestmark = pytest.mark.integration


@pytest.fixture
def lab(db, enqueued):
    lab = make_hypervisor("lab")
    make_image(lab)
    make_foreign_network(lab)
    make_network(lab, "shared", "10.9.0.1/24", team=make_team("red"))
    return lab


@pytest.fixture
def vm(lab, member):
    return make_vm(lab, "vm", 8, owner=member)


def grant(**values: str) -> None:
    Grant.objects.filter(team=everyone()).update(**values)


def attach(page, **place: str):
    return page.post("/vms/lab/vm/nics/add/", {"model": "virtio", "link_up": "on", **place})


DOMAIN = "<domain type='qemu'><name>vm</name><devices/></domain>"
NETWORKS = [
    ("*", "default", True),
    ("*", "shared", False),
    ("", "default", True),  # the access network, on which the first NIC of every VM is
    ("shared", "shared", True),
    ("Shared", "shared", False),
    ("*\nshared", "shared", True),
]


@pytest.mark.parametrize(("names", "network", "allowed"), NETWORKS)
def test_nics_are_attached_to_networks_that_the_grant_names(member_page, vm, names, network, allowed):
    grant(networks=names)
    answer = attach(member_page, network=network)
    assert answer.status_code == (302 if allowed else 422)
    if not allowed:
        assert f"You may not attach NICs to {network}." in answer.content.decode()
    form = member_page.get("/vms/lab/vm/nics/add/").content.decode()
    assert (f'<option value="{network}"' in form) == allowed


def test_a_nic_stays_on_a_network_that_is_no_longer_granted_and_cannot_return(member_page, vm):
    nic = vm.nics.create(position=1, source="shared", mac="52:54:00:80:00:01")
    path = f"/vms/lab/vm/nics/{nic.mac}/edit/"
    assert member_page.post(path, {"network": "shared", "model": "e1000"}).status_code == 302
    assert member_page.post(path, {"network": "default", "model": "e1000", "link_up": "on"}).status_code == 302
    assert member_page.post(path, {"network": "shared", "model": "e1000", "link_up": "on"}).status_code == 422


def test_many_vms_move_only_to_a_network_that_is_granted(member_page, vm):
    sent = {"action": "move", "asked": "yes", "source": "default", "to": "shared", "vm": [vm.pk]}
    shown = member_page.post("/vms/many/", sent)
    assert "You may not attach NICs to shared." in shown.content.decode()
    member_page.post("/vms/many/", {**sent, "go": "yes", "token": shown.context["token"]})
    assert vm.nics.get().source == "default"


PLACES = [
    ({"bridges": "br0"}, {"bridge": "br0"}, True),
    ({"bridges": "br0"}, {"bridge": "br1"}, False),
    ({"bridges": "br-*"}, {"bridge": "br-lab"}, True),
    ({"bridges": "br-*"}, {"bridge": "br0"}, False),
    ({"devices": "eth1"}, {"device": "eth1", "mode": "bridge"}, True),
    ({"devices": "eth1"}, {"device": "eth0", "mode": "bridge"}, False),
    ({"devices": "eth1"}, {"device": "eth1", "mode": "passthrough"}, False),
    ({"devices": "*", "bridges": "*"}, {"network": "/user"}, False),
]


@pytest.mark.parametrize(("granted", "place", "allowed"), PLACES)
def test_bridges_and_devices_are_used_as_granted_and_passthrough_only_by_operators(
    member_page, vm, granted, place, allowed
):
    grant(**granted)
    answer = attach(member_page, **place)
    assert answer.status_code == (302 if allowed else 422)
    assert allowed or "Only operators" in answer.content.decode()


BLOCKS = [
    ("10.0.0.0/8", "10.1.0.1/24", True),
    ("10.0.0.0/8", "192.168.7.1/24", False),
    ("10.1.0.0/16\n10.2.0.0/16", "10.2.3.1/24", True),
    ("172.16.0.0/16", "172.16.0.1/12", False),
    ("203.0.113.0/24", "203.0.113.1/25", True),
    ("", "10.1.0.1/24", False),
]


@pytest.mark.parametrize(("blocks", "typed", "allowed"), BLOCKS)
def test_networks_have_blocks_that_are_granted(member_page, lab, blocks, typed, allowed):
    grant(blocks=blocks)
    answer = add(member_page, lab, ipv4=typed)
    assert answer.status_code == (302 if allowed else 422)
    if not allowed:
        assert "Only operators may use" in str(answer.context["form"].errors["ipv4"])
    assert Network.objects.filter(name="net9").exists() == allowed


def test_accepting_a_change_does_not_bring_in_a_block_that_is_not_granted(member_page, lab, member):
    grant(blocks="10.1.0.0/16")
    network = make_network(lab, "net1", "10.1.0.1/24", owner=member)
    found = network.full_document.replace("10.1.0.", "10.7.0.")
    network.status.write(document=found, present=True, active=True, generation=1, drift="x")
    answer = member_page.post("/networks/lab/net1/take/")
    assert answer.status_code == 403
    assert "Only operators may use blocks outside 10.1.0.0/16." in answer.content.decode()
    assert "10.1.0.1" in Network.objects.get(pk=network.pk).document


def test_a_vm_is_created_for_the_chosen_team_and_only_for_teams_of_the_user(member_page, member, lab):
    blue, green = make_team("blue", {member: "user"}), make_team("green")
    sent = {"hypervisor": lab.pk, "image": "alma-8", "memory": 128, "vcpus": 1, "boot_size": 1, "count": 1}
    assert member_page.post("/vms/run/", {**sent, "number": 20, "team": blue.pk}).status_code == 302
    assert VM.objects.get(number=20).team == blue
    assert member_page.post("/vms/run/", {**sent, "number": 21, "team": green.pk}).status_code == 422
    assert member_page.post("/vms/run/", {**sent, "number": 22}).status_code == 302
    assert VM.objects.get(number=22).team == everyone()


def test_released_objects_belong_to_nobody(member_page, member, lab, vm):
    vm.status.write(present=True, made_at=vm.created_at, generation=vm.generation, document=DOMAIN)
    Share.objects.create(kind="vm", object_id=vm.pk, user=member, level="user")
    assert member_page.post("/vms/lab/vm/release/").status_code == 302
    vm.refresh_from_db()
    assert (vm.managed, vm.team, vm.owner) == (False, None, None)
    assert not Share.objects.exists()
    assert member_page.post("/vms/lab/vm/start/").status_code == 403


def test_vms_are_run_from_images_of_the_team_and_of_nobody_but_not_of_another_team(member_page, lab):
    make_image(lab, "theirs", team=make_team("blue"))
    make_image(lab, "nobodys", team=None)
    sent = {"hypervisor": lab.pk, "memory": 128, "vcpus": 1, "boot_size": 1, "count": 1}
    assert member_page.post("/vms/run/", {**sent, "image": "theirs", "number": 20}).status_code == 422
    assert "theirs" not in member_page.get("/vms/run/").content.decode()
    assert member_page.post("/vms/run/", {**sent, "image": "nobodys", "number": 20}).status_code == 302


def test_user_data_is_seen_by_the_owner_and_managers_only(client, lab, member, vm):
    people = {name: get_user_model().objects.create_user(name) for name in ("user", "manager", "auditor")}
    red = make_team("reds", {people["user"]: "user", people["manager"]: "manager", member: "user"})
    make_team("auditors", {people["auditor"]: "viewer"}, others="auditor")
    VM.objects.update(user_data="#cloud-config\nchpasswd: {list: 'root:swordfish'}\n", team=red)
    for who, sees in ((member, True), (people["manager"], True), (people["user"], False), (people["auditor"], False)):
        client.force_login(who)
        answer = client.get("/vms/lab/vm/guest/")
        assert answer.status_code == 200, who
        assert ("swordfish" in answer.content.decode()) == sees, who
        for path in ("", "definition/", "history/", "copies/"):
            assert "swordfish" not in client.get(f"/vms/lab/vm/{path}").content.decode(), (who, path)
