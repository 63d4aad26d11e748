"""DNS names of a network: which there are, how dnsmasq is asked for them, when, and what the page says of it."""

import os
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import dns.message
import dns.rdatatype
import dns.rrset
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from lxml import html

from networks import tasks
from networks.definition.spec import DNSHostSpec, HostSpec, NetworkSpec, SubnetSpec
from networks.dns_names import sync as asking
from networks.dns_names.names import Source, State, names, questions
from networks.leases import sync as leasing
from networks.models import DNSAnswers, Network
from networks.sync import poll as network_poll
from tests.support.making import make_foreign_network, make_hypervisor, make_lease
from virterweb.hypervisors.connections.pool import disconnect
from virterweb.hypervisors.gateway import peer
from virterweb.hypervisors.gateway.found import FoundLease, FoundNetwork, Refused, Unreachable
from virterweb.messages import Message

FIXED = HostSpec(mac="52:54:00:00:00:77", ip="10.0.0.77", name="fixed")
SPEC = NetworkSpec(
    name="net1",
    domain="Net1.test",
    dns_hosts=(DNSHostSpec(ip="10.0.0.5", names=("mirror", "a.other.test")),),
    subnets=(
        SubnetSpec(address="10.0.0.1", prefix=24, hosts=(FIXED,)),
        SubnetSpec(address="fd00::1", prefix=64, hosts=(HostSpec(name="six.elsewhere", ip="fd00::6"),)),
    ),
)
DOCUMENT = """<network><name>net1</name><uuid>{uuid}</uuid><bridge name='virbr1'/><domain name='net1.test'/>
<dns><host ip='10.0.0.5'><hostname>mirror</hostname></host><host ip='10.0.0.6'><hostname>mirror</hostname></host></dns>
<ip address='10.0.0.1' prefix='24'><dhcp><range start='10.0.0.2' end='10.0.0.99'/>
<host mac='52:54:00:00:00:77' name='fixed' ip='10.0.0.77'/></dhcp></ip></network>"""
PATH = "/networks/lab-1/net1/names/"


def state(*leases: tuple[str, str], answers: Mapping[str, list[str]] | None = None, **spec: object) -> dict[str, State]:
    return {f"{one.name} {one.ip}": one.state for one in names(replace(SPEC, **spec), leases, answers)}


# which there are


def test_names_are_in_the_domain_as_dnsmasq_knows_them():
    assert [(one.name, one.source, one.ip) for one in names(SPEC, [("10.0.0.8", "Guest")])] == [
        ("a.other.test", Source.DNS_HOST, "10.0.0.5"),
        ("fixed.net1.test", Source.HOST_ENTRY, "10.0.0.77"),
        ("guest.net1.test", Source.LEASE, "10.0.0.8"),
        ("mirror.net1.test", Source.DNS_HOST, "10.0.0.5"),
        ("six.net1.test", Source.HOST_ENTRY, "fd00::6"),
    ]


def test_without_a_domain_names_are_bare():
    found = names(replace(SPEC, domain=""), [("10.0.0.8", "guest")])
    assert [one.name for one in found] == ["a.other.test", "fixed", "guest", "mirror", "six"]


def test_the_lease_of_a_host_entrys_guest_is_no_second_name():
    found = [one for one in names(SPEC, [("10.0.0.77", "fixed")]) if one.name == "fixed.net1.test"]
    assert [(one.source, one.served, one.duplicate) for one in found] == [(Source.HOST_ENTRY, True, False)]


def test_a_guest_without_a_host_name_has_no_name():
    assert len(names(SPEC, [("10.0.0.8", "")])) == len(names(SPEC, []))


