"""The broker of files: messages are whole, arrive at once, and wait for a consumer that is not there yet."""

import json
import os
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


def put(connection: Connection, body: str, **more: str) -> None:
    headers = {"task": body, "id": str(uuid.uuid4()), **more}
    Producer(connection.channel()).publish([[], {}, {}], headers=headers, routing_key="q", declare=[Queue("q")])


def received(connection: Connection, timeout: float, count: int = 1) -> list[str]:
    """What so many waits for messages bring."""
    found = []

    def take(body: list, message: Message) -> None:
        found.append(message.headers["task"])
        message.ack()

    with Consumer(connection.channel(), [Queue("q")], callbacks=[take]):
        for _ in range(count):
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


def copies(folder: Path, message: dict, count: int) -> None:
    first = folder / f"{0:020d}_x.q.msg"
    first.write_text(json.dumps(message))
    for number in range(1, count):
        (folder / f"{number:020d}_x.q.msg").hardlink_to(first)


@pytest.mark.integration
@pytest.mark.parametrize("expires", [None, "2020-01-01T00:00:00+00:00"], ids=["old", "expired"])
def test_ten_thousand_stale_messages_are_drained_within_seconds_and_a_fresh_one_comes_first(connect, tmp_path, expires):
    message = whole(connect, tmp_path)
    message["headers"]["expires"] = expires
    copies(tmp_path / "messages", message, 10_000)
    put(connect(), "fresh")
    began = time.monotonic()
    found = received(connect(), 1, 1 if expires else 10_001)
    if expires:
        with pytest.raises(TimeoutError):
            received(connect(), 0.01)
    assert time.monotonic() - began < 10
    assert found[0] == "fresh"
    assert list((tmp_path / "messages").iterdir()) == []


def test_a_message_that_comes_while_others_wait_is_among_the_next(connect, tmp_path):
    copies(tmp_path / "messages", whole(connect, tmp_path), 2000)
    sender, found = connect(), []

    def take(body: list, message: Message) -> None:
        found.append(message.headers["task"])
        message.ack()

    connection = connect()
    with Consumer(connection.channel(), [Queue("q")], callbacks=[take]):
        connection.drain_events(timeout=1)
        put(sender, "fresh")
        while "fresh" not in found:
            connection.drain_events(timeout=1)
    assert len(found) < 2000


def test_a_message_that_has_not_expired_arrives(connect):
    put(connect(), "in time", expires="2999-01-01T00:00:00+00:00")
    assert received(connect(), 1) == ["in time"]


def test_what_interrupted_senders_left_and_what_was_moved_aside_is_deleted_after_a_while(connect, tmp_path):
    messages = tmp_path / "messages"
    for name, hours in {"new.part": 0, "old.part": 2, "new.unreadable": 24, "old.unreadable": 24 * 8}.items():
        (messages / name).touch()
        os.utime(messages / name, times=(time.time() - 3600 * hours,) * 2)
    put(connect(), "any")
    assert received(connect(), 1) == ["any"]
    assert {path.name for path in messages.iterdir()} == {"new.part", "new.unreadable"}


def test_a_message_that_cannot_be_stored_leaves_nothing(connect, tmp_path):
    sender = connect()
    put(sender, "before")
    assert received(connect(), 1) == ["before"]
    (tmp_path / "messages").chmod(0)
    (tmp_path / "messages").rename(tmp_path / "elsewhere")
    with pytest.raises(OSError):
        put(sender, "lost")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_worker_that_has_all_it_may_take_goes_on_as_soon_as_one_is_acknowledged(connect):
    sender, connection, taken = connect(), connect(), []
    channel = connection.channel()
    channel.basic_qos(prefetch_count=1)
    with Consumer(channel, [Queue("q")], callbacks=[lambda body, message: taken.append(message)]):
        put(sender, "first")
        connection.drain_events(timeout=1)
        put(sender, "second")
        Timer(0.3, taken[0].ack).start()
        began = time.monotonic()
        connection.drain_events(timeout=4)
        assert time.monotonic() - began < POLLING / 2
    assert [message.headers["task"] for message in taken] == ["first", "second"]


def test_a_worker_that_may_take_no_more_wakes_another(connect):
    """One reads the wake-up of two messages and takes the first; the second goes to the other one at once."""
    sender, busy, idle, taken = connect(), connect(), connect(), []
    channel = busy.channel()
    channel.basic_qos(prefetch_count=1)
    for name in ("one", "two"):
        put(sender, name)
    with Consumer(channel, [Queue("q")], callbacks=[lambda body, message: taken.append(message)]):
        busy.drain_events(timeout=1)
        with pytest.raises(TimeoutError):
            busy.drain_events(timeout=0.01)
    assert len(taken) == 1
    began = time.monotonic()
    assert len(received(idle, 4)) == 1
    assert time.monotonic() - began < POLLING / 2


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
    path = tmp_path / "messages/99999999999999999999_x.q.msg"
    path.write_bytes(data)
    put(connect(), "after it")
    assert received(connect(), 1) == ["after it"]
    assert [file.name for file in path.parent.iterdir()] == ["99999999999999999999_x.q.unreadable"]
    assert path.with_suffix(".unreadable").read_bytes() == data
    assert [record.levelname for record in caplog.records if record.name == "virterweb.file_broker"] == ["ERROR"]


def test_no_message_passes_through_the_folder_for_temporary_files(connect, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "gettempdir", lambda: pytest.fail("asked for the folder for temporary files"))
    put(connect(), "private")
    assert received(connect(), 1) == ["private"]
