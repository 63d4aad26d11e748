"""Pages cost a few queries, as many for a hundred rows as for two."""

import time
from dataclasses import replace

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from networks.definition.document.edit import edit
from networks.definition.events import Event
from networks.models import DHCPHost, Network
from tests.project.every_url import ALL, address
from tests.project.permissions import PAGES
from tests.support.making import (
    agree,
    everyone,
    make_foreign_network,
    make_host,
    make_hypervisor,
    make_image,
    make_lease,
    make_network,
    make_running,
    make_vm,
)
from tests.support.shown import queries_of
from tests.support.teams import make_team, role
from virterweb.hypervisors.claims.clock import Now
from virterweb.hypervisors.desired.revisions import record
from virterweb.hypervisors.models import RECORDED_FOR, Hypervisor, HypervisorStatus
from virterweb.messages import Message
from virterweb.people.models import Team
from vms.definition.events import Event as VMEvent
from vms.definition.guest_nic import GuestSpec, Mode
from vms.definition.nics.spec import NICSpec
from vms.models import VM, NICStatus

HTMX = {"HX-Request": "true"}


@pytest.fixture
def grow(db, enqueued):
    """Add so many networks, and VMs that run on them with leases."""
    hypervisor = make_hypervisor()
    default = make_foreign_network(hypervisor)
    image = make_image(hypervisor)

    def run(first: int, last: int) -> None:
        for number in range(first, last):
            make_network(hypervisor, f"net{number}", f"10.{number}.0.1/24")
            mac = f"52:54:00:00:00:{number:02x}"
            make_running(make_vm(hypervisor, f"vm-{number}", number, image=image), ("default", mac, f"vnet{number}"))
            make_lease(default, mac, f"192.168.122.{number}", f"vm-{number}")
            VM.objects.get(name="vm-2").resize(1024 + number, 1)
            Network.objects.get(name="net2").note(Event.CHANGED)

    return run


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/networks/", {}),
        ("/networks/", HTMX),
        ("/networks/lab-1/default/", {}),
        ("/networks/lab-1/default/attached/", HTMX),
        ("/networks/lab-1/default/attached/?group=vm", {}),
        ("/attached/", {}),
        ("/attached/?network=default&group=vm", HTMX),
        ("/networks/lab-1/default/leases/", HTMX),
        ("/vms/", {}),
        ("/vms/", HTMX),
        ("/vms/?q=vm&sort=address", {}),
        ("/vms/lab-1/vm-2/history/", {}),
        ("/networks/lab-1/net2/history/", {}),
    ],
)
def test_a_page_costs_the_same_few_queries_for_many_rows(page, grow, path, headers):
    def queries() -> int:
        return queries_of(page, path, headers)

    grow(2, 4)
    few = queries()
    grow(4, 40)
    assert queries() == few <= 15


# The first two are no pages: monitoring reads them. The others cost members one query more than superusers.
MORE = {"operations:metrics": 19, "operations:ready": 14, "portal:problems": 13, "vms:console": 13, "vms:detail": 13}
MORE |= {
    "networks:hosts": 13,
    "vms:images": 19,
    "vms:pool": 14,
    "vms:remove": 13,
    "search vm": 14,  # one for templates
    "search 10.1.0.99": 13,
    "search 10.1.0.0/24": 13,
}
MORE |= {"mfa_deactivate_totp": 13, "openid_connect_login": 15, "openid_connect_callback": 15}  # count attempts
MOST = 12
TIMED = {
    "vms:console",
    "vms:console_text",
    "operations:ready",
}  # notes from time to time that it is open; keeps answers for a time
READ = [each for each in ALL if each[1] and PAGES[each[0]][each[1]].get]


def make_site(number: int) -> None:
    """Create a hypervisor with a network that has failed, one that is missing, and a VM that has drifted."""
    lab = make_hypervisor(f"site-{number}", access_network="net1")
    network = make_network(lab, "net1", "10.1.0.1/24")
    found = {"present": True, "active": True, "document": network.full_document, "ip_range": "10.1.0.1/24"}
    network.status.write(generation=1, made_at=timezone.now(), error=Message.external("No room"), **found)
    network.note(Event.ADDED, result="done")
    make_lease(network, "52:54:00:cc:00:01", "10.1.0.99")
    image = make_image(lab)
    vm = make_vm(lab, f"vm-{number}", 8, image=image)
    make_running(vm, ("net1", "52:54:00:00:00:08", "vnet0"))
    NICStatus.objects.create(vm=vm.status, position=1, kind="network", source="net7", mac="52:54:00:00:00:77")
    vm.status.write(drift="has a NIC more")
    record(vm, VMEvent.BASELINE, result="done")
    HypervisorStatus.objects.filter(hypervisor=lab).update(error=Message.external("no answer") if number % 2 else "")


def queries(client: Client, path: str, headers: dict[str, str]) -> int:
    """Return the number of queries of a page; that it is open is recorded again only if it takes very long.

    No poll is late: after half a minute, which a slow machine needs, pages would say so.
    """
    while True:
        HypervisorStatus.objects.update(watched_at=Now(), due_at=Now())
        began = time.monotonic()
        with CaptureQueriesContext(connection) as found:
            client.get(path, headers=headers)
        if time.monotonic() - began < RECORDED_FOR.total_seconds():
            return len(found)


