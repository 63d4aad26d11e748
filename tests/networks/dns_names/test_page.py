"""The page of DNS names."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from lxml import html

from networks.dns_names import sync as asking
from networks.models import DNSAnswers
from tests.networks.dns_names.named_network import row
from tests.support.making import make_foreign_network, make_lease
from virterweb.hypervisors.gateway.found import Refused
from virterweb.messages import Message

PATH = "/networks/lab-1/net1/names/"


def rows(answer) -> list[list[str]]:
    (found,) = html.fromstring(answer.content).xpath("//table")
    return [[" ".join(cell.text_content().split()) for cell in row] for row in found.xpath(".//tr")]


def test_the_page_shows_names_with_answers_and_duplicates(page, network, dnsmasq):
    dnsmasq.answers = {"mirror.net1.test": ["10.0.0.5", "10.0.0.6"], "guest.net1.test": ["10.0.0.9"]}
    make_lease(network, "52:54:00:00:00:08", "10.0.0.8", "guest")
    asking.ask(network.pk)
    answer = page.get(PATH)
    both = "10.0.0.5 10.0.0.6"
    assert rows(answer) == [
        ["Name", "Address", "From", "dnsmasq answers", "State"],
        ["fixed.net1.test", "10.0.0.77", "DHCP reservation", "", "not answered while its guest has no lease"],
        ["guest.net1.test", "10.0.0.8", "lease", "10.0.0.9", "differs"],
        ["mirror.net1.test twice also 10.0.0.6", "10.0.0.5", "DNS host", both, "as expected"],
        ["mirror.net1.test twice also 10.0.0.5", "10.0.0.6", "DNS host", both, "as expected"],
    ]
    assert "queried <time" in answer.content.decode()


def test_expected_names_are_shown_with_the_reason_why_they_cannot_be_queried(page, network, dnsmasq):
    dnsmasq.answers = {"mirror.net1.test": ["10.0.0.5", "10.0.0.6"]}
    asking.ask(network.pk)
    dnsmasq.answers = Refused(Message.external("No dnsmasq answers at 10.0.0.1."))
    asking.query_now(network)
    asking.ask(network.pk)
    answer = page.get(PATH)
    assert ["mirror.net1.test twice also 10.0.0.6", "10.0.0.5", "DNS host", "", "not asked"] in rows(answer)
    assert "No dnsmasq answers at 10.0.0.1." in answer.content.decode()
    assert "queried <time" not in answer.content.decode()


def test_an_inactive_network_shows_the_names_that_it_would_serve(page, network):
    network.status.write(active=False)
    answer = page.get(PATH).content.decode()
    assert "net1 is not active: no dnsmasq runs for it." in answer
    assert "Query again" not in answer


@pytest.mark.parametrize(
    ("inside", "said"),
    [("", "It has no IP range"), ("<dns enable='no'/><ip address='10.9.0.1'/>", "Its DNS is off")],
)
def test_the_empty_page_explains_what_would_be_listed(page, network, inside, said):
    document = f"<network><name>bare</name><uuid>{{uuid}}</uuid>{inside}</network>"
    make_foreign_network(network.hypervisor, document)
    answer = page.get("/networks/lab-1/bare/names/").content.decode()
    assert "bare serves the names of its DNS hosts" in answer
    assert said in answer


def test_querying_again_makes_the_network_due_and_enqueues_it(
    page, network, enqueued, django_capture_on_commit_callbacks
):
    DNSAnswers.objects.create(network=network, due_at=timezone.now() + timedelta(seconds=50))
    with django_capture_on_commit_callbacks(execute=True):
        assert page.post(PATH).url == PATH
    assert row(network).due_at is None
    assert enqueued == [("virterweb.hypervisors.tasks.look", network.pk)]


def test_the_fragment_is_served_on_its_own_with_few_database_queries(page, network):
    DNSAnswers.objects.create(network=network, asked_at=timezone.now())
    for number in range(2, 40):
        make_lease(network, f"52:54:00:00:01:{number:02x}", f"10.0.0.{number}", f"guest-{number}")
    with CaptureQueriesContext(connection) as queries:
        answer = page.get(PATH, headers={"HX-Request": "true"}).content.decode()
    assert answer.startswith('<div id="names"')
    assert "guest-39.net1.test" in answer
    assert len(queries) <= 8
