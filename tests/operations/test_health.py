"""What tells monitoring whether the portal works."""

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.cache import caches
from django.utils import timezone

from tests.support.making import make_hypervisor
from tests.support.portal import Portal
from virterweb.hypervisors.models import HypervisorStatus, WorkerProcess
from virterweb.operations import disk, health, release

pytestmark = pytest.mark.integration


@pytest.fixture
def portal(db, monkeypatch):
    """A portal in which everything works: with a worker, a polled hypervisor, and all migrations."""
    caches["process"].clear()
    monkeypatch.setattr(release, "applied_migrations", release.known_migrations)  # tests have tables without them
    now = timezone.now()
    HypervisorStatus.objects.filter(hypervisor=make_hypervisor()).update(due_at=now + timedelta(seconds=5))
    return WorkerProcess.objects.create(name="worker", seen_at=now)


def test_the_web_server_is_alive_without_a_database(client):
    answer = client.get("/health/live")
    assert (answer.status_code, answer.json()) == (200, {"ok": True})
    assert "no-store" in answer["Cache-Control"]


def test_a_portal_in_which_everything_works_is_ready(client, portal):
    answer = client.get("/health/ready")
    found = answer.json()
    assert (answer.status_code, found["ok"]) == (200, True)
    assert list(found["checks"]) == ["database", "migrations", "broker", "disk", "worker", "polls"]
    assert found["checks"]["worker"]["seconds_since_heartbeat"] < 20
    assert WorkerProcess.objects.count() == 1


def without(client, name: str) -> dict:
    """Return the facts of the only check that fails."""
    caches["process"].clear()
    answer = client.get("/health/ready")
    assert answer.status_code == 503
    assert [each for each, facts in answer.json()["checks"].items() if not facts["ok"]] == [name]
    return answer.json()["checks"][name]


def test_a_worker_that_is_gone_or_has_never_been_there_is_noticed(client, portal):
    WorkerProcess.objects.update(seen_at=timezone.now() - timedelta(seconds=60))
    assert 60 <= without(client, "worker")["seconds_since_heartbeat"] < 90
    WorkerProcess.objects.all().delete()
    assert without(client, "worker")["seconds_since_heartbeat"] is None


def test_polls_that_do_not_happen_are_noticed(client, portal):
    HypervisorStatus.objects.update(due_at=timezone.now() - timedelta(seconds=300))
    assert without(client, "polls")["seconds_overdue"] >= 300


def test_a_hypervisor_that_cannot_be_reached_is_no_failure_of_the_portal(client, portal):
    late = timezone.now() - timedelta(seconds=300)
    HypervisorStatus.objects.update(due_at=late, unreachable_since=late)
    assert client.get("/health/ready").status_code == 200


def test_missing_migrations_are_noticed(client, portal, monkeypatch):
    monkeypatch.setattr(release, "known_migrations", lambda: release.applied_migrations() | {("vms", "0001_initial")})
    assert without(client, "migrations")["missing"] == 1


def test_a_full_disk_is_noticed(client, portal, monkeypatch):
    monkeypatch.setattr(health, "data_disk", lambda: disk.Disk(total=10**12, free=1000))
    assert without(client, "disk") == {"ok": False, "used_percent": 99, "free_bytes": 1000}


def test_a_broker_that_nobody_can_write_to_is_noticed(client, portal, settings, tmp_path: Path):
    settings.CELERY_BROKER_TRANSPORT_OPTIONS = {"data_folder_out": tmp_path / "gone"}
    without(client, "broker")


def test_a_broker_that_does_not_answer_is_noticed_in_seconds(client, portal, settings):
    settings.CELERY_BROKER_URL, settings.CELERY_BROKER_TRANSPORT_OPTIONS = "redis://127.0.0.1:1/0", {}
    began = timezone.now()
    assert without(client, "broker")["error"]
    assert timezone.now() - began < timedelta(seconds=10)


def test_one_can_ask_for_some_checks(client, portal):
    WorkerProcess.objects.all().delete()
    answer = client.get("/health/ready?check=database&check=migrations&check=unknown")
    assert (answer.status_code, list(answer.json()["checks"])) == (200, ["database", "migrations"])


def test_a_locked_database_is_noticed_in_seconds(tmp_path: Path):
    portal = Portal(tmp_path, {})
    try:
        with closing(sqlite3.connect(tmp_path / "virterweb.sqlite3", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            began = timezone.now()
            facts = portal.ask("health.check(['database'])", "from virterweb.operations import health")
            assert facts == {"database": {"ok": False, "error": "OperationalError"}}
            assert timezone.now() - began < timedelta(seconds=15)
            other.execute("ROLLBACK")
        facts = portal.ask("health.check(['database', 'migrations'])", "from virterweb.operations import health")
        assert facts == {"database": {"ok": True}, "migrations": {"ok": True, "missing": 0}}
    finally:
        portal.stop()
