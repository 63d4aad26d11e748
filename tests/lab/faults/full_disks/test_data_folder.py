"""The disk of the data folder is full: the portal says so, loses nothing, and works again when space is free."""

import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import html

from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab

SIZE = 160  # MiB: the disk counts as full below 64 MiB


class SmallDisk:
    """A data folder on a small disk, which can be filled."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._filling = folder, folder / "filling"
        folder.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}m", "tmpfs", folder], check=True)

    def fill(self) -> None:
        """Write until the disk is full."""
        with self._filling.open("ab", buffering=0) as file:
            for piece in (2**20, 4096, 1):
                try:
                    while file.write(bytes(piece)) == piece:
                        pass
                except OSError:
                    continue

    def free(self) -> None:
        self._filling.unlink()

    def close(self) -> None:
        subprocess.run(["umount", "--lazy", self.folder], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    disk = SmallDisk(tmp_path / "data")
    yield disk
    disk.close()


@pytest.fixture(params=["database on the disk", "database elsewhere"])
def portal(request: pytest.FixtureRequest, disk: SmallDisk, tmp_path: Path) -> Iterator[Portal]:
    elsewhere = {"DATABASE_URL": f"sqlite:///{tmp_path}/portal.sqlite3"} if "elsewhere" in request.param else {}
    portal = Portal(disk.folder, {"test": "test:///default"}, **elsewhere)
    portal.start_web()
    portal.start_worker()
    portal.log_in()
    wait_for(lambda: portal.table("/networks/"), 60, "the first poll")
    yield portal
    portal.stop()


def checks(portal: Portal) -> dict[str, dict]:
    try:
        with urllib.request.urlopen(f"{portal.url}/health/ready", timeout=30) as answer:
            return json.load(answer)["checks"]
    except urllib.error.HTTPError as answer:
        return json.load(answer)["checks"]


def add(portal: Portal, name: str, ipv4: str, token: str = "") -> str:
    """Send the form of a new network; return the title of the page that follows."""
    pk = portal.ask("Hypervisor.objects.get().pk")
    fields = {"hypervisor": pk, "name": name, "forward_mode": "", "ipv4": ipv4, "dhcp": "on"}
    try:
        page = portal.send("/networks/add/", token or portal.token("/networks/add/"), **fields)
    except urllib.error.HTTPError as answer:
        page = answer.read()
    return html.fromstring(page).findtext(".//title").partition(" · ")[0]


def test_a_full_disk_is_reported_and_nothing_is_lost(portal: Portal, disk: SmallDisk):
    assert add(portal, "before", "10.1.0.1/24") == "before"
    names = "[n.name for n in Network.objects.filter(managed=True).order_by('pk') if n.state == 'ready']"
    wait_for(lambda: portal.ask(names) == ["before"], 20, "it is ready")
    token = portal.token("/networks/add/")
    disk.fill()
    answers = [add(portal, name, ipv4, token) for name, ipv4 in (("one", "10.2.0.1/24"), ("two", "10.3.0.1/24"))]
    elsewhere = "DATABASE_URL" in portal.environment
    assert answers == (["one", "two"] if elsewhere else ["The disk is full"] * 2)
    assert "disk of the portal's data folder is full" in " ".join(portal.get("/").text_content().split())
    assert checks(portal)["disk"] == {"ok": False, "used_percent": 100, "free_bytes": 0}
    kept = ["before", "one", "two"] if elsewhere else ["before"]
    if elsewhere:  # no message reaches the worker, and it cannot write its log
        wait_for(lambda: portal.ask(names) == kept, 20, "the worker finds the accepted changes")

    disk.free()
    assert add(portal, "after", "10.4.0.1/24") == "after"
    wait_for(lambda: portal.ask(names) == [*kept, "after"], 20, "the worker continues")
    wait_for(lambda: all(each["ok"] for each in checks(portal).values()), 20, "everything works again")
    assert portal.worker.poll() is None and portal.web.poll() is None
