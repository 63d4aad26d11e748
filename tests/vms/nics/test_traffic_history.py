"""The history of traffic: what readings of a hypervisor add to it, and in how many statements."""

from datetime import datetime, timedelta

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.support.making import make_running, make_vm
from virterweb.hypervisors.gateway.found import FoundTraffic
from vms.models import VM, NICStatus, NICTraffic, Power, TrafficHistory, VMStatus
from vms.nics import traffic
from vms.observed.history import Sample

MAC, OTHER = "52:54:00:00:00:08", "52:54:00:80:00:01"
NOON = datetime(2026, 5, 1, 12, tzinfo=timezone.get_fixed_timezone(0))


def write(vm: VM, seconds: float, **devices: tuple[int, int]) -> None:
    """Record a reading at so many seconds after NOON; devices with bytes received and sent."""
    found = {name: FoundTraffic(received=(r, 0, 0, 0), sent=(s, 0, 0, 0)) for name, (r, s) in devices.items()}
    traffic.write(vm.hypervisor, {str(vm.uuid): found}, NOON + timedelta(seconds=seconds))


def minute(seconds: float) -> int:
    return int(NOON.timestamp() + seconds) // 60


def hour_of_nic(vm: VM, seconds: float, mac: str = MAC) -> list[tuple[int, int] | None]:
    """The samples since NOON."""
    histories = TrafficHistory.objects.of_nics([vm.status.pk])
    return since_noon(histories[vm.status.pk, mac].hour(minute(seconds)))


def since_noon(samples: tuple[Sample, ...]) -> list[tuple[int, int] | None]:
    return [sample.mean for sample in samples if sample.minute >= minute(0)]


def hour_of_network(name: str, seconds: float) -> list[tuple[int, int] | None]:
    histories = TrafficHistory.objects.of_networks([NICStatus.objects.filter(source=name)[0].network_id])
    return since_noon(next(iter(histories.values())).hour(minute(seconds)))


def test_each_minute_becomes_a_sample_of_the_nic_and_of_its_network(vm):
    for second in range(0, 121, 5):
        write(vm, second, vnet1=(second * 100, second * 10), vnet2=(0, 0))
    assert hour_of_nic(vm, 120) == [(100, 10), (100, 10)]
    assert hour_of_nic(vm, 120, OTHER) == [(0, 0), (0, 0)]
    assert hour_of_network("default", 120) == [(100, 10), (100, 10)]
    assert hour_of_network("net1", 120) == [(0, 0), (0, 0)]


def test_readings_each_minute_leave_no_gap(vm):
    for number in range(5):
        write(vm, number * 61, vnet1=(number * 6100, 0))
    assert hour_of_nic(vm, 240) == [(100, 0)] * 4


def test_the_sample_of_a_network_is_the_sum_of_its_nics(vm):
    NICStatus.objects.filter(mac=OTHER).update(network=NICStatus.objects.get(mac=MAC).network_id)
    write(vm, 0, vnet1=(0, 0), vnet2=(0, 0))
    write(vm, 60, vnet1=(6000, 60), vnet2=(600, 120))
    assert hour_of_network("default", 60) == [(110, 3)]


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        ([(0, 60_000), (60, 66_000), (120, 500), (180, 6500), (240, 12_500)], [(100, 0), None, (100, 0), (100, 0)]),
        ([(0, 0), (60, 6000), (360, 12_000), (420, 18_000)], [(100, 0), None, None, None, None, None, (100, 0)]),
        ([(0, 0), (60, 6000), (120, 6000), (180, 6000)], [(100, 0), (0, 0), (0, 0)]),
        ([(0, 0), (60, 6000), (-600, 6600), (-540, 12_600), (0, 18_000), (60, 24_000)], [(100, 0)]),
        ([(0, 0), (60, 6000), (7260, 12_000), (7320, 18_000)], [(100, 0)]),
    ],
    ids=["a restarted guest", "an unreachable hypervisor", "a quiet guest", "a clock set back", "a clock set forward"],
)
def test_what_was_not_measured_is_a_gap_and_never_a_spike(vm, readings, expected):
    for second, received in readings:
        write(vm, second, vnet1=(received, 0))
    samples = hour_of_nic(vm, readings[-1][0])
    assert samples[-len(expected) :] == expected
    assert all(found is None or found[0] <= 100 for found in samples)


