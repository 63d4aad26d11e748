"""With VIRTERWEB_LOG=json all lines are JSON, and say to which request, user and object they belong."""

import io
import json
import logging
import re
from pathlib import Path
from types import SimpleNamespace
from urllib.error import HTTPError

import pytest

from networks.models import Network
from tests.support.making import make_hypervisor, make_network
from tests.support.portal import Portal
from tests.support.waiting import wait_for
from virterweb.logs import json_lines
from virterweb.logs.context import about, request


@pytest.fixture
def lines():
    """Return what reads the lines that a logger has written since it was asked last."""
    stream, log = io.StringIO(), logging.getLogger("virterweb.test")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(json_lines.formatter())
    handler.addFilter(json_lines.Context())
    log.addHandler(handler)

    def read() -> list[dict]:
        return [json.loads(line) for line in stream.getvalue().splitlines()]

    yield read
    log.removeHandler(handler)


def test_a_line_has_time_level_logger_message_and_its_extra_facts(lines):
    logging.getLogger("virterweb.test").warning("no %s", "room", extra={"free": 7})
    (line,) = lines()
    assert list(line) == ["at", "level", "logger", "message", "free"]
    assert line | {"at": ""} == {
        "at": "",
        "level": "WARNING",
        "logger": "virterweb.test",
        "message": "no room",
        "free": 7,
    }


def test_a_traceback_is_part_of_its_line(lines):
    try:
        raise ValueError("odd\nvalue")
    except ValueError:
        logging.getLogger("virterweb.test").exception("it failed")
    (line,) = lines()
    assert "ValueError: odd\nvalue" in line["exc_info"]


def test_facts_hold_for_the_block_that_names_them(lines):
    log = logging.getLogger("virterweb.test")
    with about(object="network 7"):
        with about(step="start"):
            log.warning("inner")
        log.warning("outer")
    log.warning("after")
    assert [(line.get("object"), line.get("step")) for line in lines()] == [
        ("network 7", "start"),
        ("network 7", None),
        (None, None),
    ]


@pytest.mark.integration
def test_all_lines_of_a_portal_are_json_with_request_user_and_object(tmp_path: Path):
    portal = Portal(tmp_path, {"lab": "test:///default"}, VIRTERWEB_LOG="json")
    try:
        portal.start_web()
        portal.start_worker()
        portal.log_in()
        portal.post("/login/", username="admin", password="wrong")
        wait_for(lambda: portal.table("/networks/"), 30, "the first poll")
        portal.post("/networks/lab/default/adopt/", page="/networks/lab/default/")
        portal.post("/networks/lab/default/remove/", disconnect="yes", vm="test")
        wait_for(lambda: not portal.table("/networks/"), 30, "it is deleted")
        with pytest.raises(HTTPError):
            portal.get("/nowhere/")
        worker = portal.worker_log().splitlines()
        web = [json.loads(line) for line in (tmp_path / "web.log").read_text().splitlines()]
    finally:
        portal.stop()
    assert [json.loads(line)["message"] for line in worker if line.startswith("{")]
    assert not [line for line in worker if re.match(r"\d{4}-", line)]  # as lines begin without the setting
    of_worker = [json.loads(line) for line in worker if line.startswith("{")]
    (adopted,) = [line for line in web if line.get("view") == "networks:adopt"]
    assert adopted["message"] == "POST /networks/lab/default/adopt/"
    assert (adopted["user"], adopted["object"], adopted["status"]) == ("admin", "lab/default", 302)
    (deleted,) = [line for line in web if line.get("view") == "networks:remove"]
    calls = [line for line in of_worker if line.get("request") == deleted["request"]]
    assert "networks.undefine" in [line.get("call") for line in calls], "from the click to the call of libvirt"
    assert {line["object"] for line in calls} == {"network default"}
    (missing,) = [line for line in web if line["message"] == "Not Found: /nowhere/"]
    assert re.fullmatch("[0-9a-f]{32}", missing["request"])
    assert not [line for line in web if line["logger"] == "uvicorn.access"]
    assert len({line["request"] for line in web if line["message"].startswith("POST")}) >= 2


@pytest.mark.django_db
def test_a_change_by_a_worker_leaves_the_request_id_to_the_change_that_is_pending(enqueued):
    network = make_network(make_hypervisor())
    token = request.set(SimpleNamespace(id="abc"))
    network.ask_again()
    request.reset(token)
    network.ask_again()  # as a poll does, without a request
    assert read(network).request == "abc"
    network.status.write(generation=read(network).generation)
    network.ask_again()
    assert read(network).request == ""


def read(network: Network) -> Network:
    return Network.objects.get(pk=network.pk)