def test_a_name_for_several_addresses_names_the_others():
    found = names(SPEC, [("10.0.0.8", "mirror"), ("10.0.0.9", "mirror"), ("10.0.0.10", "other")])
    mirrors = [one for one in found if one.name == "mirror.net1.test"]
    assert [(one.ip, one.tag) for one in mirrors] == [(f"10.0.0.{last}", "3 times") for last in (5, 8, 9)]
    assert mirrors[0].others == ("10.0.0.8", "10.0.0.9")
    assert [one.tag for one in found if one.name == "other.net1.test"] == [""]


def test_a_guest_with_an_address_of_each_family_is_no_duplicate():
    found = names(SPEC, [("10.0.0.8", "both"), ("fd00::8", "both")])
    assert [one.duplicate for one in found if one.name == "both.net1.test"] == [False, False]


@pytest.mark.parametrize("spec", [{"dns": False}, {"subnets": ()}])
def test_a_network_without_a_dnsmasq_serves_no_names(spec):
    assert names(replace(SPEC, **spec), [("10.0.0.8", "guest")]) == ()
    assert questions(replace(SPEC, **spec), [("10.0.0.8", "guest")]) == []


def test_only_names_that_are_served_are_asked_in_the_families_of_their_addresses():
    assert questions(SPEC, [("10.0.0.8", "both"), ("fd00::8", "both"), ("fd00::6", "six")]) == [
        ("a.other.test", 4),
        ("both.net1.test", 4),
        ("both.net1.test", 6),
        ("mirror.net1.test", 4),
        ("six.net1.test", 6),
    ]


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (None, State.NOT_ASKED),
        ({"other.test": ["10.0.0.5"]}, State.NOT_ASKED),
        ({"mirror.net1.test": []}, State.NO_ANSWER),
        ({"mirror.net1.test": ["fd00::5"]}, State.NO_ANSWER),
        ({"mirror.net1.test": ["10.0.0.5"]}, State.AS_EXPECTED),
        ({"mirror.net1.test": ["10.0.0.5", "fd00::5"]}, State.AS_EXPECTED),
        ({"mirror.net1.test": ["10.0.0.6"]}, State.DIFFERS),
        ({"mirror.net1.test": ["10.0.0.5", "10.0.0.6"]}, State.DIFFERS),
    ],
)
def test_an_answer_is_as_expected_or_it_is_said_what_is_not(answers, said):
    assert state(answers=answers)["mirror.net1.test 10.0.0.5"] == said


def test_two_addresses_of_one_name_are_both_expected_where_both_are_answered():
    hosts = (*SPEC.dns_hosts, DNSHostSpec(ip="10.0.0.6", names=("mirror",)))
    both = {"mirror.net1.test": ["10.0.0.5", "10.0.0.6"]}
    found = state(dns_hosts=hosts, answers=both)
    assert {found[f"mirror.net1.test 10.0.0.{last}"] for last in (5, 6)} == {State.AS_EXPECTED}
    found = state(("10.0.0.8", "mirror"), answers={"mirror.net1.test": ["10.0.0.5"]})
    assert found["mirror.net1.test 10.0.0.8"] == State.DIFFERS  # the DNS host has the name


def test_a_host_entrys_name_waits_for_its_guests_lease():
    key = "fixed.net1.test 10.0.0.77"
    assert state()[key] == State.NO_LEASE
    assert state(("10.0.0.77", ""))[key] == State.NOT_ASKED
    assert state(("10.0.0.77", "fixed"), answers={"fixed.net1.test": ["10.0.0.77"]})[key] == State.AS_EXPECTED
    assert state(answers={"fixed.net1.test": ["10.0.0.5"]})[key] == State.NO_LEASE


# how dnsmasq is asked


