"""Who had which address when: leases as they come, are renewed, change hands and go; clocks that jump; releasing them.

libvirt's test driver has no leases, so most tests say themselves what a look has found.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import libvirt
import pytest
from django.db import connection as database
from django.db.models import prefetch_related_objects
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from networks import sync
from networks.addresses.query import Question
from networks.leases import sync as leases
from networks.models import Lease, Network
from networks.sync import poll as network_poll
from tests.support.examples import examples
from tests.support.making import make_foreign_network, make_hypervisor, make_lease, make_network, make_running, make_vm
from virterweb.hypervisors.connections.pool import connected, disconnect
from virterweb.hypervisors.desired.carry_out import carry_out
from virterweb.hypervisors.gateway.found import FoundLease, FoundNetwork, Refused
from virterweb.hypervisors.models import Hypervisor, HypervisorStatus, ReadingProblem
from virterweb.hypervisors.sync import observe
from virterweb.messages import Message
from vms.models import VM

pytestmark = pytest.mark.integration

START = datetime(2026, 11, 24, 22, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
IP, MAC, OTHER_MAC = "192.168.122.207", "52:54:00:b3:72:d7", "52:54:00:00:00:08"
NO_DHCP = """<network><name>plain</name><uuid>{uuid}</uuid><bridge name='virbr9'/>
<ip address='10.9.0.1' netmask='255.255.255.0'/></network>"""
EMPTY = """<node><cpu><mhz>1000</mhz><model>i686</model><active>1</active><nodes>1</nodes><sockets>1</sockets>
<cores>1</cores><threads>1</threads></cpu><memory>1000000</memory></node>"""
OTHERS = """<network><name>others</name><bridge name='virbr5'/>
<ip address='10.5.0.1' netmask='255.255.255.0'><dhcp><range start='10.5.0.2' end='10.5.0.9'/></dhcp></ip></network>"""


class Clock(datetime):
    """What Django takes the time from; it stands until it is moved."""

    at: ClassVar[datetime]

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:
        return cls.at


@dataclass(kw_only=True)
class Looks:
    """Looks at the leases of one network, each some seconds after the one before."""

    network: Network
    last: datetime | None = None

    def __call__(self, *found: FoundLease, after: timedelta = timedelta(seconds=10)) -> list[Lease]:
        """What the next look makes of these leases: the current ones."""
        Clock.at += after
        leases.record(self.network, list(found), self.last)
        self.last = Clock.at
        return list(self.network.leases.current())


@dataclass(kw_only=True)
class DHCPServers:
    """A host whose dnsmasqs hold what a test says, and let go of what they are asked to unless they are stubborn."""

    held: dict[str, list[FoundLease]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    refusal: str = ""
    stubborn: bool = False

    @property
    def connection(self) -> SimpleNamespace:
        return SimpleNamespace(leases=self)

    def of_network(self, uuid: str) -> list[FoundLease]:
        self.asked.append(uuid)
        return list(self.held.get(uuid, []))

    def release(self, uuid: str, ip: str, mac: str, client_id: str) -> None:
        if self.refusal:
            raise Refused(self.refusal)
        if not self.stubborn:
            self.held[uuid] = [lease for lease in self.held[uuid] if (lease.ip, lease.mac) != (ip, mac)]


@pytest.fixture(autouse=True)
def clock(monkeypatch) -> type[Clock]:
    Clock.at = START
    monkeypatch.setattr(timezone, "datetime", Clock)
    return Clock


@pytest.fixture
def lab(db, pokes) -> Hypervisor:
    return make_hypervisor()


@pytest.fixture
def network(lab) -> Network:
    return make_foreign_network(lab)


@pytest.fixture
def look(network) -> Looks:
    return Looks(network=network)


@pytest.fixture
def empty_lab(db, pokes, tmp_path: Path) -> Iterator[Hypervisor]:
    """A hypervisor of libvirt's test driver, private to this process, with nothing in it."""
    path = tmp_path / "host.xml"
    path.write_text(EMPTY)
    yield make_hypervisor(uri=f"test://{path}")
    disconnect()


@pytest.fixture
def raw(empty_lab) -> libvirt.virConnect:
    """libvirt as others use it."""
    with connected(empty_lab.pk, empty_lab.uri) as connection:
        return connection.session.libvirt


