"""What guests tell of themselves: who is asked when, what is kept and for how long, what pages say of it."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone
from lxml import html

from networks.models import DHCPHost, DHCPHostStatus, Network
from tests.support.asking import asked_instead
from tests.support.making import make_foreign_network, make_host, make_hypervisor, make_lease, make_running, make_vm
from virterweb.hypervisors.gateway.found import FoundAddress, FoundDomain, FoundOutput, Refused, Silent
from virterweb.hypervisors.models import Hypervisor
from virterweb.messages import Message
from vms.agents import sync as addresses
from vms.attached.rows import nic_rows
from vms.guests import report as guest_report
from vms.models import NIC, VM, AddressRound, GuestReport, NICAddress, NICStatus, Power, VMStatus
from vms.observed.addresses import Source
from vms.observed.guest_seen import State
from vms.sync import polling

MAC, PLAIN, LATER = (f"52:54:00:00:00:{tail}" for tail in ("08", "18", "28"))
WITHOUT_DHCP = """<network><name>plain</name><uuid>{uuid}</uuid><bridge name='br9'/></network>"""
AGENT = f"<channel type='unix'><target type='virtio' name='{guest_report.CHANNEL}' state='connected'/></channel>"


def domain(*macs: str, run: str = "7", channel: str = AGENT) -> str:
    nics = "".join(
        f"<interface type='network'><mac address='{mac}'/><source network='plain'/></interface>" for mac in macs
    )
    number = f" id='{run}'" if run else ""
    return f"<domain type='kvm'{number}><name>alma-8-8</name><devices>{channel}{nics}</devices></domain>"


def told(*errors: str, up: str = "0x1003", client: str = "", done: bool = True) -> str:
    """What the program of guests prints."""
    result = json.dumps({"v1": {"datasource": "NoCloud", "errors": errors}})
    ends = f"result {result}" if done else 'status {"v1": {"stage": "init"}}'
    return f"card {MAC} 0x1003 2 ens3\ncard {PLAIN} {up} 3 ens4\n{client}\ncloud-init installed\n{ends}\nend\n"


CLIENT = "client dhclient dhclient -4 ens3"


class Guests:
    """A host whose guests answer as they are told to."""

    def __init__(self) -> None:
        self.addresses: list[tuple[str, str]] = [("00:00:00:00:00:00", "127.0.0.1")]
        self.answer: str | Exception = told(client=CLIENT)
        self.asked = 0
        self.domains = self.guest_agent = self

    def interface_addresses(self, uuid: str, source: str) -> list[FoundAddress]:
        pairs = self.addresses if source == Source.AGENT else []
        return [FoundAddress(mac=mac, ip=ip, prefix=24, source=source) for mac, ip in pairs]

    def run(self, uuid: str, command: list[str], seconds: float) -> FoundOutput:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return FoundOutput(code=0, text=self.answer)


@pytest.fixture
def guests(monkeypatch) -> Guests:
    return asked_instead(monkeypatch, Guests())


@pytest.fixture
def vm(db, pokes) -> VM:
    """Runs since long with a NIC on a network with DHCP, and one on a network without."""
    hypervisor = make_hypervisor()
    make_foreign_network(hypervisor)
    make_foreign_network(hypervisor, WITHOUT_DHCP)
    vm = make_vm(hypervisor)
    vm.nics.create(position=1, source="plain", mac=PLAIN)
    make_running(vm, ("default", MAC, "vnet0"), ("plain", PLAIN, "vnet1"))
    VMStatus.objects.update(document=domain(MAC, PLAIN))
    vm.refresh_from_db()
    guest_report.note(vm.status, vm.status.document)
    GuestReport.objects.update(since=timezone.now() - timedelta(hours=1))
    return vm


def ask(vm: VM) -> GuestReport:
    """A round that is due."""
    AddressRound.objects.update(due_at=timezone.now())
    addresses.ask(vm.hypervisor_id)
    return GuestReport.objects.get()


def later(**by: int) -> None:
    """Let time pass since the guest was last asked."""
    report = GuestReport.objects.get()
    GuestReport.objects.update(asked_at=report.asked_at - timedelta(**by))


def states(vm: VM) -> dict[str, State]:
    vm = VM.objects.shown().get(pk=vm.pk)
    return {row.nic.mac: row.guest.state for row in nic_rows(vm) if row.guest}


def test_a_guest_whose_agent_answers_is_asked_and_what_it_tells_is_kept(vm, guests):
    guests.answer = told("no <b>key</b>", client=CLIENT)
    report = ask(vm)
    assert (report.agent, report.cloud_init, report.errors) == (True, "error", "no <b>key</b>")
    assert report.interfaces == {
        MAC: {"name": "ens3", "up": True, "dhcp": [4]},
        PLAIN: {"name": "ens4", "up": True, "dhcp": []},
    }


def test_in_a_guest_of_others_no_program_is_run(vm, guests):
    VM.objects.update(managed=False)
    assert ask(vm).agent is True and guests.asked == 0


def test_a_guest_whose_agent_is_silent_is_not_asked(vm, guests):
    guests.addresses = []
    assert ask(vm).agent is False and guests.asked == 0
    guests.addresses = [("00:00:00:00:00:00", "127.0.0.1")]
    assert ask(vm).agent is True and guests.asked == 1


def test_it_is_asked_often_while_something_is_to_come_and_seldom_then(vm, guests):
    ask(vm)
    ask(vm)
    assert guests.asked == 1, "just now it was"
    later(seconds=15)
    ask(vm)
    assert guests.asked == 2, "a NIC has no lease yet"
    make_lease(Network.objects.get(name="default"), MAC, "192.168.122.8")
    later(seconds=15)
    ask(vm)
    assert guests.asked == 2, "all is as wanted"
    later(seconds=60)
    guests.answer = told(done=False, client=CLIENT)
    assert ask(vm).cloud_init == "running"
    later(seconds=15)
    ask(vm)
    assert guests.asked == 4, "cloud-init is not through"


def test_a_guest_that_forbids_programs_says_so_and_is_asked_seldom(vm, guests):
    guests.answer = Refused(Message.external("the guest’s agent refuses"), "guest-exec has been disabled")
    report = ask(vm)
    assert (report.agent, report.refused) == (True, "forbidden")
    later(seconds=90)
    ask(vm)
    assert guests.asked == 1
    later(minutes=5)
    guests.answer = told(client=CLIENT)
    assert ask(vm).refused == ""


def test_a_guest_that_was_only_slow_keeps_what_it_told(vm, guests):
    before = ask(vm).interfaces
    later(minutes=5)
    guests.answer = Silent(Message.external("/bin/sh did not end within 10 s in the guest"))
    report = ask(vm)
    assert guests.asked == 2
    assert (report.interfaces, report.refused, report.cloud_init) == (before, "", "done")


@pytest.mark.parametrize("text", ["", "sh: not found", "\0" * 100, "<script>"])
def test_a_guest_that_prints_anything_else_tells_nothing(vm, guests, text):
    guests.answer = text
    report = ask(vm)
    assert (report.interfaces, report.refused) == ({}, "unreadable")


def test_a_report_goes_with_the_run_it_is_of(vm, guests):
    ask(vm)
    report = GuestReport.objects.get()
    guest_report.note(vm.status, domain(MAC, PLAIN))
    assert GuestReport.objects.get().interfaces == report.interfaces
    guest_report.note(vm.status, domain(MAC, PLAIN, run="8"))
    anew = GuestReport.objects.get()
    assert (anew.interfaces, anew.cloud_init, anew.asked_at, anew.agent) == ({}, "", None, False)
    assert anew.since > report.since
    guest_report.write(report, FoundOutput(code=0, text=told("old")))
    assert GuestReport.objects.get().errors == "", "what the run before told comes too late"
    guest_report.note(vm.status, domain(MAC, PLAIN, run=""))
    assert not GuestReport.objects.exists()


def test_the_sweep_begins_and_ends_it(vm):
    GuestReport.objects.all().delete()

    def look(state: str, document: str) -> None:
        row = VM.objects.select_related("hypervisor", "status").get(pk=vm.pk)
        facts = {"uuid": row.uuid_text, "name": row.name, "state": state, "persistent": True}
        found = FoundDomain(document=document, stored=document if state == "running" else "", **facts)
        polling._record(row, found, timezone.now())

    look("running", domain(MAC, PLAIN, run="9"))
    assert GuestReport.objects.get().run == "9"
    look("off", domain(MAC, PLAIN, run=""))
    assert not GuestReport.objects.exists()


def test_a_nic_that_came_while_it_ran_is_known_to_have(vm):
    guest_report.note(vm.status, domain(MAC, PLAIN, LATER))
    nics = GuestReport.objects.get().nics
    assert (nics[MAC], nics[PLAIN]) == ("", "")
    assert guest_report.plugged(nics, LATER) > timezone.now() - timedelta(minutes=1)
    assert guest_report.plugged(nics, MAC) is None
    guest_report.note(vm.status, domain(MAC, PLAIN))
    assert LATER not in GuestReport.objects.get().nics


def test_a_vm_that_ran_before_gets_a_report_by_the_round(vm, guests):
    GuestReport.objects.all().delete()
    ask(vm)
    assert ask(vm).cloud_init == "done"


def test_what_a_guest_tells_by_ssh_of_cloud_init_is_kept_for_this_run(vm):
    guest_report.note_cloud_init(vm.status, told("no data"))
    report = GuestReport.objects.get()
    assert (report.cloud_init, report.errors, report.interfaces, report.agent) == ("error", "no data", {}, False)
    guest_report.note_cloud_init(vm.status, "Permission denied")
    assert GuestReport.objects.get().errors == "no data"
    guest_report.note(vm.status, domain(MAC, PLAIN, run="8"))
    guest_report.note_cloud_init(vm.status, told("no data"))
    assert GuestReport.objects.get().errors == "", "the run that it is of has ended"


def test_without_a_channel_there_is_no_agent(vm):
    guest_report.note(vm.status, domain(MAC, run="8", channel=""))
    assert GuestReport.objects.get().agent is None


def test_what_is_expected_follows_from_the_networks(vm, guests):
    ask(vm)
    assert states(vm) == {MAC: State.NOT_AS_WANTED, PLAIN: State.AS_WANTED}
    make_lease(Network.objects.get(name="default"), MAC, "192.168.122.8")
    assert states(vm) == {MAC: State.AS_WANTED, PLAIN: State.AS_WANTED}
    GuestReport.objects.update(agent=False)
    assert states(vm) == {MAC: State.AS_WANTED, PLAIN: State.UNKNOWN}
    guests.answer = told(up="0x1002", client=CLIENT)
    later(minutes=5)
    ask(vm)
    assert states(vm) == {MAC: State.AS_WANTED, PLAIN: State.NOT_AS_WANTED}
    VMStatus.objects.update(power=Power.OFF)
    assert set(states(vm).values()) == {State.UNKNOWN}


def test_what_is_expected_follows_from_the_wish_of_a_nic(vm, guests):
    ask(vm)
    NIC.objects.filter(mac=PLAIN).update(guest={"mode": "static", "addresses": ["10.0.0.5/24"]})
    assert states(vm)[PLAIN] is State.NOT_AS_WANTED
    NICAddress.objects.create(vm=vm.status, mac=PLAIN, ip="10.0.0.5", source=Source.AGENT)
    assert states(vm)[PLAIN] is State.AS_WANTED
    NIC.objects.update(guest={"mode": "alone"})
    assert set(states(vm).values()) == {State.UNKNOWN}
    NIC.objects.filter(mac=MAC).update(guest={"mode": "up"})
    assert states(vm)[MAC] is State.NOT_AS_WANTED, "a DHCP client runs"
    VM.objects.update(managed=False)
    assert set(states(vm).values()) == {State.UNKNOWN}


def test_as_virter_nothing_is_expected_of_further_nics_of_a_mixture(vm, guests):
    Hypervisor.objects.update(guest_network="virter")
    guests.answer = told(up="0x1002", client=CLIENT)
    ask(vm)
    make_lease(Network.objects.get(name="default"), MAC, "192.168.122.8")
    assert states(vm) == {MAC: State.AS_WANTED, PLAIN: State.UNKNOWN}
    VM.objects.update(guest_network="portal")
    assert states(vm) == {MAC: State.AS_WANTED, PLAIN: State.NOT_AS_WANTED}


def test_a_reserved_address_is_wanted_however_it_is_known(vm):
    network = Network.objects.get(name="default")

    def said() -> tuple[str, str]:
        row = next(row for row in nic_rows(VM.objects.shown().get(pk=vm.pk)) if row.nic.mac == MAC)
        return row.reserved, row.guest.reason

    assert said()[0] == ""
    make_host(network, MAC, "192.168.122.50")
    assert said() == ("192.168.122.50", "it is being reserved")
    host = DHCPHostStatus.of(network, DHCPHost.objects.get().spec())
    host.save()
    make_lease(network, MAC, "192.168.122.9")
    assert "its lease of 192.168.122.9 is older" in said()[1]
    DHCPHost.objects.update(removed_at=timezone.now())
    assert said()[0] == ""
    DHCPHost.objects.all().delete()
    assert said()[0] == "192.168.122.50", "libvirt has it, whoever made it"


def cell(page, vm: VM) -> list[str]:
    rows = html.fromstring(page.get(vm.get_absolute_url()).content).xpath("//table[@id='nics']/tbody/tr")
    return [" ".join(row.xpath("string(td[4])").split()) for row in rows]


def test_a_page_says_what_is_not_as_wanted_with_its_fix_and_marks_what_is(page, vm, guests):
    guests.answer = told(up="0x1002", client=CLIENT)
    ask(vm)
    make_lease(Network.objects.get(name="default"), MAC, "192.168.122.8")
    shown = cell(page, vm)
    assert shown[0].startswith("192.168.122.8 lease for") and "wanted" not in shown[0]
    assert shown[1] == (
        "no DHCP here not as wanted: its interface ens4 is down in the guest. "
        "Apply the network configuration now, or reboot the guest."
    )
    mark = html.fromstring(page.get(vm.get_absolute_url()).content).xpath("//span[@role='img']/@title")
    assert mark == ["OK: up, with a lease of 192.168.122.8"]


def test_a_page_says_since_when_a_guest_is_waited_for(page, vm):
    since = timezone.now() - timedelta(seconds=40)
    GuestReport.objects.update(since=since)
    assert cell(page, vm)[0] == f"waiting since {timezone.localtime(since):%H:%M}: the guest is starting"


def test_the_attached_table_marks_only_what_is_not_as_wanted(page, vm, guests):
    guests.answer = told(up="0x1002", client=CLIENT)
    ask(vm)
    make_lease(Network.objects.get(name="default"), MAC, "192.168.122.8")
    shown = page.get("/attached/").content.decode()
    assert shown.count("not as wanted") == 1
    assert 'title="its interface ens4 is down in the guest. Configure it now, or reboot the guest."' in shown
    found = {row["mac"]: (row["guest"], row["guest_problem"]) for row in page.get("/attached.json").json()}
    assert found[MAC] == ("as-wanted", "")
    assert found[PLAIN][0] == "not-as-wanted" and "ens4 is down" in found[PLAIN][1]


def test_a_page_shows_what_cloud_init_came_to_and_escapes_its_words(page, vm, guests):
    guests.answer = told("no <b>key</b>")
    ask(vm)
    shown = page.get(vm.get_absolute_url()).content.decode()
    (fact,) = html.fromstring(shown).xpath("//dl[@class='facts']/div[dt='cloud-init']/dd")
    assert " ".join(fact.text_content().split()) == "error: no <b>key</b>"
    assert "<b>key" not in shown
    VMStatus.objects.update(power=Power.OFF)
    assert "cloud-init" not in html.fromstring(page.get(vm.get_absolute_url()).content).xpath("string(//dl)")


def test_a_nic_seen_twice_of_a_vm_is_one_row(vm):
    NICStatus.objects.create(vm=vm.status, position=2, kind="bridge", source="br0", mac=LATER)
    assert states(vm) == {MAC: State.NOT_AS_WANTED, PLAIN: State.UNKNOWN, LATER: State.UNKNOWN}