class Server(threading.Thread):
    """A DNS server at the other end of a pair of sockets, that knows some names and says nothing for others."""

    def __init__(self, zone: dict[str, list[str]], silent: tuple[str, ...] = ()) -> None:
        super().__init__(daemon=True)
        self.asker, self.here = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.zone, self.silent = zone, silent
        self.flags: set[int] = set()
        self.start()

    def run(self) -> None:
        while wire := self.here.recv(0x10000):
            query = dns.message.from_wire(wire)
            self.flags.add(int(query.flags))
            (asked,) = query.question
            name = asked.name.to_text(omit_final_dot=True)
            self.here.send(b"no DNS at all")
            if name in self.silent:
                continue
            answer = dns.message.make_response(query)
            kind = dns.rdatatype.to_text(asked.rdtype)
            for ip in self.zone.get(name, []):
                if (":" in ip) == (kind == "AAAA"):
                    answer.answer.append(dns.rrset.from_text(asked.name, 0, "IN", kind, ip))
            self.here.send(answer.to_wire())


@pytest.fixture
def served(monkeypatch) -> Iterator[type[Server]]:
    monkeypatch.setattr(peer, "SILENCE", 0.1)
    servers = []
    yield lambda *args, **values: servers.append(Server(*args, **values)) or servers[-1]
    for server in servers:
        server.asker.send(b"")
        server.join()
        server.here.close()
        server.asker.close()


def test_five_hundred_names_are_asked_in_both_families(served, monkeypatch):
    monkeypatch.setattr(peer, "PATIENCE", 30)  # whatever else the machine has to do
    zone = {f"vm-{number}.test": [f"10.0.{number % 256}.9", "10.0.0.10", f"fd00::{number}"] for number in range(500)}
    server = served(zone)
    found = peer.resolve(server.asker, [(name, family) for name in zone for family in (4, 6)])
    assert found.keys() == zone.keys()
    assert found["vm-7.test"] == ["10.0.0.10", "10.0.7.9", "fd00::7"]
    assert server.flags == {0}


def test_what_is_not_answered_has_no_address(served):
    server = served({"a.test": ["10.0.0.5"]}, silent=("b.test",))
    asked = [(name, 4) for name in ("b.test", "a.test", "c.test", "no..name", "ä" * 80)]
    assert peer.resolve(server.asker, asked) == {
        **{"a.test": ["10.0.0.5"], "b.test": [], "c.test": []},
        **{"no..name": [], "ä" * 80: []},
    }


def test_a_server_that_says_nothing_is_not_waited_for_name_by_name(served):
    silent = tuple(f"vm-{number}.test" for number in range(200))
    with pytest.raises(TimeoutError):
        peer.resolve(served({}, silent=silent).asker, [(name, 4) for name in silent])


def test_a_socket_in_our_own_namespace_needs_no_root():
    with peer.open_socket(os.getpid(), socket.AF_INET6) as found:
        assert (found.family, found.type) == (socket.AF_INET6, socket.SOCK_DGRAM)


# when it is asked


class Dnsmasq:
    """A host whose dnsmasqs' answers are chosen, for libvirt's test driver has none."""

    def __init__(self) -> None:
        self.answers: dict[str, list[str]] | Exception = {}
        self.asked: list[tuple[str, list]] = []

    def resolve(self, server: str, questions: list[tuple[str, int]]) -> dict[str, list[str]]:
        self.asked.append((server, questions))
        if isinstance(self.answers, Exception):
            raise self.answers
        return {name: self.answers.get(name, []) for name, _ in questions}


@pytest.fixture
def dnsmasq(monkeypatch) -> Dnsmasq:
    dnsmasq = Dnsmasq()

    @contextmanager
    def door(hypervisor_id: int, uri: str) -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(host=dnsmasq)

    monkeypatch.setattr(asking, "connected", door)
    return dnsmasq


@pytest.fixture
def network(db, pokes) -> Network:
    return make_foreign_network(make_hypervisor(), DOCUMENT)


def row(network: Network) -> DNSAnswers:
    return DNSAnswers.objects.get(network=network)


def in_seconds(network: Network) -> int:
    return round((row(network).due_at - timezone.now()).total_seconds())


