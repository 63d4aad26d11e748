"""The broker of files: messages are whole, arrive at once, and wait for a consumer that is not there yet."""

import json
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from threading import Timer

import pytest
from kombu import Connection, Consumer, Message, Producer, Queue

POLLING = 5.0  # so long that only a wake-up can bring a message sooner


@pytest.fixture
def connect(tmp_path: Path) -> Callable[[], Connection]:
    for folder in ("messages", "control"):
        (tmp_path / folder).mkdir()
    connections = []

    def run() -> Connection:
        options = {
            "data_folder_in": tmp_path / "messages",
            "data_folder_out": tmp_path / "messages",
            "control_folder": tmp_path / "control",
            "polling_interval": POLLING,
        }
        connections.append(Connection(transport="virterweb.file_broker:Transport", transport_options=options))
        return connections[-1]

    yield run
    for connection in connections:
        connection.release()


def put(connection: Connection, body: str) -> None:
    headers = {"task": body, "id": str(uuid.uuid4())}
    Producer(connection.channel()).publish([[], {}, {}], headers=headers, routing_key="q", declare=[Queue("q")])


def received(connection: Connection, timeout: float) -> list[str]:
    """What one wait for messages brings."""
    found = []

    def take(body: list, message: Message) -> None:
        found.append(message.headers["task"])
        message.ack()

    with Consumer(connection.channel(), [Queue("q")], callbacks=[take]):
        connection.drain_events(timeout=timeout)
    return found


def test_a_message_waits_for_a_consumer(connect):
    put(connect(), "early")
    assert received(connect(), 1) == ["early"]


def test_a_consumer_that_waits_hears_the_wake_up(connect):
    sender = connect()
    Timer(0.3, put, [sender, "now"]).start()
    began = time.monotonic()
    assert received(connect(), 4) == ["now"]
    assert time.monotonic() - began < POLLING / 2


def test_a_message_that_is_half_written_is_not_taken(connect, tmp_path):
    (tmp_path / "messages/00000000000000000001_x.part").write_text('{"body": ')
    with pytest.raises(TimeoutError):
        received(connect(), 0.01)
    put(connect(), "whole")
    assert received(connect(), 1) == ["whole"]


def test_a_waiting_consumer_rests(connect):
    began = time.process_time()
    with pytest.raises(TimeoutError):
        received(connect(), 0.5)
    assert time.process_time() - began < 0.25


def whole(connect: Callable[[], Connection], tmp_path: Path) -> dict:
    """What the file of a message holds."""
    put(connect(), "sample")
    (path,) = (tmp_path / "messages").glob("*.msg")
    payload = json.loads(path.read_bytes())
    path.unlink()
    return payload


UNREADABLE: dict[str, Callable[[dict], object]] = {
    "empty": lambda message: b"",
    "zeros": lambda message: bytes(4096),
    "cut": lambda message: json.dumps(message).encode()[:100],
    "no text": lambda message: b"\xff\xfe{",
    "deep": lambda message: b"[" * 100_000,
    "null": lambda message: None,
    "a number": lambda message: 7,
    "a list": lambda message: [message],
    "an empty object": lambda message: {},
    "of another kind": lambda message: {"body": "x", "properties": {}},
    "without headers": lambda message: message | {"headers": None},
    "without a task": lambda message: message | {"headers": {"id": "7"}},
    "without an ID": lambda message: message | {"headers": {"task": "x"}},
    "without properties": lambda message: message | {"properties": None},
    "without a tag": lambda message: message | {"properties": {"delivery_info": {"exchange": "", "routing_key": "q"}}},
    "without a body": lambda message: message | {"body": ""},
    "with a body that is not base64": lambda message: message | {"body": "%%%"},
    "with other arguments": lambda message: message | {"body": "WzFd"},
    "of an unknown type": lambda message: message | {"content-type": "application/x-python-serialize"},
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_a_file_that_is_not_a_message_is_moved_aside_and_those_after_it_arrive(connect, tmp_path, caplog, kind):
    content = UNREADABLE[kind](whole(connect, tmp_path))
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    path = tmp_path / "messages/00000000000000000001_x.q.msg"
    path.write_bytes(data)
    put(connect(), "after it")
    assert received(connect(), 1) == ["after it"]
    assert [file.name for file in path.parent.iterdir()] == ["00000000000000000001_x.q.unreadable"]
    assert path.with_suffix(".unreadable").read_bytes() == data
    assert [record.levelname for record in caplog.records if record.name == "virterweb.file_broker"] == ["ERROR"]


def test_no_message_passes_through_the_folder_for_temporary_files(connect, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "gettempdir", lambda: pytest.fail("asked for the folder for temporary files"))
    put(connect(), "private")
    assert received(connect(), 1) == ["private"]
