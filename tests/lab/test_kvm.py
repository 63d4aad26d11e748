"""KVM is proved by a guest that really runs: what is offered but does not work is not used, and no probe is left."""

import signal
import subprocess
import sys
from collections.abc import Iterator

import libvirt
import pytest
from lab import Lab

from tests.support.portal import ROOT, Portal
from tests.support.waiting import wait_for
from virterweb.hypervisors.gateway import temporary
from virterweb.hypervisors.gateway.connection import Connection

pytestmark = pytest.mark.lab

STATUS = "[(each.kvm, str(each.kvm_problem)) for each in HypervisorStatus.objects.all()][0]"


@pytest.fixture
def broken_kvm(second_lab: Lab) -> Iterator[Lab]:
    """A lab whose libvirt offers KVM that does not work: its device was replaced after libvirt had read it."""
    host = libvirt.open(second_lab.uri)
    if "<domain type='kvm'" not in host.getCapabilities():
        host.close()
        pytest.skip("this machine offers no KVM that could be broken")
    host.close()
    second_lab.run("mount", "--bind", "/dev/null", "/dev/kvm")
    yield second_lab


def test_a_vm_gets_kvm_only_where_a_guest_ran_with_it(portal: Portal, host: libvirt.virConnect):
    portal.manage("vm", "run", "tiny", "--id", "60", "--memory", "128M")
    document = host.lookupByName("tiny-60").XMLDesc()
    works, problem = portal.ask(STATUS)
    assert ("<domain type='kvm'" in document) == works
    assert bool(problem) != works
    assert {domain.name() for domain in host.listAllDomains()} == {"tiny-60"}
    portal.manage("vm", "rm", "tiny-60")
    assert portal.ask("list(VM.objects.values_list('name', flat=True))") == []


def test_kvm_that_is_offered_but_does_not_work_is_named(broken_kvm: Lab):
    connection = Connection(0, broken_kvm.uri)
    assert connection.host.kvm_problem().code == "kvm.no_start"
    assert connection.domains.all() == []
    connection.close()


def test_a_worker_that_is_killed_while_it_tries_leaves_no_guest(lab: Lab, host: libvirt.virConnect):
    document = temporary.probe_document().replace("'kvm'", "'qemu'").replace("'host-model'", "'maximum'")
    lasting = document.replace("<bios rebootTimeout='0'/>", "")
    code = (
        f"import libvirt, time; c = libvirt.open({lab.uri!r}); "
        f"d = c.createXML({lasting!r}, libvirt.VIR_DOMAIN_START_AUTODESTROY); "
        "print('runs', flush=True); time.sleep(600)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "runs\n"
    assert [domain.name().startswith(temporary.PROBE) for domain in host.listAllDomains()] == [True]
    process.send_signal(signal.SIGKILL)
    process.wait()
    wait_for(lambda: not host.listAllDomains(), 10, "libvirt destroys it")
