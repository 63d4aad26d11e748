"""The page of the state of the portal."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from virterweb.administration.system import CHORES
from virterweb.hypervisors.models import Chore, WorkerProcess
from virterweb.operations import release

pytestmark = pytest.mark.integration


def text(page) -> str:
    return " ".join(page.get("/admin/system/").content.decode().split())


def test_it_shows_workers_schedule_backlog_versions_and_database(page_of):
    Chore.objects.create(name="networks.leases.sync.forget", due_at=timezone.now() + timedelta(hours=1))
    shown = text(page_of("superuser"))
    for part in ("Last heartbeat", "Delete old leases", "Hypervisors whose poll is due", "libvirt binding", "Size"):
        assert part in shown
    assert release.version() in shown
    assert "SQLite" in shown or "PostgreSQL" in shown
    assert 'class="state ready"' in shown


def test_every_task_of_the_schedule_is_named_in_words():
    assert set(CHORES) == set(settings.CHORES)


def test_a_stopped_worker_is_said(page_of):
    WorkerProcess.objects.update(seen_at=timezone.now() - timedelta(hours=1))
    assert "no worker runs" in text(page_of("operator of all"))


@pytest.mark.parametrize("role", ["operator", "staff", "viewer"])
def test_it_is_for_operators_of_all_hypervisors(page_of, role):
    assert page_of(role).get("/admin/system/", follow=True).status_code == 403
