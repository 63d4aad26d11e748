"""Processes of an earlier version continue during an upgrade of the database: nothing is lost, no restart is needed."""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from postgresql import private_server

from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab

UPGRADE = """
from django.db import connection, models
from django.db.migrations.recorder import MigrationRecorder
from networks.models import Network, NetworkStatus
from vms.models import VM

for model in (Network, NetworkStatus, VM):
    column = models.TextField(null=True)
    column.set_attributes_from_name("of_the_next_version")
    with connection.schema_editor() as editor:
        editor.add_field(model, column)
MigrationRecorder(connection).record_applied("networks", "9999_of_the_next_version")
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def portal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Portal]:
    if request.param == "sqlite":
        yield from running(Portal(tmp_path, {"test": "test:///default"}))
    else:
        with private_server() as url:
            yield from running(Portal(tmp_path, {"test": "test:///default"}, DATABASE_URL=url))


def running(portal: Portal) -> Iterator[Portal]:
    portal.start_web()
    portal.start_worker()
    portal.log_in()
    wait_for(lambda: portal.table("/networks/"), 60, "the first poll")
    yield portal
    portal.stop()


def test_web_server_and_worker_of_the_earlier_version_continue_during_an_upgrade(portal: Portal):
    pk = portal.ask("Hypervisor.objects.get().pk")

    def add(name: str, ipv4: str) -> None:
        portal.post("/networks/add/", hypervisor=pk, name=name, forward_mode="", ipv4=ipv4, dhcp="on")

    states = "{n.name: n.state for n in Network.objects.select_related('status').filter(managed=True)}"
    add("before", "10.1.0.1/24")
    portal.manage("shell", "--no-imports", "-c", UPGRADE)
    add("after", "10.2.0.1/24")
    wait_for(lambda: portal.ask(states) == {"before": "ready", "after": "ready"}, 20, "both are carried out")
    portal.post("/networks/test/before/remove/")
    wait_for(lambda: portal.ask(states) == {"after": "ready"}, 20, "and the deletion")
    events = "[r.event for r in NetworkRevision.objects.all()]"
    assert portal.ask(events) == ["added"]
    with urllib.request.urlopen(f"{portal.url}/health/ready?check=migrations&check=worker") as answer:
        assert json.load(answer)["ok"]
    assert "Traceback" not in portal.worker_log()