def found(ip: str = IP, mac: str = MAC, hostname: str = "alma", expires: datetime | None = START + HOUR) -> FoundLease:
    seconds = int(expires.timestamp()) if expires else 0
    return FoundLease(mac=mac, ip=ip, prefix=24, hostname=hostname, client_id=f"01:{mac}", expires=seconds)


def listed(network: Network, active: bool = True) -> FoundNetwork:
    """As libvirt would list it."""
    document = network.status.document
    facts = {"active": active, "autostart": True, "persistent": True, "stored": document}
    return FoundNetwork(uuid=network.uuid_text, name=network.name, document=document, **facts)


def poll(network: Network, host: DHCPServers, active: bool = True) -> None:
    """As a worker does, ten seconds after it has looked the last time."""
    HypervisorStatus.objects.update(observed_at=Clock.at)
    Clock.at += timedelta(seconds=10)
    leases.want([network.pk])
    network = again(network)
    leases.poll(network.hypervisor, host.connection, [(network, listed(network, active))])


def again(network: Network) -> Network:
    return Network.objects.select_related("hypervisor__status", "status").get(pk=network.pk)


def spans() -> list[tuple[str, datetime, datetime | None]]:
    return list(Lease.objects.order_by("pk").values_list("mac", "first_seen", "last_seen"))


# as time goes by


def test_a_lease_that_goes_is_history_last_seen_at_the_look_before(lab, network, look):
    make_running(make_vm(lab), ("default", MAC, "vnet0"))
    look(found())
    seen = look(found())[0]
    before = Clock.at
    assert look(after=HOUR) == []
    lease = Lease.objects.get()
    assert (lease.pk, lease.last_seen) == (seen.pk, before)
    assert (lease.ip, lease.hostname, lease.vm) == (IP, "alma", "alma-8-8")
    assert (lease.first_seen, lease.expires_at) == (START + timedelta(seconds=10), START + HOUR)


def test_renewing_changes_the_expiry_alone(look):
    first = look(found())[0]
    (renewed,) = look(found(expires=START + 2 * HOUR), after=HOUR)
    assert (renewed.pk, renewed.first_seen) == (first.pk, first.first_seen)
    assert (renewed.expires_at, renewed.last_seen) == (START + 2 * HOUR, None)
    (endless,) = look(found(expires=None))
    assert (endless.pk, endless.expires_at) == (first.pk, None)


def test_where_nothing_has_changed_there_is_no_query(look):
    two = (found(), found("192.168.122.8", OTHER_MAC))
    look(*two)
    with CaptureQueriesContext(database) as queries:
        leases.record(look.network, list(reversed(two)), look.last)
    assert len(queries) == 0


def test_a_poll_that_finds_nothing_new_writes_only_when_it_read(network):
    host = DHCPServers(held={network.uuid_text: [found()]})
    poll(network, host)
    leases.want([network.pk])
    network = again(network)
    prefetch_related_objects([network.hypervisor], "reading_problems")  # once a poll
    with CaptureQueriesContext(database) as queries:
        leases.poll(network.hypervisor, host.connection, [(network, listed(network))])
    assert [query["sql"].split()[0] for query in queries] == ["UPDATE", "UPDATE"], "of all networks at once"
    assert len(host.asked) == 2


def test_a_poll_that_finds_one_new_lease_among_many_makes_a_few_queries(look):
    many = [found(f"192.168.122.{number}", f"52:54:00:00:00:{number:02x}", f"vm-{number}") for number in range(2, 202)]
    look(*many)
    with CaptureQueriesContext(database) as queries:
        assert len(look(*many, found("192.168.122.250", MAC))) == 201
    assert len(queries) <= 10


def test_leases_are_polled_every_few_seconds_and_at_once_where_somebody_waits(lab, network):
    host = DHCPServers()
    plain = make_foreign_network(lab, NO_DHCP)

    def both() -> list:
        return [(again(each), listed(each)) for each in (network, plain)]

    leases.poll(lab, host.connection, both())
    leases.poll(lab, host.connection, both())
    assert host.asked == [network.uuid_text]  # it is too early again, and the other has no DHCP
    leases.want([network.pk])
    leases.poll(lab, host.connection, both())
    assert host.asked == [network.uuid_text] * 2


