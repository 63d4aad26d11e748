"""The portal on a real PostgreSQL and a real Redis: desired configurations are applied."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from postgresql import private_server

from tests.support.portal import Portal
from tests.support.servers.redis import redis_server
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab


@pytest.fixture
def postgres() -> Iterator[str]:
    with private_server() as url:
        yield url


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[str]:
    with redis_server(tmp_path) as url:
        yield url


def walk(portal: Portal) -> None:
    portal.start_web()
    portal.start_worker()
    try:
        portal.log_in()
        wait_for(lambda: portal.table("/networks/"), 60, "the first poll")
        portal.manage("network", "add", "net1", "--dhcp", "--network-cidr", "10.255.0.1/24")
        assert [row["State"] for row in portal.table("/networks/?q=net1")] == ["ready"]
        portal.manage("network", "rm", "net1")
        assert not portal.table("/networks/?q=net1")
    finally:
        portal.stop()


def test_desired_configurations_are_stored_in_postgresql(postgres: str, tmp_path: Path):
    portal = Portal(tmp_path, {"test": "test:///default"}, DATABASE_URL=postgres)
    walk(portal)
    assert not (tmp_path / "virterweb.sqlite3").exists()


def test_messages_go_through_redis(redis: str, tmp_path: Path):
    portal = Portal(tmp_path, {"test": "test:///default"}, CELERY_BROKER_URL=redis)
    walk(portal)
    assert not (tmp_path / "broker").exists()


def test_unreadable_messages_in_the_brokers_folder_do_not_end_the_worker(tmp_path: Path):
    portal = Portal(tmp_path, {"test": "test:///default"})
    folder = tmp_path / "broker/messages"
    unreadable = [b"", bytes(4096), b'{"body": ', b"{}", b'{"headers": null, "properties": {"delivery_tag": "1"}}']
    folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(unreadable):
        (folder / f"{number}.celery.msg").write_bytes(data)
    walk(portal)
    assert {path.name for path in folder.glob("*.unreadable")} == {f"{n}.celery.unreadable" for n in range(5)}
