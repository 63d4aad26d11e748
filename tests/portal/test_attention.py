"""The overview of many hypervisors: the worst of what needs attention, and how much more there is."""

import pytest
from lxml import html

from networks.models import Network
from tests.support.making import make_foreign_network, make_hypervisor, make_lease, make_network
from virterweb.hypervisors.models import HypervisorStatus
from virterweb.messages import Message
from virterweb.portal import attention

KNOWN = ("addresses_checked_at", "address_problems", "worst_address_problem")


@pytest.fixture
def few(monkeypatch) -> None:
    monkeypatch.setattr(attention, "LIVE", 4)
    monkeypatch.setattr(attention, "SHOWN", 3)


def lines(answer) -> list[str]:
    found = html.fromstring(answer.content.decode()).xpath("//ul[@class='problems']/li")
    return [" ".join(line.text_content().split()) for line in found]


def make_sites(count: int) -> list[Network]:
    return [make_foreign_network(make_hypervisor(f"lab-{number:02}")) for number in range(count)]


def test_failed_networks_come_before_drifted_ones_and_the_rest_is_counted(page, enqueued, few):
    lab = make_hypervisor()
    for number in range(6):
        network = make_network(lab, f"net{number}", f"10.{number}.0.1/24")
        wrong = {"error": Message.external("No room")} if number > 3 else {"drift": "is not active"}
        network.status.write(generation=network.generation, present=True, **wrong)
    answer = page.get("/")
    assert lines(answer) == ["failed net4: No room", "failed net5: No room", "drifted net0: is not active"]
    assert "3 more networks:" in answer.content.decode()
    links = html.fromstring(answer.content.decode()).xpath("//p[@class='soft']/a/@href")
    assert links == ["/networks/?state=failed", "/networks/?state=drifted"]


def test_workers_check_each_hypervisor_in_turn(page, enqueued, few):
    networks = make_sites(12)
    make_lease(networks[11], "52:54:00:cc:00:01", "192.168.122.99")
    assert lines(page.get("/problems/")) == []
    for _ in range(7):
        attention.check_addresses()
    (line,) = lines(page.get("/problems/"))
    assert "192.168.122.99 is leased to 52:54:00:cc:00:01" in line
    assert not HypervisorStatus.objects.filter(addresses_checked_at=None).exists()


def test_a_shown_problem_is_checked_again_each_time_and_vanishes_when_it_is_solved(page, enqueued, few):
    networks = make_sites(12)
    lease = make_lease(networks[0], "52:54:00:cc:00:01", "192.168.122.99")
    assert len(lines(page.get("/problems/"))) == 1
    assert len(lines(page.get("/problems/"))) == 1
    lease.delete()
    assert lines(page.get("/problems/")) == []
    attention.check_addresses()
    assert HypervisorStatus.objects.filter(address_problems__gt=0).count() == 0


def test_looking_at_problems_writes_nothing(page, enqueued, few):
    for network in make_sites(12):
        make_lease(network, "52:54:00:cc:00:01", "192.168.122.99")
    before = list(HypervisorStatus.objects.order_by("pk").values(*KNOWN))
    page.get("/problems/")
    assert list(HypervisorStatus.objects.order_by("pk").values(*KNOWN)) == before


def test_a_few_hypervisors_are_checked_only_when_somebody_looks(page, enqueued, few):
    make_lease(make_sites(4)[0], "52:54:00:cc:00:01", "192.168.122.99")
    attention.check_addresses()
    assert HypervisorStatus.objects.filter(addresses_checked_at=None).count() == 4
    assert len(lines(page.get("/problems/"))) == 1


def test_problems_of_hypervisors_that_are_not_checked_now_are_counted(page, enqueued, few):
    for network in make_sites(12):
        make_lease(network, "52:54:00:cc:00:01", "192.168.122.99")
    for _ in range(12):
        attention.check_addresses()
    answer = page.get("/problems/")
    assert len(lines(answer)) == 3
    assert "And 9 more." in answer.content.decode()
