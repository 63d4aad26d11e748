"""A reserved address is part of a network's definition: only users who may change the network can reserve it.

Attaching a NIC and the reservation by ID on the access network need no such right.
"""

from collections.abc import Callable
from io import StringIO

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import Permission
from django.core.exceptions import PermissionDenied
from django.core.management import CommandError, call_command
from django.test import Client

from networks.definition.spec import HostSpec
from networks.models import Network
from networks.reservations import reservations as hosts
from tests.support.making import (
    DEFAULT,
    everyone,
    make_foreign_network,
    make_host,
    make_hypervisor,
    make_image,
    make_network,
    make_running,
    make_vm,
)
from tests.support.teams import make_team
from virterweb.hypervisors.models import Hypervisor
from virterweb.people.models import Grant
from vms.models import VM

pytestmark = pytest.mark.integration

MAC, SECOND = "52:54:00:00:00:08", "52:54:00:80:00:01"
IP, OLD = "10.1.0.50", "10.9.0.50"
MANAGED = "You may not edit net1. Ask owner, who owns it, or an operator."
UNMANAGED = "You may not edit net1, because this portal does not manage it. Ask an operator."
TABLE = [
    ("owner", "managed", ""),
    ("member", "managed", MANAGED),
    ("operator", "managed", ""),
    ("owner", "unmanaged", UNMANAGED),
    ("member", "unmanaged", UNMANAGED),
    ("operator", "unmanaged", ""),
]


@pytest.fixture
def users(db) -> dict[str, AbstractBaseUser]:
    made = {name: get_user_model().objects.create_user(name) for name in ("owner", "member", "operator")}
    made["operator"].user_permissions.add(Permission.objects.get(codename="operate"))
    return made


@pytest.fixture
def lab(users, enqueued) -> Hypervisor:
    lab = make_hypervisor("lab")
    make_foreign_network(lab)
    make_image(lab)
    return lab


@pytest.fixture(params=TABLE, ids=[f"{who} on {kind}" for who, kind, _ in TABLE])
def case(request, lab, users) -> tuple[Hypervisor, str, str]:
    """A user with a VM that has a NIC on default and one, with a reserved address, on their own network `mine`."""
    who, kind, reason = request.param
    if kind == "managed":
        team = make_team("red", {users["owner"]: "user"})
        Grant.objects.filter(team=everyone()).update(networks="net1 *")  # NICs may be attached to it
        make_network(lab, "net1", "10.1.0.1/24", owner=users["owner"], team=team)
    else:
        make_foreign_network(lab, DEFAULT.replace("default", "net1").replace("192.168.122", "10.1.0"))
    make_network(lab, "mine", "10.9.0.1/24", owner=users[who])
    vm = make_vm(lab, "vm", 8, owner=users[who])
    vm.nics.create(position=1, source="mine", mac=SECOND)
    make_running(vm, ("default", MAC, "vnet0"), ("mine", SECOND, "vnet1"))
    make_host(Network.objects.get(name="mine"), SECOND, OLD)
    return lab, who, reason


def sent(network: str = "net1", address: str = "") -> dict[str, str]:
    return {"network": network, "model": "virtio", "link_up": "on", "address": address}


def by_form(client: Client, path: str, fields: dict[str, str]) -> str:
    answer = client.post(f"/vms/lab/vm/nics/{path}/", fields)
    return "" if answer.status_code == 302 else " ".join(answer.context["form"].errors["address"])


def by_command(client: Client, *words: str) -> str:
    try:
        call_command("vm", "nic", *words, "--user", client.who, "--no-wait", stdout=StringIO())
    except CommandError as problem:
        return str(problem)
    return ""


def edited(client: Client, address: str) -> str:
    """The address of a NIC that is on the network already."""
    vm = VM.objects.get()
    vm.nics.filter(mac=SECOND).update(source="net1")
    vm.status.nics.filter(mac=SECOND).update(source="net1", network=Network.objects.get(name="net1"))
    return by_form(client, f"{SECOND}/edit", sent(address=address))


def given_up(client: Client) -> str:
    net1 = Network.objects.get(name="net1")
    hosts.reserve(net1, [HostSpec(mac=SECOND, ip=IP)], None)
    return edited(client, "")


