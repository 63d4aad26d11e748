"""Hypervisors that stop or hang: the pages say so, they recover, and no other hypervisor is delayed."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab import Lab

from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab


@pytest.fixture
def silent(tmp_path: Path) -> Iterator[str]:
    """The URI of a libvirt that accepts and never answers."""
    path = tmp_path / "silent"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen(100)
        yield f"qemu+unix:///system?socket={path}"


@pytest.fixture
def portal(lab: Lab, second_lab: Lab, silent: str, tmp_path: Path) -> Iterator[Portal]:
    """A portal on a lab that a test may stop, on another lab, and on a hypervisor that hangs."""
    portal = Portal(tmp_path, {"lost": second_lab.uri, "other": lab.uri, "silent": silent})
    portal.start_web()
    portal.start_worker()
    portal.log_in()
    wait_for(lambda: {"lost", "other"} <= {row["Hypervisor"] for row in portal.table("/networks/")}, 60, "first looks")
    yield portal
    portal.stop()


def trouble(portal: Portal) -> str:
    """What the overview says of hypervisors."""
    return " ".join(portal.get("/").get_element_by_id("trouble").text_content().split())


def add(portal: Portal, hypervisor: str, name: str, ipv4: str) -> None:
    pk = portal.ask(f"Hypervisor.objects.get(name='{hypervisor}').pk")
    portal.post("/networks/add/", hypervisor=pk, name=name, forward_mode="", ipv4=ipv4, dhcp="on")


def state(portal: Portal, name: str) -> str:
    return next((row["State"] for row in portal.table("/networks/") if row["Name"] == name), "gone")


def seconds_until_ready(portal: Portal, name: str) -> float:
    began = time.monotonic()
    wait_for(lambda: state(portal, name) == "ready", 10, f"{name} is ready within 10 s")
    return time.monotonic() - began


def remove(portal: Portal, hypervisor: str, name: str) -> None:
    portal.post(f"/networks/{hypervisor}/{name}/remove/")
    wait_for(lambda: state(portal, name) == "gone", 10, f"{name} is gone")


def test_a_hypervisor_that_never_answers_is_reported_and_delays_no_other(portal: Portal):
    wait_for(lambda: "silent is unreachable since" in trouble(portal), 15, "the page says so")
    for number in range(3):
        add(portal, "other", f"net{number}", f"10.255.{number}.1/24")
        assert seconds_until_ready(portal, f"net{number}") < 5
    for number in range(3):
        remove(portal, "other", f"net{number}")


def test_a_libvirtd_that_was_stopped_heals_by_itself(portal: Portal, second_lab: Lab):
    second_lab.stop_libvirtd()
    wait_for(lambda: "lost is unreachable since" in trouble(portal), 10, "the page says so")
    add(portal, "lost", "meanwhile", "10.255.0.1/24")
    assert state(portal, "meanwhile") == "pending"
    add(portal, "other", "beside", "10.254.0.1/24")
    seconds_until_ready(portal, "beside")
    assert state(portal, "meanwhile") == "pending"
    second_lab.start_libvirtd()
    wait_for(lambda: state(portal, "meanwhile") == "ready" and "lost is" not in trouble(portal), 10, "healed in 10 s")
    assert "meanwhile" in second_lab.virsh("net-list", "--name")
    remove(portal, "other", "beside")


def test_a_libvirtd_that_freezes_heals_by_itself(portal: Portal, second_lab: Lab):
    second_lab.pause_libvirtd()
    wait_for(lambda: "lost is" in trouble(portal), 20, "the page says so")
    add(portal, "lost", "meanwhile", "10.255.0.1/24")
    add(portal, "other", "beside", "10.254.0.1/24")
    seconds_until_ready(portal, "beside")
    assert state(portal, "meanwhile") == "pending"
    second_lab.resume_libvirtd()
    wait_for(lambda: state(portal, "meanwhile") == "ready" and "lost is" not in trouble(portal), 10, "healed in 10 s")
    remove(portal, "other", "beside")
