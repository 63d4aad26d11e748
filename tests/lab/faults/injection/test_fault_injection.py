"""Services are killed and paused at random while changes are made: nothing is lost, duplicated or incomplete.

`FAULT_SECONDS` is the time in which faults begin, `FAULT_SEED` the seed of the faults and the changes.
"""

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import libvirt
import pytest
from lab import Lab

from tests.lab.state import remove_leftovers, things
from tests.support.waiting import wait_for

from .browser import Browser
from .changes import NetworkWriter, VMWriter, Writer
from .faults import FaultInjector, schedule
from .model import Model, saved
from .services import Services
from .verification import HISTORIES, UNSETTLED, check_host, compare

pytestmark = pytest.mark.lab

SECONDS = float(os.environ.get("FAULT_SECONDS", "45"))
SEED = int(os.environ.get("FAULT_SEED", "1"))
SETTLED_AFTER = 10  # seconds after the last fault


@pytest.fixture
def services(lab: Lab, tmp_path: Path) -> Iterator[Services]:
    services = Services(lab, tmp_path)
    try:
        portal = services.portal
        portal.log_in()
        wait_for(lambda: portal.ask("Image.objects.count()"), 60, "the first poll")
        portal.ask("Hypervisor.objects.update(domain_type='qemu')")  # so that no worker tests KVM with a guest
        portal.manage("network", "add", "kept", "-n", "10.99.0.1/24")
        yield services
        portal.ask("[vm.remove() for vm in VM.objects.filter(managed=True)]")
        wait_for(lambda: not portal.ask("VM.objects.filter(managed=True).count()"), 60, "VMs are deleted")
        portal.ask("[network.remove() for network in Network.objects.filter(managed=True)]")
        wait_for(lambda: not portal.ask("Network.objects.filter(managed=True).count()"), 60, "networks are deleted")
    finally:
        services.stop()


def make_changes(writer: Writer, stop: threading.Event, problems: list[BaseException]) -> None:
    """Make changes until the event is set."""
    try:
        while not stop.is_set():
            writer.change()
            stop.wait(writer.draw.uniform(0, 0.5))
    except BaseException as problem:
        problems.append(problem)


def run_with_faults(injector: FaultInjector, writers: list[Writer]) -> None:
    """Inject all faults while each writer makes changes in a thread; raise what a writer raised."""
    stop, problems = threading.Event(), []
    threads = [threading.Thread(target=make_changes, args=(writer, stop, problems)) for writer in writers]
    for thread in threads:
        thread.start()
    injector.run(stopped=lambda: bool(problems))
    stop.set()
    for thread in threads:
        thread.join()
    for problem in problems:
        raise problem


def seconds_to_settle(services: Services, model: Model, injector: FaultInjector) -> float:
    """Wait until all changes are carried out; return the seconds since the last fault ended."""
    last_change, seen = time.monotonic(), []

    def is_settled() -> bool:
        found = services.ask(UNSETTLED)
        if found != seen:
            print(f"{time.monotonic() - injector.ended_at:.1f} s after the last fault, unsettled:", found)
            seen[:] = found
        return not found

    try:
        wait_for(is_settled, 60, "everything is settled")
    finally:
        print("starts that libvirt would have waited for:", services.forgotten)
        print("accepted", model.accepted, "refused", model.refused, "unknown", Counter(model.unknown))
        print("faults", dict(injector.begun))
    settled = time.monotonic()
    seconds = settled - injector.ended_at
    print(f"settled {seconds:.1f} s after the last fault, {settled - last_change:.1f} s after the last change")
    return seconds


def check_libvirt(model: Model, lab: Lab, before: dict[str, list[str]]) -> set[str]:
    """Compare libvirt with the model, and remove and return the bridges that a killed libvirt has left behind."""
    with libvirt.open(lab.uri) as host:
        compare(model, host, before)
        left = check_host(lab, host)
        print("bridges that libvirt has left behind:", sorted(left))
        remove_leftovers(lab, host)
    return left


def test_nothing_is_lost_duplicated_or_incomplete_while_services_are_killed_and_paused(services: Services, lab: Lab):
    with libvirt.open(lab.uri) as host:
        before = things(host)
    portal, draw = services.portal, random.Random(SEED)
    injector = FaultInjector(schedule(services.services, SEED, SECONDS))

    def find() -> dict:
        wait_for(lambda: injector.without_fault(["web", "PostgreSQL"], 1.0), SECONDS + 60, "web and database run")
        found = saved(services.ask)
        return {name: thing for name, thing in found.items() if name != "kept"}

    model = Model(things={}, find=find)
    common = {"portal": portal, "model": model, "hypervisor": portal.ask("Hypervisor.objects.get().pk")}
    common["is_settled"] = lambda name: services.ask(f"VM.objects.get(name='{name}').state") == "ready"
    writers = [
        kind(**common, browser=Browser(portal), draw=random.Random(draw.random())) for kind in (NetworkWriter, VMWriter)
    ]
    run_with_faults(injector, writers)
    seconds = seconds_to_settle(services, model, injector)
    assert find() == model.things
    left = check_libvirt(model, lab, before)
    assert len(left) <= injector.begun["libvirtd", "kill"]
    histories = services.ask(HISTORIES)
    assert not [each for each in histories if each[3] != "done"], "each entry of a history has its result"
    assert seconds < SETTLED_AFTER
