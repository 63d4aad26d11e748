"""Traffic of NICs: what a reading records, how often, and what the page of the VM shows."""

from datetime import datetime, timedelta
from types import SimpleNamespace

from django.conf import settings
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.module_loading import import_string
from lxml import html

from tests.support.making import make_foreign_network, make_hypervisor, make_running, make_vm
from virterweb.hypervisors.connections.pool import connected, disconnect
from virterweb.hypervisors.gateway.found import FoundTraffic, Refused
from virterweb.hypervisors.models import HypervisorStatus
from virterweb.messages import Message
from vms.attached.rows import nic_rows
from vms.models import VM, NICStatus, NICTraffic, Power, VMStatus
from vms.nics import traffic

MAC, OTHER = "52:54:00:00:00:08", "52:54:00:80:00:01"


def found(received: int = 0, sent: int = 0, *lost: int) -> FoundTraffic:
    """Bytes each way; `lost` are errors and drops of what was received."""
    return FoundTraffic(received=(received, received // 100, *(lost or (0, 0))), sent=(sent, sent // 100, 0, 0))


def write(vm: VM, at: datetime, **devices: FoundTraffic) -> None:
    traffic.write(vm.hypervisor, {str(vm.uuid): devices}, at)


def rows() -> dict[str, NICTraffic]:
    return {row.mac: row for row in NICTraffic.objects.all()}


def page_cell(page, vm: VM, index: int = 0) -> html.HtmlElement:
    """The cell of a NIC's traffic on the VM's page."""
    shown = html.fromstring(page.get(vm.get_absolute_url()).content)
    (row,) = shown.xpath(f"//table[@id='nics']/tbody/tr[{index + 1}]")
    return row.xpath("td")[8]


def words(element: html.HtmlElement) -> str:
    return " ".join(element.text_content().split())


def test_counters_are_written_for_each_nic_by_its_host_device(vm):
    now = timezone.now()
    write(vm, now, vnet1=found(1000, 200, 1, 2), vnet2=found(30, 40))
    kept = rows()
    assert kept.keys() == {MAC, OTHER}
    assert kept[MAC].counters == {
        "received": {"bytes": 1000, "packets": 10, "errors": 1, "drops": 2},
        "sent": {"bytes": 200, "packets": 2, "errors": 0, "drops": 0},
    }
    assert (kept[MAC].at, kept[MAC].rate, kept[MAC].vm) == (now, None, vm.status)
    assert kept[OTHER].counters["sent"]["bytes"] == 40


def test_the_second_reading_makes_a_rate(vm):
    now = timezone.now()
    write(vm, now, vnet1=found(1000, 200), vnet2=found(5, 5))
    write(vm, now + timedelta(seconds=5), vnet1=found(2000, 250), vnet2=found(5, 5))
    kept = rows()
    assert (kept[MAC].rate, kept[OTHER].rate) == ([200, 10], [0, 0])
    assert len(kept) == 2


def test_a_rate_is_unknown_until_the_second_reading_after_a_restart_of_a_guest(vm):
    now = timezone.now()
    for second, received in ((0, 0), (5, 1000), (10, 2000)):
        write(vm, now + timedelta(seconds=second), vnet1=found(received))
    write(vm, now + timedelta(seconds=15), vnet1=found(500))
    assert rows()[MAC].rate is None
    write(vm, now + timedelta(seconds=20), vnet1=found(1000))
    assert rows()[MAC].rate == [100, 0]


def test_two_vms_with_one_mac_have_each_its_own(vm):
    twin = make_vm(vm.hypervisor, "twin", 9)
    make_running(twin, ("net1", MAC, "vnet1"))
    devices = {str(vm.uuid): {"vnet1": found(1)}, str(twin.uuid): {"vnet1": found(2)}}
    traffic.write(vm.hypervisor, devices, timezone.now())
    kept = NICTraffic.objects.values_list("vm__desired__name", "mac", "counters__received__bytes")
    assert sorted(kept) == [("alma-8-8", MAC, 1), ("twin", MAC, 2)]
    twin.refresh_from_db()
    assert [row.traffic.ways[0].total for row in nic_rows(twin) if row.traffic] == ["2 B"]


def test_traffic_is_recorded_only_for_running_nics_and_vms(vm):
    unseen = make_vm(vm.hypervisor, "unseen", 9)
    devices = {str(unseen.uuid): {"vnet7": found(1)}, "9" * 32: {"vnet8": found(1)}, str(vm.uuid): {"vnet9": found(1)}}
    traffic.write(vm.hypervisor, devices, timezone.now())
    assert rows() == {}


def test_rows_of_nics_that_no_longer_run_go_and_those_of_other_hypervisors_stay(vm):
    far = make_hypervisor("lab-2")
    make_foreign_network(far)
    other = make_vm(far, "far", 9)
    make_running(other, ("default", MAC, "vnet1"))
    write(other, timezone.now(), vnet1=found(1))
    write(vm, timezone.now(), vnet1=found(1), vnet2=found(1))
    NICStatus.objects.filter(mac=OTHER).delete()
    write(vm, timezone.now(), vnet1=found(1))
    assert sorted(NICTraffic.objects.values_list("vm__desired__name", "mac")) == [("alma-8-8", MAC), ("far", MAC)]
    VMStatus.objects.filter(desired=vm).update(power=Power.OFF)
    write(vm, timezone.now(), vnet1=found(1))
    assert list(NICTraffic.objects.values_list("vm__desired__name", flat=True)) == ["far"]


def test_a_vm_that_libvirt_was_too_busy_to_answer_for_keeps_what_is_known(vm):
    write(vm, timezone.now(), vnet1=found(1000))
    traffic.write(vm.hypervisor, {}, timezone.now())
    assert rows()[MAC].counters["received"]["bytes"] == 1000


def test_a_reading_costs_as_many_queries_for_many_nics_as_for_two(vm):
    def queries() -> int:
        devices = {str(each.uuid): {"vnet1": found(1), "vnet2": found(2)} for each in VM.objects.all()}
        with CaptureQueriesContext(database) as captured:
            traffic.write(vm.hypervisor, devices, timezone.now())
        return len(captured)

    queries()
    few = queries()
    for number in range(10, 60):
        nics = [
            (network, f"52:54:00:0{index}:00:{number}", f"vnet{index}") for index, network in ((1, "net1"), (2, "x"))
        ]
        make_running(make_vm(vm.hypervisor, f"vm-{number}", number), *nics)
    assert queries() == few
    assert NICTraffic.objects.count() == 102


class Counting:
    """A hypervisor that counts how often it was asked; libvirt's test driver has no such figures."""

    asked = 0

    @property
    def domains(self) -> "Counting":
        return self

    def traffic(self) -> dict[str, dict[str, FoundTraffic]]:
        self.asked += 1
        return {}


def test_a_hypervisor_is_read_at_most_every_five_seconds(vm):
    host = Counting()
    for _ in range(10):
        traffic.observe(vm.hypervisor, host)
    assert host.asked == 1
    HypervisorStatus.objects.update(traffic_due_at=timezone.now())
    traffic.observe(vm.hypervisor, host)
    assert host.asked == 2
    traffic.observe(make_hypervisor("lab-2"), host)
    assert host.asked == 3, "another has its own pace"


def test_a_libvirt_that_refuses_traffic_figures_is_still_polled(vm):
    class Refusing:
        @staticmethod
        def traffic() -> None:
            raise Refused(Message.external("Could not read what went through the NICs"), "not supported")

    traffic.observe(vm.hypervisor, SimpleNamespace(domains=Refusing))
    assert rows() == {}


def test_every_poll_of_a_hypervisor_reads_the_traffic(vm):
    assert import_string(settings.OBSERVERS[-1]) is traffic.observe
    with connected(1, "test:///default") as connection:  # which has none
        traffic.observe(vm.hypervisor, connection)
    disconnect()
    assert rows() == {}


def test_the_page_shows_totals_rates_and_the_last_hour_of_both_ways(vm, page):
    now = timezone.now()
    for index in range(4):
        at = now - timedelta(minutes=3 - index)
        write(vm, at, vnet1=found(6000 * index, 1000), vnet2=found(0))
    cell = page_cell(page, vm)
    summary = "Last hour: up to 800 bit/s received, up to 0 bit/s sent"
    assert words(cell) == f"{summary} in 17.6 KiB 800 bit/s out 1000 B 0 bit/s"
    assert cell.xpath("string(.//svg/title)") == summary
    assert [line.get("class") for line in cell.xpath(".//path")] == ["in", "out"]
    assert [each.get("title") for each in cell.find_class("way")] == [
        "180 packets received, 0 errors received, 0 drops received",
        "10 packets sent, 0 errors sent, 0 drops sent",
    ]
    assert not cell.find_class("failed")
    assert cell.xpath("./*/@data-live"), "its changes are nothing to be marked"


def test_the_page_shows_errors_and_drops_only_where_there_are_any(vm, page):
    write(vm, timezone.now(), vnet1=found(1000, 0, 3, 1), vnet2=found(1000))
    (trouble,) = page_cell(page, vm).find_class("failed")
    assert trouble.text_content() == "3 errors received, 1 drop received"
    assert not page_cell(page, vm, 1).find_class("failed")


def test_a_rate_that_was_read_long_ago_is_not_shown(vm, page):
    then = timezone.now() - timedelta(seconds=200)
    write(vm, then, vnet1=found(0))
    write(vm, then + timedelta(seconds=5), vnet1=found(10240))
    assert words(page_cell(page, vm)).endswith("in 10.0 KiB out 0 B")


def test_a_vm_that_is_off_has_no_traffic_and_the_cell_says_why(vm, page):
    write(vm, timezone.now(), vnet1=found(1000))
    VMStatus.objects.update(power=Power.OFF)
    cell = page_cell(page, vm)
    assert (words(cell), cell.get("title")) == ("", "Counted while the VM runs")


def test_the_page_of_a_vm_costs_the_same_for_many_nics(vm, page):
    def queries() -> int:
        with CaptureQueriesContext(database) as captured:
            assert page.get(vm.get_absolute_url(), headers={"HX-Request": "true"}).status_code == 200
        return len(captured)

    write(vm, timezone.now(), vnet1=found(1), vnet2=found(2))
    few = queries()
    for number in range(20):
        mac = f"52:54:00:90:00:{number:02x}"
        NICStatus.objects.create(
            vm=vm.status, position=2 + number, kind="network", source="net1", mac=mac, target=f"vnet{9 + number}"
        )
    write(vm, timezone.now(), **{f"vnet{9 + number}": found(number) for number in range(20)})
    assert len(rows()) == 22
    assert queries() == few


def test_the_state_of_a_link_is_a_word_with_an_icon(vm, page):
    NICStatus.objects.filter(mac=OTHER).update(link="down")
    shown = html.fromstring(page.get(vm.get_absolute_url()).content)
    links = shown.xpath("//table[@id='nics']/tbody/tr/td[7]/span[contains(@class, 'state')][svg]")
    assert [words(each) for each in links] == ["up", "down"]