def test_answers_are_written_down_and_asked_again_a_minute_later(network, dnsmasq):
    dnsmasq.answers = {"mirror.net1.test": ["10.0.0.5", "10.0.0.6"]}
    asking.ask(network.pk)
    assert dnsmasq.asked == [("10.0.0.1", [("mirror.net1.test", 4)])]
    assert row(network).answers == {"mirror.net1.test": ["10.0.0.5", "10.0.0.6"]}
    assert in_seconds(network) == 60
    asking.ask(network.pk)
    assert len(dnsmasq.asked) == 1
    DNSAnswers.objects.update(due_at=timezone.now())
    asking.ask(network.pk)
    assert len(dnsmasq.asked) == 2


def test_a_clock_that_is_put_back_delays_nothing(network, dnsmasq):
    DNSAnswers.objects.create(network=network, due_at=timezone.now() + timedelta(days=1))
    asking.ask(network.pk)
    assert in_seconds(network) == 60


def test_names_that_change_while_they_are_asked_are_asked_again(network, dnsmasq):
    def change(server: str, questions: list) -> dict:
        asking.ask_soon(network)
        return {"mirror.net1.test": []}

    dnsmasq.resolve = change
    asking.ask(network.pk)
    assert (row(network).answers, row(network).due_at) == ({"mirror.net1.test": []}, None)


def test_one_that_cannot_be_asked_says_why_and_rests(network, dnsmasq):
    dnsmasq.answers = Refused(Message.external("No dnsmasq answers at 10.0.0.1."))
    asking.ask(network.pk)
    assert str(row(network).error) == "No dnsmasq answers at 10.0.0.1."
    assert in_seconds(network) == 300
    leasing.record(network, [FoundLease(mac="52:54:00:00:00:08", ip="10.0.0.8", prefix=24, **GUEST)])
    assert in_seconds(network) == 300
    dnsmasq.answers = {}
    asking.ask_soon(network)
    asking.ask(network.pk)
    assert (str(row(network).error), in_seconds(network)) == ("", 60)


GUEST = {"hostname": "guest", "client_id": "", "expires": 0}


def test_a_hypervisor_that_is_gone_is_asked_again_soon(network, dnsmasq):
    dnsmasq.answers = Unreachable(Message.external("libvirt cannot be reached"))
    asking.ask(network.pk)
    assert (str(row(network).error), row(network).asked_at, in_seconds(network)) == ("", None, 10)


def test_a_portal_elsewhere_cannot_ask(network):
    asking.ask(network.pk)
    assert str(row(network).error).startswith("The network’s dnsmasq can be asked only by a portal that runs on")
    disconnect()


def test_new_names_of_leases_are_due_at_once_and_renewals_are_not(network, dnsmasq):
    asking.ask(network.pk)
    lease = {"mac": "52:54:00:00:00:08", "ip": "10.0.0.8", "prefix": 24, **GUEST}
    leasing.record(network, [FoundLease(**lease)])
    assert row(network).due_at is None
    asking.ask(network.pk)
    assert ("guest.net1.test", 4) in dnsmasq.asked[-1][1]
    leasing.record(network, [FoundLease(**lease | {"expires": 2000000000})])
    assert row(network).due_at
    leasing.record(network, [])
    assert row(network).due_at is None


def test_a_network_that_was_changed_is_due_at_once(network, dnsmasq):
    asking.ask(network.pk)
    document = network.status.document.replace("<hostname>mirror<", "<hostname>spiegel<", 1)
    flags = {"active": True, "autostart": True, "persistent": True}
    found = FoundNetwork(uuid=network.uuid_text, name="net1", document=document, stored=document, **flags)
    network_poll._record(network, found, timezone.now())
    assert row(network).due_at is None