@pytest.fixture
def superuser(client, people) -> Client:
    client.force_login(get_user_model().objects.get(username="superuser"))
    return client


@pytest.fixture
def member(people) -> Client:
    """Return the client of a member of several teams, one of which owns the objects."""
    everyone().memberships.create(user=people["manager"], role=role("user"))
    for number in range(3):
        make_team(f"team-{number}", {people["manager"]: "user"})
    client = Client()
    client.force_login(people["manager"])
    return client


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "fragment"])
@pytest.mark.parametrize("who", ["superuser", "member"])
def test_every_page_costs_the_same_few_queries_for_3_hypervisors_and_for_30(request, things, who, headers):
    client = request.getfixturevalue(who)
    paths = {f"{space}:{name}".lstrip(":"): address(space, name, pattern, things) for space, name, pattern in READ}
    paths |= {f"search {text}": f"/search/?q={text}&all=1" for text in ("vm", "net1", "10.1.0.99", "10.1.0.0/24")}

    def costs() -> dict[str, int]:
        return {name: queries(client, path, headers) for name, path in paths.items()}

    for number in range(2):
        make_site(number)
    costs()  # what is read once for a process
    few = costs()
    for number in range(2, 30):
        make_site(number)
    many = costs()
    assert {name: (few[name], count) for name, count in many.items() if count != few[name] and name not in TIMED} == {}
    assert {name: count for name, count in many.items() if count > MORE.get(name, MOST)} == {}


@pytest.mark.parametrize("path", ["/", "/problems/", "/hypervisors/", "/trouble/?hypervisor=site-7", "/vms/run/"])
def test_pages_of_more_hypervisors_than_are_shown_or_checked_at_once_cost_few_queries(superuser, enqueued, path):
    for number in range(40):
        make_site(number)
    assert queries(superuser, path, {}) <= MOST


@pytest.fixture
def changed(things) -> dict[str, str]:
    """Return pages of objects of which much has changed: four NICs with their addresses, a refused change, a plan."""
    vm, network = VM.objects.get(name="alma-8-8"), Network.objects.get(hypervisor__name="lab", name="net1")
    nics = [NICSpec(kind="network", source="net1", mac=f"52:54:00:80:00:{number:02x}") for number in range(4)]
    for number, nic in enumerate(nics):
        make_host(network, nic.mac, f"10.1.0.{20 + number}")
        make_lease(network, nic.mac, f"10.1.0.{20 + number}")
        make_running(vm, ("net1", nic.mac, f"vnet{number + 1}"))
        vm.add_nic(nic, GuestSpec(mode=Mode.STATIC, addresses=(f"10.1.0.{20 + number}/24",)))
    network.note(Event.CHANGED)
    for number, nic in enumerate(nics):
        DHCPHost.objects.filter(mac=nic.mac).update(ip=f"10.1.0.{40 + number}")
        vm.change_nic(replace(nic, link_up=False))
    network.change(Event.CHANGED, document=edit(network.full_document, replace(network.spec, mtu=1400)))
    agree(network)
    found = network.full_document
    network.status.write(document=found, draft=found, dhcp="10.1.0.2-10.1.0.254")
    for number in range(20, 23):
        other = make_vm(vm.hypervisor, f"other-{number}", number)
        make_running(other, ("net1", f"52:54:00:00:00:{number:02x}", f"vnet{number}"))
    at, of_vm = network.get_absolute_url(), vm.get_absolute_url()
    return {
        "edit": f"{at}edit/",
        "host_add": f"{at}hosts/add/?mac={nics[0].mac}",
        "guest": f"{of_vm}guest/",
        "nic_edit": f"{of_vm}nics/{nics[0].mac}/edit/",
        "revision of a VM": vm.revisions.get(about__mac=nics[3].mac, event="nic added").get_absolute_url(),
        "revision of a network": network.revisions.filter(event="changed").last().get_absolute_url(),
    }


def test_pages_of_objects_of_which_much_has_changed_cost_few_queries(superuser, changed):
    assert {name: count for name, path in changed.items() if (count := queries(superuser, path, {})) > MOST} == {}


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "fragment"])
@pytest.mark.parametrize(
    "path", ["/", "/vms/", "/networks/", "/attached/", "/images/", "/search/?q=own&all=1", "/vms/run/", "/vms/many/"]
)
def test_a_page_costs_a_member_of_a_team_the_same_queries_for_many_objects_of_the_team(
    client, things, people, path, headers
):
    team, lab = Team.objects.get(name="red"), Hypervisor.objects.get(name="lab")
    client.force_login(people["owner"])

    def grow(first: int, last: int) -> None:
        for number in range(first, last):
            network = make_network(lab, f"own-net{number}", f"10.{number}.0.1/24", owner=people["owner"], team=team)
            network.status.write(generation=1, present=True, error=Message.external("No room"))
            vm = make_vm(lab, f"own-{number}", number, owner=people["owner"], team=team)
            make_running(vm, (network.name, f"52:54:00:00:00:{number:02x}", f"vnet{number}"))
            vm.status.write(error=Message.external("No room"))

    grow(20, 22)
    client.get(path, headers=headers)
    few = queries(client, path, headers)
    grow(22, 32)
    assert queries(client, path, headers) == few
