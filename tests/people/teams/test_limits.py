"""Limits of what a team may have on a hypervisor."""

from concurrent.futures import ThreadPoolExecutor
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections  # noqa: F401, the first for skipif
from django.test import Client

from networks.models import Network
from tests.support.making import everyone, make_hypervisor, make_image, make_network, make_vm, record_volume
from tests.support.teams import make_team, role
from virterweb.people.limits import limits
from virterweb.people.models import Grant
from vms.models import VM

pytestmark = pytest.mark.integration


@pytest.fixture
def lab(db, enqueued):
    lab = make_hypervisor("lab")
    make_image(lab)
    make_network(lab, "default", "192.168.122.1/24")
    return lab


def limit(**most: int) -> None:
    Grant.objects.filter(team=everyone()).update(**{f"max_{kind}": number for kind, number in most.items()})


def run(page, lab, number: int = 8, **fields):
    sent = {"hypervisor": lab.pk, "image": "alma-8", "number": number, "memory": 128, "vcpus": 1, "boot_size": 1}
    return page.post("/vms/run/", {**sent, "count": "1", **fields})


@pytest.mark.parametrize(
    ("most", "fields", "said"),
    [
        ({"vms": 1}, {"count": "2"}, "2 of 1 VMs"),
        ({"vcpus": 3}, {"vcpus": "4"}, "4 of 3 vCPUs"),
        ({"memory": 200}, {"count": "2"}, "256 of 200 MiB of memory"),
        ({"disk": 4}, {"boot_size": "5"}, "5 of 4 GiB of disk"),
        (
            {"disk": 4},
            {"boot_size": "4", "disk_name": "data", "disk_size": "1", "disk_format": "qcow2", "disk_bus": "virtio"},
            "5 of 4 GiB of disk",
        ),
    ],
)
def test_vms_are_refused_that_would_exceed_a_limit(member_page, lab, most, fields, said):
    limit(**most)
    answer = run(member_page, lab, **fields)
    assert answer.status_code == 422
    assert f"This would be {said} on all hypervisors." in answer.content.decode()
    assert not VM.objects.exists()


def test_everything_up_to_the_limit_is_allowed(member_page, lab):
    limit(vms=2, vcpus=2, memory=256, disk=2)
    assert run(member_page, lab, count="2").status_code == 302
    assert run(member_page, lab, number=20).status_code == 422


def test_networks_and_reserved_addresses_are_limited(member_page, lab):
    limit(networks=2, reservations=1)
    sent = {"hypervisor": lab.pk, "name": "net9", "forward_mode": "nat", "ipv4": "10.1.0.1/24", "dhcp": "on"}
    hosts = "52:54:00:00:00:11 10.1.0.11\n52:54:00:00:00:12 10.1.0.12"
    assert "2 of 1 reserved addresses" in member_page.post("/networks/add/", {**sent, "hosts": hosts}).content.decode()
    assert member_page.post("/networks/add/", sent).status_code == 302
    answer = member_page.post("/networks/add/", {**sent, "name": "net10", "ipv4": "10.2.0.1/24"})
    assert "3 of 2 networks" in answer.content.decode()
    path = "/networks/lab/net9/hosts/add/"
    assert member_page.post(path, {"mac": "52:54:00:00:00:11", "ip": "10.1.0.11"}).status_code == 302
    refused = member_page.post(path, {"mac": "52:54:00:00:00:12", "ip": "10.1.0.12"})
    assert refused.status_code == 403
    assert "2 of 1 reserved addresses" in refused.content.decode()
    assert Network.objects.get(name="net9").hosts.count() == 1