@pytest.mark.parametrize(
    "problem", [Refused(Message.external("Could not read DHCP leases: no such file")), ValueError("odd")]
)
def test_leases_that_cannot_be_read_stay_and_are_shown_with_their_age(network, page, problem):
    class Broken(DHCPServers):
        def of_network(self, uuid: str) -> list[FoundLease]:
            raise problem

    host = DHCPServers(held={network.uuid_text: [found()]})
    poll(network, host)
    poll(network, Broken())
    assert [lease.ip for lease in Lease.objects.current()] == [IP]
    assert ReadingProblem.objects.get().subject == "DHCP leases of network default"
    shown = " ".join(page.get(f"{network.get_absolute_url()}leases/").content.decode().split())
    assert "Last read <time" in shown
    assert (
        "DHCP leases of network default cannot be read since" in page.get(network.get_absolute_url()).content.decode()
    )
    poll(network, host)
    assert not ReadingProblem.objects.exists()
    host.held.clear()
    poll(network, host)
    assert not Lease.objects.current().exists()


def test_one_odd_lease_is_named_and_the_others_are_written_down(network, look):
    odd = [found("not an address"), found("192.168.122.9", "m" * 40)]
    look(*odd, replace(found("192.168.122.10"), expires=2**63), found())
    assert sorted(lease.ip for lease in Lease.objects.current()) == ["192.168.122.10", IP]
    assert ReadingProblem.objects.count() == 2
    look(*odd, found())
    assert ReadingProblem.objects.count() == 2, "they are as odd as before"
    assert [lease.ip for lease in Lease.objects.current()] == [IP]
    look(found())
    assert not ReadingProblem.objects.exists()


# who holds it


def test_another_mac_at_the_address_ends_one_lease_and_begins_another(look):
    look(found())
    seen = Clock.at
    look(found(mac=OTHER_MAC))
    assert spans() == [(MAC, seen, seen), (OTHER_MAC, Clock.at, None)]


def test_a_mac_with_another_host_name_is_another_holder(look):
    look(found(hostname="alma"))
    seen = Clock.at
    look(found(hostname="debian"))
    assert list(Lease.objects.values_list("hostname", flat=True)) == ["alma", "debian"]
    assert spans() == [(MAC, seen, seen), (MAC, Clock.at, None)]


def test_a_mac_with_another_vm_is_another_holder(lab, look):
    """An ID's MAC goes from one VM to the next, here even with the host name of an image that knows no other."""
    vm = make_vm(lab, "alma-8-8")
    make_running(vm, ("default", MAC, "vnet0"))
    look(found(hostname="localhost"))
    vm.delete()
    make_running(make_vm(lab, "debian-12-8"), ("default", MAC, "vnet0"))
    look(found(hostname="localhost", expires=START + 2 * HOUR))
    assert list(Lease.objects.values_list("vm", flat=True)) == ["alma-8-8", "debian-12-8"]
    assert Lease.objects.current().get().vm == "debian-12-8"


def test_names_that_were_not_known_yet_are_filled_in(lab, look):
    first = look(found(hostname=""))[0]
    assert (first.hostname, first.vm) == ("", "")
    make_running(make_vm(lab), ("default", MAC, "vnet0"))
    (lease,) = look(found(hostname="alma", expires=START + 2 * HOUR))
    assert (lease.pk, lease.hostname, lease.vm) == (first.pk, "alma", "alma-8-8")
    assert Lease.objects.get(Question(text="alma-8-8").leases()) == lease  # by which it is found now


def test_names_that_are_known_no_longer_stay(lab, look):
    vm = make_vm(lab)
    make_running(vm, ("default", MAC, "vnet0"))
    first = look(found())[0]
    vm.delete()
    (lease,) = look(found(hostname="", expires=START + 2 * HOUR))
    assert (lease.pk, lease.hostname, lease.vm) == (first.pk, "alma", "alma-8-8")
    assert Lease.objects.count() == 1


def test_a_lease_that_comes_back_is_a_new_one(look):
    look(found())
    look()
    look(found())
    assert [last for _, _, last in spans()] == [START + timedelta(seconds=10), None]


def test_one_mac_may_hold_several_addresses(look):
    assert {lease.ip for lease in look(found(), found("fd00::207"))} == {IP, "fd00::207"}
    assert [lease.ip for lease in look(found("fd00::207"))] == ["fd00::207"]


def test_a_lease_that_is_listed_twice_is_one(look):
    assert len(look(found(), found())) == 1
    assert len(look(found(), found(), found(hostname="debian"))) == 1


# with its network


