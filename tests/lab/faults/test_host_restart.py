"""After a host restart, networks are started, VMs that ran are listed or started, and stopped ones stay off."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab import Lab, start

from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab


class Machine:
    """A lab that can be restarted like a machine: its uptime starts again from zero."""

    def __init__(self, directory: Path) -> None:
        start(directory).stop()  # creates its images and configuration
        self.boot(directory, uptime=10_000)

    def boot(self, directory: Path, uptime: int) -> None:
        self.lab = Lab(directory)
        idle = uptime * (os.cpu_count() or 1) * os.sysconf("SC_CLK_TCK")
        lines = Path("/proc/stat").read_text().splitlines()[1:]
        (directory / "stat").write_text("\n".join([f"cpu  0 0 0 {idle} 0 0 0 0 0 0", *lines, ""]))
        self.lab.run("mount", "--bind", directory / "stat", "/proc/stat")
        self.lab.start_libvirtd()

    def restart(self) -> None:
        """Stop the machine without a shutdown of its guests, and start it again."""
        self.lab.stop()
        self.boot(self.lab.directory, uptime=60)

    def running(self) -> list[str]:
        return sorted(self.lab.virsh("list", "--name").split())

    def shut_down(self, name: str) -> None:
        """Have a guest shut down, as libvirt-guests does before a restart."""
        wait_for(lambda: name in self.lab.virsh("net-dhcp-leases", "default"), 120, "the guest has booted")
        self.lab.virsh("shutdown", name)
        wait_for(lambda: name not in self.running(), 60, "it is off")

    def active_networks(self) -> list[str]:
        return sorted(self.lab.virsh("net-list", "--name").split())


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path / "machine")
    yield machine
    machine.lab.stop()


@pytest.fixture
def portal(machine: Machine, tmp_path: Path) -> Iterator[Portal]:
    """A portal with two networks that do not start with the host, and three VMs that run."""
    (tmp_path / "portal").mkdir()
    portal = Portal(tmp_path / "portal", {"host": machine.lab.uri})
    portal.start_web()
    portal.start_worker()
    portal.log_in()
    for name, number in (("kept", 251), ("stopped", 252)):
        portal.manage("network", "add", name, "--no-autostart", "--dhcp", "-n", f"10.{number}.0.1/24")
    run = ("vm", "run", "tiny", "--memory", "128M", "--nic", "type=network,source=kept")
    portal.manage(*run, "--id", "21", "--count", "3")
    yield portal
    portal.stop()


def note(portal: Portal, name: str) -> str:
    return portal.get(f"/vms/host/{name}/").xpath("normalize-space(//small[@data-interruption])")


def panel(portal: Portal, page: str = "/") -> str:
    return portal.get(page).xpath("normalize-space(//section[@id='interrupted'])")


def poll(portal: Portal) -> None:
    """Wait until a poll has begun and ended."""
    since = portal.ask("timezone.now()", "from django.utils import timezone")
    polls = "HypervisorStatus.objects.filter(began_at__gt={0!r}, observed_at__gt=F('began_at')).exists()"
    wait_for(lambda: portal.ask(polls.format(since), "from django.db.models import F"), 30, "a poll")


def stop_by_others(portal: Portal, machine: Machine) -> None:
    """Stop a VM by the portal, another by virsh, and a network by virsh."""
    portal.manage("vm", "stop", "tiny-22", "--force")
    machine.lab.virsh("destroy", "tiny-23")
    machine.lab.virsh("net-destroy", "stopped")
    poll(portal)


def test_vms_that_ran_are_listed_after_a_restart_and_started_on_request(portal: Portal, machine: Machine):
    stop_by_others(portal, machine)
    machine.restart()
    wait_for(lambda: note(portal, "tiny-21") == "It was running before the host restarted.", 60, "its page says so")
    assert note(portal, "tiny-22") == note(portal, "tiny-23") == ""
    states = {row["Name"].split()[0]: row["State"] for row in portal.table("/vms/")}
    assert states["tiny-21"] == "off It was running before the host restarted."
    said = "1 VM of host was running before the host restarted and is off now: tiny-21"
    assert said in panel(portal)
    assert said in panel(portal, "/hypervisors/")
    wait_for(lambda: machine.active_networks() == ["default", "kept"], 20, "the network that was active is started")
    poll(portal)
    assert machine.running() == []
    page = portal.post("/hypervisors/host/start-again/", page="/")
    assert "Starting 1 VM again: tiny-21." in page.text_content()
    wait_for(lambda: machine.running() == ["tiny-21"], 60, "it runs")
    assert panel(portal) == ""
    poll(portal)
    assert machine.running() == ["tiny-21"]
    assert machine.active_networks() == ["default", "kept"]


def test_the_setting_of_a_hypervisor_starts_its_vms_again(portal: Portal, machine: Machine):
    portal.ask("Hypervisor.objects.update(after_restart='start')")
    machine.shut_down("tiny-22")
    poll(portal)
    machine.restart()
    wait_for(lambda: machine.running() == ["tiny-21", "tiny-23"], 90, "both run again")
    assert machine.active_networks() == ["default", "kept", "stopped"]
    events = "[[r.desired.name, r.event] for r in VMRevision.objects.filter(event='started again').order_by('pk')]"
    assert portal.ask(events, "from vms.models import VMRevision") == [
        ["tiny-21", "started again"],
        ["tiny-23", "started again"],
    ]
    assert "1 VM of host is off. It shut down shortly before the host restarted" in panel(portal)
    machine.lab.virsh("destroy", "tiny-21")
    poll(portal)
    time.sleep(3)
    assert machine.running() == ["tiny-23"], "what is stopped after the restart stays off"


def test_a_restart_of_libvirt_alone_starts_nothing(portal: Portal, machine: Machine):
    portal.ask("Hypervisor.objects.update(after_restart='start')")
    machine.lab.restart_libvirtd()
    poll(portal)
    assert machine.running() == ["tiny-21", "tiny-22", "tiny-23"]
    assert panel(portal) == ""
    portal.kill_worker()
    machine.lab.virsh("destroy", "tiny-22")
    machine.lab.restart_libvirtd()
    portal.start_worker()
    wait_for(lambda: note(portal, "tiny-22") == "It was running before libvirt restarted.", 60, "its page says so")
    poll(portal)
    assert machine.running() == ["tiny-21", "tiny-23"]
    page = portal.post("/hypervisors/host/leave-off/", page="/")
    assert "1 VM stays off: tiny-22." in page.text_content()
    assert panel(portal) == ""
    assert note(portal, "tiny-22") == ""
