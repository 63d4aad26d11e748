"""Without a broker everything is saved: pages and commands say that the worker cannot be notified."""

import logging
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.db import transaction

from networks.models import Network
from tests.support.making import make_hypervisor
from tests.support.portal import Portal, free_port
from virterweb import enqueue

pytestmark = pytest.mark.integration

SENTENCE = "Saved. The worker cannot be notified now; it will find the change by itself."


@pytest.fixture
def no_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Take the folder of the broker away, so that no message can be written."""
    monkeypatch.setattr(enqueue, "_logged_at", -enqueue.LOG_INTERVAL)
    folder = Path(settings.CELERY_BROKER_TRANSPORT_OPTIONS["data_folder_out"])
    folder.rename(folder.with_name("away"))
    yield
    folder.with_name("away").rename(folder)


def test_the_failure_is_said_once_and_logged_once_a_minute(no_folder, caplog):
    said = []
    enqueue.on_failure(lambda: said.append("once"))
    for pk in (1, 2):
        enqueue.send("networks.tasks.push", pk)
    enqueue.on_failure(lambda: said.append("another request"))
    enqueue.send("networks.tasks.push", 3)
    assert said == ["once", "another request"]
    records = [record for record in caplog.records if record.name == "virterweb.enqueue"]
    assert [(record.levelno, record.exc_info) for record in records] == [(logging.WARNING, None)]
    assert "messages" in records[0].getMessage()


@pytest.mark.django_db(transaction=True)
def test_an_error_after_the_commit_does_not_reach_the_one_who_saved(caplog):
    with transaction.atomic():
        enqueue.enqueue("networks.tasks.no_such_task", 1)
    assert "enqueue" in caplog.text
    assert "no_such_task" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_a_page_saves_and_says_that_the_worker_cannot_be_notified(no_folder, page):
    form = {"hypervisor": make_hypervisor().pk, "name": "net1", "ipv4": "10.255.0.1/24", "dhcp": "on"}
    answer = page.post("/networks/add/", form, follow=True)
    assert Network.objects.get().name == "net1"
    assert answer.content.decode().count(SENTENCE) == 1
    assert SENTENCE not in page.get("/networks/").content.decode()


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of somebody who takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("kind", ["gone", "silent"])
def test_a_redis_that_is_gone_or_silent_keeps_nobody_waiting(kind, silent, tmp_path):
    url = f"redis://127.0.0.1:{silent if kind == 'silent' else free_port()}/0"
    portal = Portal(tmp_path, {"test": "test:///default"}, CELERY_BROKER_URL=url)
    done = portal.tried("network", "add", "net1", "--no-wait")
    assert (done.returncode, done.stdout) == (0, "")
    assert SENTENCE in done.stderr
    assert "Traceback" not in done.stderr
    portal.start_web()
    try:
        portal.log_in()
        token = portal.token("/networks/test/net1/")
        began = time.monotonic()
        said = portal.send("/networks/test/net1/remove/", token).decode()
        assert time.monotonic() - began < 5
    finally:
        portal.stop()
    assert SENTENCE in said
    assert (tmp_path / "web.log").read_text().count("virterweb.enqueue") == 1
