"""The broker of files: messages are whole, arrive at once, and wait for a consumer that is not there yet."""

import time
from collections.abc import Callable
from pathlib import Path
from threading import Timer

import pytest
from kombu import Connection, Consumer, Producer, Queue

POLLING = 5.0  # so long that only a knock can bring a message sooner


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
        connections.append(Connection(transport="virterweb.broker:Transport", transport_options=options))
        return connections[-1]

    yield run
    for connection in connections:
        connection.release()


def put(connection: Connection, body: str) -> None:
    Producer(connection.channel()).publish(body, routing_key="q", declare=[Queue("q")])


def received(connection: Connection, timeout: float) -> list[str]:
    """What one wait for messages brings."""
    found = []

    def take(body: str, message: object) -> None:
        found.append(body)
        message.ack()

    with Consumer(connection.channel(), [Queue("q")], callbacks=[take]):
        connection.drain_events(timeout=timeout)
    return found


def test_a_message_waits_for_a_consumer(connect):
    put(connect(), "early")
    assert received(connect(), 1) == ["early"]


def test_a_consumer_that_waits_hears_the_knock(connect):
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
