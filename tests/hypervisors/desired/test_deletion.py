"""A worker that deletes a row waits for others that write what belongs to it; neither is broken off by a deadlock."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from tests.support.making import make_hypervisor, make_network, make_vm
from tests.support.waiting import wait_for
from virterweb.hypervisors.desired.models import Desired

pytestmark = [
    pytest.mark.integration,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor == 'sqlite'", reason="SQLite has one writer at a time"),
]


def delete(desired: Desired) -> None:
    try:
        desired.delete()
    finally:
        connection.close()


def is_one_waiting() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return cursor.fetchone()[0] > 0


@pytest.mark.parametrize("make", [make_network, make_vm])
def test_a_deletion_waits_until_a_poll_has_written_the_status(make: Callable[..., Desired]):
    desired = make(make_hypervisor())
    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            desired.lock()
            deletion = threads.submit(delete, desired)
            wait_for(is_one_waiting, 10, "the deletion waits")
            type(desired.status).objects.filter(desired=desired).update(tries=1)
        deletion.result(timeout=10)
    assert not type(desired).objects.exists()


def test_a_poll_of_a_vm_records_its_networks_while_a_worker_holds_them():
    network, vm = make_network(make_hypervisor()), None
    vm = make_vm(network.hypervisor)

    def link() -> None:
        try:
            vm.status.nics.create(position=0, mac="52:54:00:00:00:01", network=network)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as threads, transaction.atomic():
        network.lock()
        threads.submit(link).result(timeout=10)
