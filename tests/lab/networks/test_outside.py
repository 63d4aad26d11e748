"""Changes by virsh appear on open pages within 3 s, though nothing is polled for a minute while no page is open."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lab import Lab

from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab

TIMEOUT = 3  # seconds
NETWORK = "<network><name>external</name><ip address='10.66.0.1' netmask='255.255.255.0'/></network>"
DOMAIN = "<domain type='qemu'><name>external</name><memory unit='MiB'>16</memory><os><type>hvm</type></os></domain>"


@pytest.fixture(scope="module")
def portal(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A portal that polls as often as it does by default."""
    portal = Portal(tmp_path_factory.mktemp("portal"), {"lab": lab.uri}, VIRTERWEB_IDLE_POLL_SECONDS="60")
    portal.start_web()
    portal.start_worker()
    portal.log_in()
    wait_for(lambda: portal.table("/networks/"), 60, "the first poll")
    yield portal
    portal.stop()


@pytest.fixture
def define(lab: Lab, tmp_path: Path) -> Iterator[Callable[[str, str], None]]:
    """Define a document by a virsh command; what was defined is gone afterwards."""
    undo: list[tuple[str, str]] = []

    def run(command: str, document: str) -> None:
        file = tmp_path / "external.xml"
        file.write_text(document)
        lab.virsh(command, file)
        undo.append((command.replace("define", "undefine"), "external"))

    yield run
    for command, name in reversed(undo):
        lab.virsh(command, name)


def row(portal: Portal, path: str, first: str) -> dict[str, str]:
    return next((row for row in portal.table(path) if next(iter(row.values())).startswith(first)), {})


def test_a_network_comes_starts_stops_and_goes(portal: Portal, lab: Lab, define):
    define("net-define", NETWORK)
    wait_for(
        lambda: row(portal, "/networks/", "external").get("State") == "unmanaged, inactive", TIMEOUT, "it is listed"
    )
    lab.virsh("net-start", "external")
    wait_for(lambda: row(portal, "/networks/", "external").get("State") == "unmanaged", TIMEOUT, "it is active")
    lab.virsh("net-destroy", "external")
    wait_for(lambda: row(portal, "/networks/", "external").get("State") == "unmanaged, inactive", TIMEOUT, "it is not")


def test_a_nic_comes_and_goes(portal: Portal, lab: Lab, define):
    path, mac = "/networks/lab/default/attached/", "52:54:00:66:00:01"
    define("define", DOMAIN)
    lab.virsh("attach-interface", "external", "network", "default", "--mac", mac, "--config")
    found = wait_for(lambda: row(portal, path, "external"), TIMEOUT, "it is attached")
    assert found == {
        "VM": "external unmanaged",
        "MAC": mac,
        "IP": "not running",
        "Hostname": "",
        "Host Device": "",
        "Traffic": "",
    }
    lab.virsh("detach-interface", "external", "network", "--mac", mac, "--config")
    wait_for(lambda: not row(portal, path, "external"), TIMEOUT, "it is not")


def test_a_managed_network_that_is_stopped_outside_has_drifted_and_is_reverted(portal: Portal, lab: Lab):
    portal.manage("network", "add", "managed", "--network-cidr", "10.67.0.1/24")
    lab.virsh("net-destroy", "managed")
    wait_for(lambda: row(portal, "/networks/", "managed").get("State") == "drifted", TIMEOUT, "it has drifted")
    difference = portal.get("/networks/lab/managed/").get_element_by_id("reason").xpath(".//tbody/tr[1]/*")
    assert [cell.text_content().strip() for cell in difference] == ["Active", "yes", "no", "–"]
    portal.manage("network", "apply", "managed")
    wait_for(lambda: row(portal, "/networks/", "managed").get("State") == "ready", TIMEOUT, "it is reverted")
    assert "managed" in lab.virsh("net-list", "--name")
    portal.manage("network", "rm", "managed")


def test_a_change_that_nobody_sees_is_recorded_by_libvirts_event(portal: Portal, define):
    portal.ask("HypervisorStatus.objects.update(watched_at=None)")
    quiet = "HypervisorStatus.objects.filter(due_at__gt=timezone.now() + timezone.timedelta(seconds=20)).exists()"
    wait_for(lambda: portal.ask(quiet, "from django.utils import timezone"), 60, "nothing is in progress")
    define("net-define", NETWORK)
    wait_for(lambda: portal.ask("Network.objects.filter(name='external').exists()"), TIMEOUT, "it is recorded")
