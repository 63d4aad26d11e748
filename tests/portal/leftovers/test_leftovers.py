"""What nobody owns or uses is listed, each with the action of those who may do it."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from networks.models import DHCPHostStatus, Lease, Network
from tests.support.making import (
    everyone,
    make_foreign_network,
    make_host,
    make_hypervisor,
    make_lease,
    make_network,
    make_running,
    make_vm,
    record_volume,
)
from tests.support.teams import make_team
from virterweb.hypervisors.models import HypervisorStatus
from virterweb.messages import Message
from virterweb.people.models import Grant, Team
from vms.models import VM, StoragePool

pytestmark = pytest.mark.integration

MAC = "52:54:00:aa:00:01"


@pytest.fixture
def lab(db, enqueued):
    get_user_model().objects.create_user("colleague")  # to whom something can be handed over
    return make_hypervisor("lab")


@pytest.fixture
def leaver(db):
    return get_user_model().objects.create_user("leaver", is_active=False)


def section(page, title: str) -> str:
    """Return the part of the page under a heading."""
    text = " ".join(page.get("/leftovers/").content.decode().split())
    return re.search(rf"<h2>{title}</h2>(.*?)</section>", text)[1]


def reserve(network: Network, mac: str, ip: str) -> None:
    DHCPHostStatus.objects.create(network=network, mac=mac, ip=ip)


def leased(network: Network, mac: str, days_ago: int | None) -> None:
    lease = make_lease(network, mac, "10.255.0.9")
    ended = None if days_ago is None else timezone.now() - timedelta(days=days_ago)
    Lease.objects.filter(pk=lease.pk).update(last_seen=ended)


def test_vms_and_networks_of_nobody_and_of_deactivated_users_are_listed(lab, page, user, leaver):
    for name, owner in (("of-nobody", None), ("of-leaver", leaver), ("of-mira", user)):
        make_vm(lab, f"vm-{name}", None, owner=owner)
        make_network(lab, f"net-{name}", owner=owner)
    make_foreign_network(lab)
    for what in ("VM", "Network"):
        shown = section(page, f"{what}s without owner")
        prefix = {"VM": "vm", "Network": "net"}[what]
        assert set(re.findall(rf">({prefix}-[a-z-]+)</a>", shown)) == {f"{prefix}-of-nobody", f"{prefix}-of-leaver"}
        assert "deactivated" in shown
        assert "Hand over selected" in shown
        assert f"/{prefix}-of-nobody/remove/" in shown
        assert "default" not in shown


def test_what_nobody_owns_is_handed_over_by_the_form_of_the_lists(lab, page, user, leaver):
    vm = make_vm(lab, owner=leaver)
    shown = section(page, "VMs without owner")
    action, key = re.search(r'action="([^"]+)"', shown)[1], re.search(r'name="vm" value="(\d+)"', shown)[1]
    answer = page.post(action, {"action": "hand-over", "vm": key})
    token = re.search(r'name="token" value="(\w+)"', answer.content.decode())[1]
    data = {"action": "hand-over", "vm": key, "asked": "yes", "token": token, "new-user": user.username}
    assert page.post(action, data).status_code == 302
    assert VM.objects.get(pk=vm.pk).owner == user
    assert "vm-" not in section(page, "VMs without owner")


def test_a_network_with_a_nic_a_lease_or_a_port_is_used(lab, page):
    networks = {name: make_network(lab, name) for name in ("wanted", "found", "leased", "counted", "free", "access")}
    vm = make_vm(lab, number=None)
    vm.nics.update(source="wanted")
    make_running(vm, ("found", MAC, "vnet0"))
    make_lease(networks["leased"], MAC, "10.255.0.7")
    networks["counted"].status.write(active=True, document="<network connections='1'><name>counted</name></network>")
    type(lab).objects.update(access_network="access")
    make_network(lab, "default")  # the access NIC of nobody
    shown = section(page, "Unused networks")
    assert set(re.findall(r">([a-z]+)</a>", shown)) & set(networks) == {"free"}
    assert "/networks/lab/free/remove/" in shown


def test_a_network_is_unused_once_its_lease_has_ended_and_the_end_is_said(lab, page):
    network = make_network(lab, "old")
    leased(network, MAC, 3)
    shown = section(page, "Unused networks")
    assert ">old</a>" in shown
    assert f"{timezone.now() - timedelta(days=3):%Y-%m-%d}" in shown


def test_reservations_of_macs_without_nic_and_without_a_lease_for_30_days_are_listed(lab, page):
    network = make_network(lab)
    vm = make_vm(lab, number=None)
    make_running(vm, ("net1", "52:54:00:aa:00:02", "vnet0"))
    vm.nics.create(position=1, source="net1", mac="52:54:00:aa:00:03")
    for number in range(1, 8):
        reserve(network, f"52:54:00:aa:00:{number:02x}", f"10.255.0.{number}")
    leased(network, "52:54:00:aa:00:04", 40)
    leased(network, "52:54:00:aa:00:05", 20)
    leased(network, "52:54:00:aa:00:06", None)
    make_host(network, "52:54:00:aa:00:07", "10.255.0.7")  # just requested
    reserve(network, "", "10.255.0.99")
    shown = section(page, "Unused DHCP reservations")
    assert "without a lease in the last 30 days" in shown
    assert re.findall(r'aria-label="Select (10[^"]+)"', shown) == ["10.255.0.1", "10.255.0.4"]


def test_a_mac_of_another_hypervisor_does_not_count(lab, page):
    reserve(make_network(lab), MAC, "10.255.0.5")
    other = make_hypervisor("other")
    make_network(other)
    make_running(make_vm(other), ("net1", MAC, "vnet0"))
    assert "10.255.0.5" in section(page, "Unused DHCP reservations")


def test_reservations_of_a_static_dhcp_access_network_are_made_in_advance(page, db, enqueued):
    static = make_hypervisor("static", static_dhcp=True, access_network="net1")
    reserve(make_network(static), MAC, "10.255.0.5")
    assert "10.255.0.5" not in section(page, "Unused DHCP reservations")


def test_a_listed_reservation_is_removed_by_its_button(lab, page):
    network = make_network(lab)
    reserve(network, MAC, "10.255.0.5")
    reserve(network, "52:54:00:aa:00:02", "10.255.0.6")
    shown = section(page, "Unused DHCP reservations")
    action = re.search(r'action="([^"]+)"', shown)[1]
    value = re.search(r'name="ip" value="(10.255.0.5 [^"]+)"', shown)[1]
    page.post(action, {"ip": value})
    assert list(network.hosts.exclude(removed_at=None).values_list("ip", flat=True)) == ["10.255.0.5"]
    assert "10.255.0.5" not in section(page, "Unused DHCP reservations")


def test_what_an_unreachable_hypervisor_has_is_not_judged(lab, page):
    reserve(make_network(lab, "far"), MAC, "10.255.0.5")
    HypervisorStatus.objects.update(unreachable_since=timezone.now())
    assert ">far</a>" not in section(page, "Unused networks")
    assert "10.255.0.5" not in section(page, "Unused DHCP reservations")


def test_what_a_user_may_not_see_is_not_listed_and_what_may_not_be_changed_has_no_button(lab, member_page, member):
    Grant.objects.filter(team=everyone()).update(role=None)
    Team.objects.update(role_of_all=None)
    make_vm(lab, "secret-vm", None)
    reserve(make_network(lab, "secret-net"), MAC, "10.255.0.5")
    record_volume(lab, "secret-volume", path="/x", unused_since=timezone.now())
    team = make_team("green", {member: "viewer"}, others="")
    make_vm(lab, "seen-vm", None, team=team)
    reserve(make_network(lab, "seen-net", team=team), MAC, "10.255.0.6")
    text = member_page.get("/leftovers/").content.decode()
    main = text[text.index("<h1>") :]
    assert "secret" not in main
    assert "10.255.0.5" not in main
    assert "seen-vm" in main
    assert "seen-net" in main
    assert "10.255.0.6" in main
    for button in ("Delete</a>", "Remove</button>", "Hand over"):
        assert button not in main
    assert "You may not see the volumes of any hypervisor. Ask an operator." in main
    assert "secret-volume" not in member_page.get("/pools/lab/default/unused/").content.decode()


def test_every_pool_with_unused_volumes_is_listed_with_their_number_and_size(lab, page):
    for pool, name in (("default", "a"), ("ssd", "b"), ("ssd", "c"), ("stopped", "d"), ("odd", "e")):
        record_volume(lab, name, pool=pool, capacity=2**30, unused_since=timezone.now())
    record_volume(lab, "used", pool="iso")
    StoragePool.objects.filter(name="stopped").update(active=False)
    StoragePool.objects.filter(name="odd").update(problem=Message.external("odd"))
    rows = re.findall(r"<tr>(.*?)</tr>", section(page, "Unused volumes"))
    cells = [[re.sub(r"<[^>]*>", "", cell).strip() for cell in re.findall(r"<td.*?</td>", row)] for row in rows[1:]]
    assert cells == [
        ["default", "lab", "1", "1.0 GiB"],
        ["odd", "lab", "unknown: the pool cannot be read"],
        ["ssd", "lab", "2", "2.0 GiB"],
    ]


def test_only_the_first_of_many_are_listed_with_the_number_of_the_others(lab, page):
    Network.objects.bulk_create(Network(hypervisor=lab, name=f"net{number}") for number in range(60))
    statuses = Network._meta.get_field("status").related_model
    statuses.objects.bulk_create(statuses(desired=network) for network in Network.objects.all())
    shown = section(page, "Networks without owner")
    assert shown.count('name="network"') == 50
    assert "10 more are not shown." in shown


def test_an_empty_page_says_that_nothing_is_left_over(page):
    text = page.get("/leftovers/").content.decode()
    assert text.count('class="empty"') == 5