def test_a_network_that_is_stopped_ends_its_leases_and_begins_new_ones_when_it_runs_again(network):
    host = DHCPServers(held={network.uuid_text: [found()]})
    poll(network, host)
    begun = Clock.at
    poll(network, host, active=False)
    assert spans() == [(MAC, begun, begun)]
    poll(network, host)
    assert spans() == [(MAC, begun, begun), (MAC, Clock.at, None)]


def test_a_network_that_is_removed_leaves_its_history(empty_lab, raw):
    network = make_network(empty_lab)
    carry_out(Network, network.pk, sync.push)
    make_lease(network, MAC, "10.255.0.207", "alma")
    Clock.at += HOUR
    Network.objects.get().remove()
    carry_out(Network, network.pk, sync.push)
    lease = Lease.objects.get()
    assert not Network.objects.exists()
    assert (lease.network, lease.network_name, lease.hostname) == (None, "net1", "alma")
    assert (lease.hypervisor, lease.last_seen) == (empty_lab, Clock.at)


def test_a_network_that_others_have_removed_leaves_its_history(empty_lab, raw):
    others = raw.networkDefineXML(OTHERS)
    observe(empty_lab.pk)
    make_lease(Network.objects.get(), MAC, "10.5.0.7", "alma")
    others.undefine()
    Clock.at += HOUR
    observe(empty_lab.pk)
    lease = Lease.objects.get()
    assert (lease.network, lease.network_name, lease.hostname) == (None, "others", "alma")
    assert not Lease.objects.current()


@pytest.mark.parametrize("managed", [True, False])
def test_leases_of_a_network_that_went_while_nobody_looked_were_last_seen_before(empty_lab, raw, managed):
    others = raw.networkDefineXML(OTHERS)
    observe(empty_lab.pk)
    network = again(Network.objects.get())
    if managed:
        network.adopt()
    make_lease(network, MAC, "10.5.0.7")
    others.undefine()
    Clock.at += DAY  # the hypervisor could not be reached so long
    observe(empty_lab.pk)
    assert spans() == [(MAC, START, START)]


def test_a_look_that_a_push_has_overtaken_ends_no_lease(network, look):
    """The look began while the network was not there; a push has made it again since, and is the one to believe."""
    began = Clock.at
    look(found())
    Network.objects.update(managed=True)
    network.status.write(observed_at=Clock.at)
    network_poll._record_gone(again(network), began, began)
    assert again(network).status.present
    assert Lease.objects.current().exists()


# clocks that jump


def test_a_lease_is_never_last_seen_before_it_was_first_seen(look):
    look(found())
    begun = Clock.at
    look(found(), after=-HOUR)
    look()
    assert spans() == [(MAC, begun, begun)]


def test_after_the_clock_was_put_back_no_lease_was_last_seen_in_the_future(look):
    """Else two would have had the address in the hour to come."""
    look(found())
    look(found(), after=DAY)
    look(found(mac=OTHER_MAC), after=-HOUR)
    ended, begun = Lease.objects.order_by("pk")
    assert ended.first_seen <= ended.last_seen <= begun.first_seen == Clock.at


def test_an_observation_in_the_future_does_not_block_later_ones(empty_lab, raw):
    others = raw.networkDefineXML(OTHERS)
    Clock.at += DAY
    observe(empty_lab.pk)
    assert not Network.objects.get().status.active
    Clock.at -= DAY
    others.create()
    observe(empty_lab.pk)
    status = Network.objects.get().status
    assert (status.active, status.observed_at) == (True, Clock.at)


def test_a_look_does_not_overwrite_what_a_push_has_seen_since_it_began(network):
    began = Clock.at
    Clock.at += timedelta(seconds=2)
    network.status.write(observed_at=Clock.at - timedelta(seconds=1))
    assert not network_poll._write(network, began, {"active": False})
    assert network_poll._write(network, Clock.at, {"active": False})


def test_a_hypervisor_that_was_looked_at_in_the_future_is_due(lab):
    HypervisorStatus.objects.update(observed_at=Clock.at, due_at=Clock.at + timedelta(seconds=1))
    assert not Hypervisor.objects.due()
    Clock.at -= DAY
    assert Hypervisor.objects.due().get() == lab


def test_a_hypervisor_that_could_not_be_reached_in_the_future_is_due(db, pokes, tmp_path):
    """At boot: libvirt does not run yet, and the clock is not set yet."""
    lab = make_hypervisor(uri=f"test://{tmp_path}/none.xml")
    Clock.at += 365 * DAY
    observe(lab.pk)
    assert HypervisorStatus.objects.get().unreachable_since == Clock.at
    assert not Hypervisor.objects.due()
    Clock.at -= 365 * DAY - HOUR
    assert Hypervisor.objects.due().get() == lab


