"""What pages show counts as a change when it is written, once for each transaction and hypervisor."""

from collections.abc import Callable

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone

from networks.models import NetworkStatus
from tests.support.making import make_hypervisor, make_lease, make_network, make_running, make_vm
from virterweb.changes import writes
from virterweb.changes.models import EVERYWHERE, ChangeCounter
from virterweb.hypervisors.models import Hypervisor, HypervisorStatus, WorkerProcess
from vms.models import VM, NICTraffic, TrafficHistory, VMStatus

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def vm() -> VM:
    vm = make_vm(make_hypervisor())
    make_running(vm, ("net1", "52:54:00:00:00:08", "vnet0"))
    return vm


def counted(write: Callable[[], object]) -> dict[int, int]:
    """Return by how much the counters have grown."""
    before = ChangeCounter.numbers()
    write()
    after = ChangeCounter.numbers()
    return {topic: number - before.get(topic, 0) for topic, number in after.items() if number != before.get(topic)}


WRITES = {
    "save": lambda vm: vm.save(),
    "update": lambda vm: VMStatus.objects.filter(pk=vm.status.pk).update(power="off"),
    "create": lambda vm: make_network(vm.hypervisor),
    "many": lambda vm: VMStatus.objects.bulk_update([vm.status], ["power"]),
    "delete": lambda vm: vm.delete(),
    "user": lambda vm: get_user_model().objects.create_user("otto"),
    "lease": lambda vm: make_lease(make_network(vm.hypervisor), "52:54:00:00:00:08", "10.255.0.8"),
    "hypervisor": lambda vm: Hypervisor.objects.update(name="other"),
    "unreachable": lambda vm: HypervisorStatus.objects.update(unreachable_since=timezone.now()),
}


@pytest.mark.parametrize("name", WRITES)
def test_what_a_request_writes_counts_as_a_change_of_all_pages(vm, name):
    assert counted(lambda: WRITES[name](vm)).keys() == {EVERYWHERE}


@pytest.mark.parametrize("name", WRITES)
def test_what_a_worker_writes_about_a_hypervisor_counts_for_it(vm, name):
    def write() -> None:
        with writes.on(vm.hypervisor_id), transaction.atomic():
            WRITES[name](vm)

    found = counted(write)
    found.pop(-vm.hypervisor_id, 0)  # a deleted VM has no traffic either
    assert found == {vm.hypervisor_id: 1}


NOT_SHOWN = {
    "claim": lambda vm: VMStatus.objects.filter(pk=vm.status.pk).update(claimed_by="x", claimed_until=timezone.now()),
    "schedule": lambda vm: VMStatus.objects.update(due_at=timezone.now()),
    "poll without news": lambda vm: HypervisorStatus.objects.update(observed_at=timezone.now(), seconds=1),
    "open page": lambda vm: Hypervisor.objects.watch(),
    "heartbeat": lambda vm: WorkerProcess.objects.create(name="worker", seen_at=timezone.now()),
    "sign-in": lambda vm: get_user_model().objects.update(last_login=timezone.now()),
    "leases without news": lambda vm: NetworkStatus.objects.update(leases_read_at=timezone.now()),
    "update of no row": lambda vm: VM.objects.filter(name="other").update(name="another"),
    "deletion of no row": lambda vm: VM.objects.filter(name="other").delete(),
    "reading": lambda vm: list(VM.objects.select_related("status")),
    "nothing": lambda vm: None,
}


@pytest.mark.parametrize("name", NOT_SHOWN)
def test_what_no_page_shows_does_not_count(vm, name):
    assert counted(lambda: NOT_SHOWN[name](vm)) == {}


def test_traffic_counts_only_for_pages_with_traffic(vm):
    def write() -> None:
        with writes.on(vm.hypervisor_id), transaction.atomic():
            NICTraffic.objects.create(vm=vm.status, mac="52:54:00:00:00:08", at=timezone.now())
            TrafficHistory.objects.create(key="network 1", hypervisor=vm.hypervisor, at=timezone.now(), samples=b"")

    assert counted(write) == {-vm.hypervisor_id: 1}


def test_a_transaction_with_many_writes_is_one_change(vm):
    def write() -> None:
        with transaction.atomic():
            for _ in range(5):
                vm.save()

    assert counted(write) == {EVERYWHERE: 1}


def test_what_is_rolled_back_does_not_count(vm):
    def write() -> None:
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            vm.save()
            print(1 / 0)

    assert counted(write) == {}


def test_a_write_after_a_rolled_back_savepoint_counts(vm):
    def write() -> None:
        with transaction.atomic():
            with pytest.raises(ZeroDivisionError), transaction.atomic():
                vm.save()
                print(1 / 0)
            vm.save()

    assert counted(write) == {EVERYWHERE: 1}
