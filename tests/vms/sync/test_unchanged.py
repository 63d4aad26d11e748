"""A poll that finds nothing new reads no definitions from the database and writes nothing."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from networks.sync import observe as observe_networks
from tests.support.making import make_network, make_vm
from tests.vms.sync.test_lifecycle import UUID, Model

pytestmark = pytest.mark.integration


def queries(model: Model) -> list[str]:
    """Return the queries of one poll."""
    with CaptureQueriesContext(
        connection,
    ) as seen:
        observe_networks(model.hypervisor, model.connection)
        model.observe()
    return [query["sql"] for query in seen.captured_queries]


@pytest.fixture
def model(db, enqueued, tmp_path) -> Model:
    model = Model(tmp_path)
    model.verb("adopt", model.vm())
    for _ in range(2):
        queries(model)
        model.hypervisor.refresh_from_db()
    return model


def test_a_poll_without_changes_reads_no_documents_and_writes_nothing(model):
    done = queries(model)
    of_vms = [sql for sql in done if "vms_vmstatus" in sql]
    assert of_vms
    assert not [sql for sql in of_vms if re.search(r'"(document|stored|disks)"', sql)]
    assert not [sql for sql in done if not sql.startswith(("SELECT", "SAVEPOINT", "RELEASE"))]


def test_many_vms_and_networks_that_libvirt_has_lost_cost_no_more_queries(model):
    def queries_with(*numbers: int) -> int:
        for number in numbers:
            vm = make_vm(model.hypervisor, f"lost-{number}", 30 + number)
            for each in (vm, make_network(model.hypervisor, f"lost{number}")):
                each.status.write(made_at=timezone.now(), generation=each.generation)
        queries(model)
        model.hypervisor.refresh_from_db()
        return len(queries(model))

    few = queries_with(0)
    assert queries_with(1, 2, 3) == few


@pytest.mark.parametrize("change", ["start", "memory", "nic"])
def test_each_change_in_libvirt_is_recorded_by_the_next_poll(model, change):
    before = model.vm().status.fingerprint
    match change:
        case "start":
            model.connection.power.start(UUID, "web")
        case "memory":
            model.others("more memory")
        case "nic":
            model.others("attach")
    queries(model)
    status = model.vm().status
    assert status.fingerprint != before
    assert status.fingerprint == model.connection.domains.get(UUID).fingerprint