# a month


def live(look: Looks, vms: int, renewals: int, changes: int) -> None:
    """Thirty days in which each VM renews so many times, all at once, and the holders of addresses change.

    Every other change is another VM that has the MAC, every other one another MAC that has the address.
    """
    macs = [f"52:54:00:01:{number >> 8:02x}:{number & 255:02x}" for number in range(vms)]
    for number in range(0, min(vms, changes), 2):
        vm = make_vm(look.network.hypervisor, f"vm-{number}", number)
        make_running(vm, ("default", macs[number], f"vnet{number}"))
    done = 0
    for turn in range(renewals + 1):
        while done < changes * turn // renewals:
            number = done % vms
            if number % 2:
                macs[number] = f"52:54:00:02:00:{done:02x}"
            else:
                VM.objects.filter(number=number).update(name=f"vm-{number}-since-{done}")
            done += 1
        held = (found(f"10.255.{i >> 8}.{i & 255}", mac, f"host-{i}", Clock.at + DAY) for i, mac in enumerate(macs))
        assert len(look(*held, after=30 * DAY / renewals)) == vms


def test_a_month_of_300_vms_is_a_row_for_each_and_one_for_each_change_of_holder(look):
    """Simulated: thirty days with six renewals of each VM. That more of them make no more rows, the next test shows."""
    live(look, vms=300, renewals=6, changes=40)
    assert Lease.objects.count() == 300 + 40


@pytest.mark.parametrize("renewals", [12, 24, 72])
def test_history_grows_with_changes_of_holder_and_not_with_renewals(look, renewals):
    """72 are three days of renewing hourly."""
    live(look, vms=8, renewals=renewals, changes=12)
    assert Lease.objects.count() == 8 + 12


# whatever happens

keys = st.tuples(st.sampled_from([MAC, OTHER_MAC]), st.sampled_from([IP, "192.168.122.8", "fd00::8"]))
tables = st.dictionaries(keys, st.tuples(st.sampled_from(["", "alma", "debian"]), st.sampled_from([1, 2])), max_size=4)
steps = st.tuples(st.integers(1, 100), st.sampled_from(["alma-8-8", "debian-12-8"]), tables)


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=st.lists(steps, max_size=8))
def test_current_rows_are_what_was_found_and_history_tells_every_look_without_overlap(lab, network, story):
    Lease.objects.all().delete()
    VM.objects.all().delete()
    network.status.write(leases_print="")
    make_running(make_vm(lab), ("default", MAC, "vnet0"))
    look, looks = Looks(network=network), []
    for seconds, vm, table in story:
        VM.objects.update(name=vm)
        held = {key: found(key[1], key[0], name, START + expires * DAY) for key, (name, expires) in table.items()}
        now = {(lease.mac, lease.ip): lease for lease in look(*held.values(), after=timedelta(seconds=seconds))}
        looks.append((Clock.at, table.keys()))
        assert now.keys() == table.keys()
        for key, lease in now.items():
            assert lease.expires_at.timestamp() == held[key].expires
            assert lease.hostname == held[key].hostname or not held[key].hostname
    for at, held in looks:
        told = list(Lease.objects.between(at, at).values_list("mac", "ip"))
        assert sorted(told) == sorted(held)  # each once: no two rows of one lease overlap


# forgetting


def test_history_is_kept_for_as_many_days_as_the_hypervisor_says(lab, network):
    old, young, current = (make_lease(network, MAC, f"192.168.122.{number}") for number in (2, 3, 4))
    Lease.objects.update(first_seen=START - 365 * DAY)
    Lease.objects.filter(pk=old.pk).update(last_seen=START - 90 * DAY - HOUR)
    Lease.objects.filter(pk=young.pk).update(last_seen=START - 90 * DAY + HOUR)
    leases.forget()
    assert list(Lease.objects.all()) == [young, current]
    Hypervisor.objects.update(history_days=7)
    leases.forget()
    assert list(Lease.objects.all()) == [current]


def test_history_is_kept_for_ever_where_the_days_are_0_and_elsewhere_not(network):
    kept = make_hypervisor("lab-2", history_days=0)
    for each in (network, make_foreign_network(kept)):
        make_lease(each, MAC, IP, last_seen=START - 9999 * DAY)
    leases.forget()
    assert Lease.objects.get().hypervisor == kept
    Hypervisor.objects.update(history_days=0)
    leases.forget()
    assert Lease.objects.get().hypervisor == kept


