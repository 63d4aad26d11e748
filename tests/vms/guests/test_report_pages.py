"""The reported network configuration on the pages."""

from datetime import timedelta

from django.utils import timezone
from lxml import html

from networks.models import Network
from tests.support.making import make_lease
from tests.vms.guests.reporting_guests import CLIENT, LATER, MAC, PLAIN, ask, report_text, states
from vms.models import VM, GuestReport, NICStatus, Power, VMStatus
from vms.observed.guest_seen import State


def cell(page, vm: VM) -> list[str]:
    rows = html.fromstring(page.get(vm.get_absolute_url()).content).xpath("//table[@id='nics']/tbody/tr")
    return [" ".join(row.xpath("string(td[4])").split()) for row in rows]


def test_a_page_shows_mismatches_with_their_solution(page, vm, guests):
    guests.answer = report_text(up="0x1002", client=CLIENT)
    ask(vm)
    make_lease(Network.objects.get(name="default"), MAC, "192.168.122.8")
    shown = cell(page, vm)
    assert shown[0].startswith("192.168.122.8 lease for") and "wanted" not in shown[0]
    assert shown[1] == (
        "no DHCP here mismatch: its interface ens4 is down in the guest. "
        "Apply the network configuration now, or reboot the guest."
    )
    mark = html.fromstring(page.get(vm.get_absolute_url()).content).xpath("//span[@role='img']/@title")
    assert mark == ["OK: up, with a lease of 192.168.122.8"]


def test_a_page_shows_since_when_the_guest_is_waited_for(page, vm):
    since = timezone.now() - timedelta(seconds=40)
    GuestReport.objects.update(since=since)
    assert cell(page, vm)[0] == f"waiting since {timezone.localtime(since):%H:%M}: the guest is starting"


def test_the_table_of_attached_nics_marks_only_mismatches(page, vm, guests):
    guests.answer = report_text(up="0x1002", client=CLIENT)
    ask(vm)
    make_lease(Network.objects.get(name="default"), MAC, "192.168.122.8")
    shown = page.get("/attached/").content.decode()
    assert shown.count("mismatch") == 1
    assert (
        'title="its interface ens4 is down in the guest. Apply the network configuration now, or reboot the guest."'
        in shown
    )
    found = {row["mac"]: (row["guest"], row["guest_problem"]) for row in page.get("/attached.json").json()}
    assert found[MAC] == ("as-wanted", "")
    assert found[PLAIN][0] == "not-as-wanted" and "ens4 is down" in found[PLAIN][1]


def test_a_page_shows_the_result_of_cloud_init_and_escapes_its_messages(page, vm, guests):
    guests.answer = report_text("no <b>key</b>")
    ask(vm)
    shown = page.get(vm.get_absolute_url()).content.decode()
    (fact,) = html.fromstring(shown).xpath("//dl[@class='facts']/div[dt='cloud-init']/dd")
    assert " ".join(fact.text_content().split()) == "error: no <b>key</b>"
    assert "<b>key" not in shown
    VMStatus.objects.update(power=Power.OFF)
    assert "cloud-init" not in html.fromstring(page.get(vm.get_absolute_url()).content).xpath("string(//dl)")


def test_a_nic_that_was_seen_twice_is_one_row(vm):
    NICStatus.objects.create(vm=vm.status, position=2, kind="bridge", source="br0", mac=LATER)
    assert states(vm) == {MAC: State.NOT_AS_WANTED, PLAIN: State.UNKNOWN, LATER: State.UNKNOWN}
