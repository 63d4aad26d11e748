"""Several hosts with data folders of their own share what the database holds: sessions and the portal's SSH key."""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.portal import Portal

pytestmark = pytest.mark.integration

KEY = ("portal_key.authorized_line()", "from vms.cloud_init import portal_key")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shared")


@pytest.fixture(scope="module")
def hosts(folder: Path) -> Iterator[list[Portal]]:
    """Return two hosts on one database; the first has the secret key of an earlier version."""
    for name in ("one", "two"):
        (folder / name).mkdir()
    (folder / "one/secret-key").write_text("a secret of fifty characters, long enough for Django")
    database = f"sqlite:///{folder}/shared.sqlite3"
    found = [Portal(folder / name, {}, DATABASE_URL=database) for name in ("one", "two")]
    yield found
    for host in found:
        host.stop()


def test_a_session_of_one_web_server_is_valid_at_another(hosts, folder):
    one, two = hosts
    for host in hosts:
        host.start_web()
    one.log_in()
    one.url = two.url
    assert one.get("/").xpath("//main//h1")
    assert "Sign in" not in one.get("/").xpath("string(//title)")
    with sqlite3.connect(folder / "shared.sqlite3") as database:
        keys = database.execute("select value from hypervisors_secret where name = 'secret key'").fetchall()
    assert keys == [("a secret of fifty characters, long enough for Django",)]
    assert not (folder / "two/secret-key").exists()


def test_hosts_that_need_the_ssh_key_at_once_agree_on_one(hosts):
    with ThreadPoolExecutor(2) as pool:
        lines = list(pool.map(lambda host: host.ask(*KEY), hosts))
    assert lines[0] == lines[1]
    assert lines[0].startswith("ssh-rsa ")