def test_what_a_removed_network_has_left_is_ended_and_kept(lab, network):
    lease, other = make_lease(network, MAC, IP), make_lease(make_network(lab), MAC, "10.255.0.207")
    Network.objects.filter(pk=network.pk).delete()
    Clock.at += HOUR
    leases.forget()
    assert Lease.objects.get(pk=lease.pk).last_seen == Clock.at
    assert Lease.objects.get(pk=other.pk).last_seen is None


# releasing


@pytest.fixture
def asked(network, look) -> Lease:
    """A lease that somebody asks to be released."""
    look(found())
    Lease.objects.update(release_asked_at=Clock.at)
    return Lease.objects.get()


def test_a_lease_that_dnsmasq_lets_go_of_is_ended(network, asked):
    host = DHCPServers(held={network.uuid_text: [found(), found("192.168.122.8", OTHER_MAC)]})
    assert leases.to_release() == {network.pk}
    leases.release(again(network), host.connection)
    lease = Lease.objects.get(pk=asked.pk)
    assert (lease.last_seen, lease.release_asked_at, str(lease.release_problem)) == (Clock.at, None, "")
    assert leases.to_release() == set()
    assert [lease.ip for lease in Lease.objects.current()] == ["192.168.122.8"]


def test_a_lease_that_cannot_be_released_says_why_and_is_not_tried_again(network, asked):
    host = DHCPServers(held={network.uuid_text: [found()]}, refusal="Not released: run “dhcp_release” as root")
    leases.release(again(network), host.connection)
    lease = Lease.objects.get()
    assert (str(lease.release_problem), lease.last_seen) == (host.refusal, None)
    assert leases.to_release() == set()
    host.refusal = ""
    leases.release(again(network), host.connection)
    assert Lease.objects.current().exists()


@pytest.mark.parametrize(
    ("problem", "said"),
    [(Refused(Message.external("Not released")), "Not released"), (KeyError("x"), "internal error (KeyError)")],
)
def test_one_that_cannot_be_released_keeps_no_other_from_it(network, look, problem, said):
    class Half(DHCPServers):
        def release(self, uuid: str, ip: str, mac: str, client_id: str) -> None:
            if ip == IP:
                raise problem
            super().release(uuid, ip, mac, client_id)

    two = [found(), found("192.168.122.8", OTHER_MAC)]
    look(*two)
    Lease.objects.update(release_asked_at=Clock.at)
    leases.release(again(network), Half(held={network.uuid_text: two}).connection)
    (kept,) = Lease.objects.current()
    assert str(kept.release_problem).startswith(said)
    assert Lease.objects.exclude(last_seen=None).get().ip == "192.168.122.8"
    assert leases.to_release() == set()


def test_dnsmasq_has_some_seconds_to_let_go_of_a_lease(network, asked):
    host = DHCPServers(held={network.uuid_text: [found()]}, stubborn=True)
    for seconds in (0, 5, 5):
        Clock.at += timedelta(seconds=seconds)
        leases.release(again(network), host.connection)
        assert str(Lease.objects.get().release_problem) == ""
        assert leases.to_release() == {network.pk}
    Clock.at += timedelta(seconds=1)
    leases.release(again(network), host.connection)
    assert str(Lease.objects.get().release_problem) == "The network’s dnsmasq did not release it."
    assert leases.to_release() == set()


def test_a_release_that_the_worker_comes_to_late_is_no_problem_if_dnsmasq_lets_go(network, asked):
    host = DHCPServers(held={network.uuid_text: [found()]})
    Clock.at += HOUR
    leases.release(again(network), host.connection)
    lease = Lease.objects.get()
    assert (lease.last_seen, str(lease.release_problem)) == (Clock.at, "")


def test_only_leases_that_somebody_asks_for_are_released(network, look):
    look(found())
    host = DHCPServers(held={network.uuid_text: [found()]})
    assert leases.to_release() == set()
    leases.release(again(network), host.connection)
    assert Lease.objects.current().exists()


def test_leases_that_ended_meanwhile_or_whose_network_is_gone_are_not_to_be_released(network, asked, look):
    look()
    assert leases.to_release() == set()
    make_lease(network, MAC, IP, release_asked_at=Clock.at)
    Network.objects.all().delete()
    assert leases.to_release() == set()