def test_more_memory_is_refused_and_less_is_allowed_even_above_a_limit_that_was_lowered(member_page, lab, member):
    vm = make_vm(lab, memory=1024, vcpus=4)
    limit(memory=512, vcpus=2)
    path = f"{vm.get_absolute_url()}size/"
    refused = member_page.post(path, {"memory": 2048, "vcpus": 4})
    assert refused.status_code == 403
    assert "This would be 2048 of 512 MiB of memory on all hypervisors." in refused.content.decode()
    assert member_page.post(path, {"memory": 768, "vcpus": 4}).status_code == 302
    vm.refresh_from_db()
    assert (vm.memory, vm.vcpus) == (768, 4)


def test_a_limit_on_one_hypervisor_counts_only_what_is_there(member_page, member, lab):
    red = make_team("red", {member: "user"}, on=lab, max_vms=1)
    other = make_hypervisor("other")
    make_vm(other, "elsewhere", 30, team=red)
    assert run(member_page, lab, team=red.pk).status_code == 302
    assert "2 of 1 VMs on lab." in run(member_page, lab, number=9, team=red.pk).content.decode()


def test_commands_keep_the_limits_of_a_user(lab, member):
    limit(vms=0)
    with pytest.raises(CommandError, match="1 of 0 VMs"):
        words = ("vm", "run", "alma-8", "--id", "9", "--as-user", "otto", "--no-wait")
        call_command(*words, stdout=StringIO(), stderr=StringIO())
    assert not VM.objects.exists()


#: What is limited to 3, and a request for one more of it, given its number.
AT_ONCE = {
    "VMs": ({"vms": 3}, lambda page, lab, n: run(page, lab, number=n)),
    "vCPUs": ({"vcpus": 3}, lambda page, lab, n: run(page, lab, number=n)),
    "memory": ({"memory": 3 * 128}, lambda page, lab, n: run(page, lab, number=n)),
    "disk": ({"disk": 3}, lambda page, lab, n: run(page, lab, number=n)),
    "addresses of VMs": ({"reservations": 3}, lambda page, lab, n: run(page, lab, number=n)),
    "networks": (
        {"networks": 4},  # with that of the fixture
        lambda page, lab, n: page.post(
            "/networks/add/",
            {"hypervisor": lab.pk, "name": f"net{n}", "forward_mode": "nat", "ipv4": f"10.{n}.0.1/24"},
        ),
    ),
    "reservations": (
        {"reservations": 3},
        lambda page, lab, n: page.post(
            "/networks/lab/default/hosts/add/", {"mac": f"52:54:00:00:01:{n}", "ip": f"192.168.122.{n}"}
        ),
    ),
    "images": (
        {"disk": 3},
        lambda page, lab, n: page.post("/images/", {"hypervisor": lab.pk, "name": f"image-{n}", "volume": f"v{n}"}),
    ),
}


@pytest.mark.skipif("connection.vendor == 'sqlite'", reason="SQLite has one writer at a time")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", AT_ONCE)
def test_fifty_requests_at_once_do_not_exceed_a_limit(lab, member, kind):
    Network.objects.update(team=everyone(), owner=member)
    for n in range(10, 60):
        record_volume(lab, f"v{n}", format="qcow2", capacity=1024**3)
    most, ask = AT_ONCE[kind]
    limit(**most)
    if kind == "images":  # others make no images from volumes
        Grant.objects.update(role=role("operator"))

    def one(number: int) -> int:
        try:
            client = Client()
            client.force_login(member)
            return ask(client, lab, number).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=10) as pool:
        codes = list(pool.map(one, range(10, 60)))
    assert codes.count(302) == 3
    assert set(codes) - {302} <= {403, 422}
    (found,) = limits(everyone().pk, lab.pk)
    assert found.used == found.allowed == next(iter(most.values()))


def test_what_is_used_is_shown_where_one_creates(member_page, lab):
    make_vm(lab)
    assert "In use" not in member_page.get("/vms/run/").content.decode()
    limit(vms=3, networks=5)
    for path in ("/vms/run/", "/networks/add/"):
        assert "In use: 1 of 3 VMs, 1 of 5 networks" in member_page.get(path).content.decode(), path