@pytest.mark.parametrize(
    ("status", "desired"),
    [({"active": False}, {}), ({"present": False}, {}), ({"ip_range": ""}, {}), ({}, {"generation": 1})],
)
def test_what_has_no_dnsmasq_or_is_being_changed_is_not_asked(network, dnsmasq, status, desired):
    network.status.write(**status)
    Network.objects.filter(pk=network.pk).update(**desired)
    assert not asking.due().exists()
    asking.ask(network.pk)
    assert not dnsmasq.asked


def test_a_sweep_hands_out_a_few_at_a_time_those_with_new_names_first(network, pokes):
    for number in range(10):
        late = make_foreign_network(network.hypervisor, DOCUMENT.replace("net1", f"late{number}"))
        DNSAnswers.objects.create(network=late, due_at=timezone.now() - timedelta(hours=1))
    tasks.sweep()
    asked = [pk for name, pk in pokes if name == "networks.tasks.ask_names"]
    assert len(asked) == asking.FEW
    assert asked[0] == network.pk


# what the page says


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
        ["fixed.net1.test", "10.0.0.77", "DHCP reservation", "", "not while its guest has no lease"],
        ["guest.net1.test", "10.0.0.8", "lease", "10.0.0.9", "differs"],
        ["mirror.net1.test twice also 10.0.0.6", "10.0.0.5", "DNS host", both, "as expected"],
        ["mirror.net1.test twice also 10.0.0.5", "10.0.0.6", "DNS host", both, "as expected"],
    ]
    assert "queried <time" in answer.content.decode()


def test_where_the_portal_cannot_ask_the_expected_stands_beside_the_reason(page, network, dnsmasq):
    dnsmasq.answers = {"mirror.net1.test": ["10.0.0.5", "10.0.0.6"]}
    asking.ask(network.pk)
    dnsmasq.answers = Refused(Message.external("No dnsmasq answers at 10.0.0.1."))
    asking.ask_soon(network)
    asking.ask(network.pk)
    answer = page.get(PATH)
    assert ["mirror.net1.test twice also 10.0.0.6", "10.0.0.5", "DNS host", "", "not asked"] in rows(answer)
    assert "No dnsmasq answers at 10.0.0.1." in answer.content.decode()
    assert "queried <time" not in answer.content.decode()


def test_an_inactive_network_shows_what_it_is_to_serve(page, network):
    network.status.write(active=False)
    answer = page.get(PATH).content.decode()
    assert "net1 is not active: no dnsmasq runs for it." in answer
    assert "Query again" not in answer


@pytest.mark.parametrize(
    ("inside", "said"),
    [("", "It has no IP range"), ("<dns enable='no'/><ip address='10.9.0.1'/>", "Its DNS is off")],
)
def test_an_empty_page_says_what_would_be_here(page, network, inside, said):
    document = f"<network><name>bare</name><uuid>{{uuid}}</uuid>{inside}</network>"
    make_foreign_network(network.hypervisor, document)
    answer = page.get("/networks/lab-1/bare/names/").content.decode()
    assert "bare serves the names of its DNS hosts" in answer
    assert said in answer


def test_ask_again_makes_it_due_and_pokes(page, network, pokes, django_capture_on_commit_callbacks):
    DNSAnswers.objects.create(network=network, due_at=timezone.now() + timedelta(seconds=50))
    with django_capture_on_commit_callbacks(execute=True):
        assert page.post(PATH).url == PATH
    assert row(network).due_at is None
    assert pokes == [("networks.tasks.ask_names", network.pk)]


def test_the_fragment_is_served_alone_in_a_few_queries(page, network):
    DNSAnswers.objects.create(network=network, asked_at=timezone.now())
    for number in range(2, 40):
        make_lease(network, f"52:54:00:00:01:{number:02x}", f"10.0.0.{number}", f"guest-{number}")
    with CaptureQueriesContext(connection) as queries:
        answer = page.get(PATH, headers={"HX-Request": "true"}).content.decode()
    assert answer.startswith('<div id="names"')
    assert "guest-39.net1.test" in answer
    assert len(queries) <= 8
