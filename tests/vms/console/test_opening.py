"""Why a console has ended: its VM is off, or another program has it."""

import asyncio
import threading
import uuid

import libvirt
import pytest

from tests.support.making import make_hypervisor, make_vm
from vms.console import opening
from vms.models import VM

pytestmark = pytest.mark.integration


@pytest.fixture
def domain():
    connection = libvirt.open("test:///default")  # one for the whole process: the portal's sees the same domains
    domain = connection.lookupByName("test")
    yield domain
    if not domain.isActive():
        domain.create()


@pytest.fixture
def vm(db, domain) -> VM:
    return make_vm(make_hypervisor(), domain.name(), None, uuid=uuid.UUID(domain.UUIDString()))


def code(vm: VM) -> str:
    return asyncio.run(opening.why_ended(vm)).message.code


def test_a_console_that_closes_while_its_vm_stops_is_not_said_to_be_taken(vm, domain):
    stopping = threading.Timer(3 * opening.STOPPING_CHECK, domain.destroy)
    stopping.start()
    assert code(vm) == "consoles.off"
    stopping.join()


def test_a_console_that_closes_while_its_vm_runs_is_said_to_be_taken(vm, domain, monkeypatch):
    monkeypatch.setattr(opening, "STOPPING", 0.2)
    assert domain.isActive()
    assert code(vm) == "consoles.taken"