def test_a_replaced_nic_starts_a_history_of_its_own_on_the_same_network(vm):
    write(vm, 0, vnet1=(0, 0))
    write(vm, 60, vnet1=(6000, 0))
    NICStatus.objects.filter(mac=MAC).update(mac="52:54:00:00:00:09", target="vnet9")
    write(vm, 120, vnet9=(9_000_000, 0))
    write(vm, 180, vnet9=(9_006_000, 0))
    assert hour_of_nic(vm, 180, "52:54:00:00:00:09") == [None, None, (100, 0)]
    assert hour_of_network("default", 180) == [(100, 0), None, (100, 0)]


def test_a_vm_keeps_its_history_while_it_is_off_with_a_gap(vm):
    write(vm, 0, vnet1=(0, 0))
    write(vm, 60, vnet1=(6000, 0))
    VMStatus.objects.update(power=Power.OFF)
    write(vm, 120)
    assert NICTraffic.objects.count() == 0
    VMStatus.objects.update(power=Power.RUNNING)
    write(vm, 180, vnet1=(0, 0))
    write(vm, 240, vnet1=(6000, 0))
    assert hour_of_nic(vm, 240) == [(100, 0), None, None, (100, 0)]


def test_a_history_goes_a_day_after_its_last_sample_and_with_its_vm_or_network(vm):
    for second in (0, 60):
        write(vm, second, vnet1=(second, 0), vnet2=(second, 0))
    assert TrafficHistory.objects.count() == 4
    NICStatus.objects.filter(mac=OTHER).delete()
    for second in (26 * 3600, 26 * 3600 + 60):
        write(vm, second, vnet1=(second, 0))
    assert sorted(TrafficHistory.objects.values_list("mac", flat=True)) == ["", MAC]
    vm.delete()
    assert TrafficHistory.objects.get().network.name == "default"
    TrafficHistory.objects.get().network.delete()
    assert not TrafficHistory.objects.exists()


def test_nothing_is_written_while_no_minute_is_finished_or_nothing_was_measured(vm):
    with CaptureQueriesContext(database) as captured:
        write(vm, 0, vnet1=(0, 0))
        write(vm, 5, vnet1=(0, 0))
        VMStatus.objects.update(power=Power.OFF)
        write(vm, 65)
    assert not any("traffichistory" in each["sql"] for each in captured)


def test_a_finished_minute_costs_one_read_and_one_write_for_any_number_of_nics(vm):
    for number in range(10, 40):
        nics = [("net1", f"52:54:00:01:00:{number}", "vnet1"), ("default", f"52:54:00:02:00:{number}", "vnet2")]
        make_running(make_vm(vm.hypervisor, f"vm-{number}", number), *nics)

    def read(second: float) -> list[str]:
        seen = FoundTraffic(received=(second, 0, 0, 0), sent=(0, 0, 0, 0))
        found = {str(each.uuid): {"vnet1": seen, "vnet2": seen} for each in VM.objects.all()}
        with CaptureQueriesContext(database) as captured:
            traffic.write(vm.hypervisor, found, NOON + timedelta(seconds=second))
        return [each["sql"].split()[0] for each in captured if "traffichistory" in each["sql"]]

    assert read(0) == []
    for second in (60, 120):
        assert read(second) == ["SELECT", "INSERT"]
    assert TrafficHistory.objects.count() == 64
    assert sum(len(each) for each in TrafficHistory.objects.values_list("samples", flat=True)) < 64 * 1024
