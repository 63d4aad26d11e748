"""A real guest ends: it is shut down, and later it and its volumes are deleted, but not its definition."""

from collections.abc import Iterator

import libvirt
import pytest

from tests.lab.state import things
from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab

VM = "VM.objects.filter(name='tiny-29')"
IMPORTS = """\
from datetime import timedelta
from django.utils import timezone
from virterweb.activity.models import Entry
from virterweb.people.ends import chore
from virterweb.people.models import LastDefinition
"""


@pytest.fixture
def vm(portal: Portal, host: libvirt.virConnect) -> Iterator[libvirt.virDomain]:
    """Run a VM whose end comes in a moment; afterwards nothing of it is left."""
    before = things(host)
    portal.manage("vm", "run", "tiny", "--id", "29", "--memory", "128M")
    # The guest reacts to a request to shut down once it has booted.
    wait_for(lambda: portal.table("/networks/lab/default/attached/")[0].get("IP"), 90, "the guest has booted")
    yield host.lookupByName("tiny-29")
    portal.manage("vm", "rm", "tiny-29")
    assert things(host) == before


def ask(portal: Portal, expression: str) -> object:
    return portal.ask(expression, IMPORTS)


def at_its_end(portal: Portal) -> None:
    """Let the end of the VM come, and wait until a worker has shut it down."""
    ask(portal, f"{VM}.update(ends_at=timezone.now())")
    ask(portal, "chore.run()")
    wait_for(lambda: ask(portal, f"{VM}.get().status.power") == "off", 120, "the guest is shut down")


def test_a_guest_is_shut_down_and_later_deleted_with_its_volumes(portal: Portal, vm, host: libvirt.virConnect):
    volumes = [name for name in pool(host) if "tiny-29" in name]
    assert len(volumes) == 3
    at_its_end(portal)
    assert not vm.isActive()
    assert ask(portal, f"{VM}.get().revisions.first().event") == "ended"
    ask(portal, "chore.run()")
    assert vm.name() == "tiny-29"  # it is kept for the grace period
    ask(portal, f"{VM}.update(ended_at=timezone.now() - timedelta(days=7))")
    ask(portal, "chore.run()")
    wait_for(lambda: not ask(portal, f"{VM}.exists()"), 60, "the VM is deleted")
    assert "tiny-29" not in [domain.name() for domain in host.listAllDomains()]
    assert [name for name in pool(host) if "tiny-29" in name] == []
    assert "<name>tiny-29</name>" in ask(portal, "LastDefinition.objects.get().values['document']")
    key, result = ask(portal, "Entry.objects.filter(event='deleted at end').values_list('pk', 'result').get()")
    assert result == "done"
    assert "tiny-29" in portal.get(f"/activity/{key}/definition/").text_content()


def test_a_guest_that_is_extended_in_the_grace_period_is_started_again(portal: Portal, vm):
    at_its_end(portal)
    assert "Extend it before you start it" in portal.manage("vm", "start", "tiny-29", fails=True)
    portal.post("/vms/lab/tiny-29/extend/", "/vms/lab/tiny-29/")
    portal.manage("vm", "start", "tiny-29")
    assert vm.isActive()
    ask(portal, "chore.run()")
    assert ask(portal, f"{VM}.values_list('ended_at', 'running', 'removed_at').get()") == [None, True, None]


def test_a_guest_that_was_started_with_virsh_is_shut_down_again_and_not_deleted(portal: Portal, vm):
    at_its_end(portal)
    vm.create()
    wait_for(lambda: ask(portal, f"{VM}.get().status.power") == "running", 30, "the portal sees it")
    ask(portal, f"{VM}.update(ended_at=timezone.now() - timedelta(days=7))")
    ask(portal, "chore.run()")
    wait_for(lambda: not vm.isActive(), 150, "the guest is shut down again")
    assert ask(portal, f"{VM}.get().removed_at") is None
    assert ask(portal, f"{VM}.get().ended_at > timezone.now() - timedelta(minutes=5)")


def pool(host: libvirt.virConnect) -> list[str]:
    pool = host.storagePoolLookupByName("default")
    pool.refresh()
    return pool.listVolumes()
