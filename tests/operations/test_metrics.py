"""The metrics: values, who may read them, and that they cost the same queries for any number of objects."""

import json
import re
from datetime import timedelta

import pytest
import yaml
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from networks.definition.events import Event
from networks.definition.spec import HostSpec
from networks.models import DHCPHostStatus
from tests.support.making import (
    make_foreign_network,
    make_hypervisor,
    make_image,
    make_lease,
    make_network,
    make_running,
    make_vm,
)
from virterweb.hypervisors.models import HypervisorStatus, WorkerProcess
from virterweb.messages import Message

pytestmark = pytest.mark.integration

MONITORING = django_settings.BASE_DIR / "deploy/monitoring"
Values = dict[tuple[str, ...], float]


def read(client: Client) -> dict[str, Values]:
    """Return the values of each metric by their labels, in the order of the labels' names."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    return {
        family.name.removeprefix("virterweb_"): {
            tuple(value for _, value in sorted(sample.labels.items())): sample.value for sample in family.samples
        }
        for family in text_string_to_metric_families(answer.content.decode())
    }


@pytest.fixture
def lab(db, enqueued):
    return make_hypervisor("lab")


def test_hypervisors_and_workers(client, lab):
    now = timezone.now()
    status = HypervisorStatus.objects.filter(hypervisor=lab)
    status.update(observed_at=now - timedelta(seconds=7), seconds=0.25, memory=2048, due_at=now + timedelta(seconds=9))
    lost = HypervisorStatus.objects.filter(hypervisor=make_hypervisor("lost"))
    lost.update(observed_at=None, error=Message("text", text="refused"), due_at=now - timedelta(seconds=1))
    for name, seconds in (("a", 3), ("b", 300)):
        WorkerProcess.objects.create(name=name, seen_at=now - timedelta(seconds=seconds))
    found = read(client)
    assert found["hypervisor_up"] == {("lab",): 1, ("lost",): 0}
    assert list(found["hypervisor_poll_age_seconds"]) == [("lab",)]
    assert 7 <= found["hypervisor_poll_age_seconds"]["lab",] < 30
    assert found["hypervisor_poll_duration_seconds"] == {("lab",): 0.25}
    assert found["hypervisor_memory_bytes"] == {("lab",): 2 * 1024**3}
    assert found["workers"] == {(): 1}
    assert 3 <= found["worker_heartbeat_age_seconds"][()] < 30
    assert found["polls_due"] == {(): 1}


def test_desired_configurations_by_state_and_the_oldest_that_waits(client, lab, user):
    network = make_network(lab, "net1")
    network.note(Event.ADDED, user)
    network.revisions.update(at=timezone.now() - timedelta(seconds=90))
    make_network(lab, "net2", "10.2.0.1/24").status.write(generation=1)
    make_foreign_network(lab)
    make_image(lab)
    found = read(client)
    states = {key: number for key, number in found["desired"].items() if number}
    assert states == {("network", "pending"): 1, ("network", "ready"): 1, ("network", "unmanaged"): 1} | {
        ("image", "ready"): 1
    }
    assert ("vm", "failed") in found["desired"]  # a zero is a value too
    ages = found["desired_oldest_pending_seconds"]
    assert 90 <= ages["network",] < 120
    assert ages["vm",] == ages["image",] == 0


def test_vms_by_power_state_with_their_memory(client, lab):
    make_running(make_vm(lab, "vm-8", 8))
    make_running(make_vm(lab, "vm-9", 9))
    make_vm(lab, "vm-10", 10).status.write(present=True)
    make_vm(lab, "vm-11", 11)
    found = read(client)
    assert found["vms"] == {("lab", "running"): 2, ("lab", "off"): 1}
    assert found["hypervisor_vm_memory_bytes"] == {("lab",): 2 * 1024**3}


def test_addresses_of_a_network(client, lab):
    network = make_foreign_network(lab)
    make_lease(network, "52:54:00:00:00:01", "192.168.122.11")
    make_lease(network, "52:54:00:00:00:02", "192.168.122.12")
    make_lease(network, "52:54:00:00:00:02", "fd00::12")
    make_lease(network, "52:54:00:00:00:03", "192.168.122.13", last_seen=timezone.now())
    for number in (12, 13, 14):
        DHCPHostStatus.of(network, HostSpec(mac=f"52:54:00:00:00:{number}", ip=f"192.168.122.{number}")).save()
    make_network(lab, "not there yet")
    found = read(client)
    assert found["network_dhcp_addresses"] == {("lab", "default"): 253}
    assert found["network_leases"] == {("lab", "default"): 2}
    assert found["network_reservations"] == {("lab", "default"): 3}
    assert found["network_addresses_used"] == {("lab", "default"): 4}


def test_an_empty_portal_has_metrics(client, db):
    found = read(client)
    assert found["workers"] == {(): 0}
    assert found["database_bytes"][()] > 0
    assert 0 < found["data_disk_free_bytes"][()] < found["data_disk_bytes"][()]


def test_names_with_any_characters_are_escaped(client, lab):
    network = make_foreign_network(lab)
    type(network).objects.update(name='"a"\\\n{b}')
    assert list(read(client)["network_leases"]) == [("lab", '"a"\\\n{b}')]


def test_the_metrics_cost_the_same_queries_for_any_number_of_objects(client, db, enqueued):
    def queries() -> int:
        with CaptureQueriesContext(connection) as found:
            read(client)
        return len(found)

    empty = queries()
    for number in range(5):
        lab = make_hypervisor(f"lab-{number}")
        make_lease(make_foreign_network(lab), "52:54:00:00:00:01", "192.168.122.11")
        make_running(make_vm(lab, f"vm-{number}", number + 8))
    assert queries() == empty <= 16


@pytest.mark.parametrize(
    ("token", "headers", "status"),
    [
        ("", {}, 200),
        ("", {"X-Forwarded-For": "127.0.0.1"}, 403),
        ("", {"X-Forwarded-Proto": "https"}, 403),
        ("", {"Authorization": "Bearer "}, 200),
        ("secret", {}, 403),
        ("secret", {"Authorization": "Bearer secret"}, 200),
        ("secret", {"Authorization": "Bearer secreT"}, 403),
        ("secret", {"Authorization": "Bearer sécret"}, 403),
        ("secret", {"Authorization": "secret"}, 403),
        ("secret", {"Authorization": "Bearer secret", "X-Forwarded-For": "192.0.2.1"}, 200),
    ],
)
def test_only_this_machine_or_whoever_has_the_token_reads_them(client, db, settings, token, headers, status):
    settings.METRICS_TOKEN = token
    assert client.get("/metrics", headers=headers).status_code == status


def test_without_a_token_other_machines_are_refused(client, db, page):
    for visitor in (client, page):  # a user of the portal too
        answer = visitor.get("/metrics", REMOTE_ADDR="192.0.2.7")
        assert answer.status_code == 403
        assert b"VIRTERWEB_METRICS_TOKEN" in answer.content


@pytest.mark.parametrize("file", ["alerts.yml", "dashboard.json"])
def test_alerts_and_dashboard_use_metrics_that_exist(client, lab, file):
    make_running(make_vm(lab))
    make_foreign_network(lab)
    WorkerProcess.objects.create(name="worker", seen_at=timezone.now())
    text = (MONITORING / file).read_text()
    json.loads(text) if file.endswith("json") else yaml.safe_load(text)
    used = set(re.findall(r"virterweb_(\w+)", text))
    assert len(used) > 5
    assert used <= set(read(client)) | {"token"}


def test_every_metric_is_documented():
    source = (django_settings.BASE_DIR / "virterweb/operations/metrics.py").read_text()
    names = re.findall(r'_(?:gauge|single)\(\s*"(\w+)"', source)
    documented = (django_settings.BASE_DIR / "docs/operations.md").read_text()
    assert len(names) > 15
    assert [name for name in names if f"`virterweb_{name}`" not in documented] == []