WAYS: dict[str, Callable[[Client], str]] = {
    "add a NIC": lambda client: by_form(client, "add", sent(address=IP)),
    "add a NIC with the next address": lambda client: by_form(client, "add", sent(address="next")),
    "edit a NIC": lambda client: edited(client, IP),
    "give the address up": given_up,
    "move a NIC": lambda client: by_form(client, f"{SECOND}/edit", sent(address=OLD)),
    "nic add": lambda client: by_command(client, "add", "vm", "--network", "net1", "--address", IP),
    "nic change": lambda client: by_command(client, "change", "vm", SECOND, "--network", "net1", "--address", IP),
}


def logged_in(user: AbstractBaseUser) -> Client:
    client = Client()
    client.force_login(user)
    client.who = user.username
    return client


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_users_who_may_not_change_a_network_cannot_reserve_addresses_there(case, users, way):
    _, who, reason = case
    net1 = Network.objects.get(name="net1")
    said = way(logged_in(users[who]))
    entries = set(net1.hosts.filter(removed_at=None).values_list("mac", "ip"))
    changed = bool(entries) != (way is given_up)
    assert changed == (reason == "")
    assert (reason in said and "or ask somebody who may change the network." in said) if reason else said == ""


def test_every_user_can_attach_and_move_nics_without_an_address(case, users):
    _, who, _ = case
    client = logged_in(users[who])
    assert by_form(client, "add", sent()) == ""
    assert by_form(client, f"{SECOND}/edit", sent()) == ""
    assert VM.objects.get().nics.filter(source="net1").count() == 2
    assert not Network.objects.get(name="net1").hosts.exists()


def test_moving_nics_of_many_vms_moves_their_addresses_where_possible(case, users):
    _, who, reason = case
    client = logged_in(users[who])
    asked = {"action": "move", "asked": "yes", "source": "mine", "to": "net1", "vm": [VM.objects.get().pk]}
    shown = client.post("/vms/many/", asked)
    said = (
        f"It loses its reserved address {OLD} and gets no other one: {reason}"
        if reason
        else "is replaced by the next free address"
    )
    assert said in shown.content.decode()
    assert client.post("/vms/many/", {**asked, "go": "yes", "token": shown.context["token"]}).status_code == 302
    assert VM.objects.get().nics.get(mac=SECOND).source == "net1"
    assert Network.objects.get(name="net1").hosts.exists() == (reason == "")


def test_running_a_vm_needs_no_right_on_its_networks(case, users):
    lab, who, _ = case
    run = {"hypervisor": lab.pk, "image": "alma-8", "number": "9", "memory": "128", "vcpus": "1", "boot_size": "1"}
    nic = {"nic_network": "net1", "nic_model": "virtio"}
    assert logged_in(users[who]).post("/vms/run/", {**run, "count": "1", **nic}).status_code == 302
    assert [each.source for each in VM.objects.get(number=9).nics.all()] == ["default", "net1"]


PAGES = {
    "hosts/add/": {"mac": SECOND, "ip": IP},
    "hosts/paste/": {"text": f"{SECOND} {IP}", "go": "yes"},
    "hosts/ids/": {"id": "50", "count": "1"},
    "hosts/remove/": {"ip": IP},
}


@pytest.mark.parametrize("page", PAGES)
def test_pages_of_the_network_show_who_may_change_it(case, users, page):
    _, who, reason = case
    answer = logged_in(users[who]).post(f"/networks/lab/net1/{page}", PAGES[page])
    assert (answer.status_code == 403) == bool(reason)
    assert reason in answer.content.decode()


def test_no_way_to_a_reservation_passes_the_models(case, users):
    _, who, reason = case
    net1 = Network.objects.get(name="net1")
    entry = [HostSpec(mac=SECOND, ip=IP)]
    verbs = (
        lambda: hosts.reserve(net1, entry, users[who]),
        lambda: hosts.remove(net1, [IP], users[who]),
        lambda: net1.reserve_ids(60, 1, users[who]),
        lambda: net1.release_ids(60, 1, users[who]),
    )
    for verb in verbs:
        if reason:
            with pytest.raises(PermissionDenied, match="You may not edit net1"):
                verb()
        else:
            verb()
