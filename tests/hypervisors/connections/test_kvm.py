"""KVM is tried once after each boot of a hypervisor's host, and the result is shown."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import libvirt
import pytest
from django.urls import reverse
from django.utils import timezone

from tests.support.making import make_hypervisor
from virterweb.hypervisors.connections import kvm
from virterweb.hypervisors.connections.pool import connected, disconnect
from virterweb.hypervisors.gateway import temporary
from virterweb.hypervisors.gateway.found import Refused
from virterweb.hypervisors.models import Hypervisor, HypervisorStatus
from virterweb.hypervisors.sync import observe
from virterweb.messages import Message
from vms.models import VM

EMPTY = """<node><cpu><mhz>1000</mhz><model>i686</model><active>1</active><nodes>1</nodes><sockets>1</sockets>
<cores>1</cores><threads>1</threads></cpu><memory>1000000</memory></node>"""
UUID = "0b0b0b0b-0000-4000-8000-000000000001"
GUEST = f"""<domain type='test'><name>guest</name><uuid>{UUID}</uuid><memory>1024</memory><os><type>hvm</type></os>
</domain>"""
WORKS, SLOW = Message(), Message("kvm.slow")
MSR = (
    "internal error: qemu unexpectedly closed the monitor: error: failed to set MSR 0x48f to 0x7fefff00036dfb\n"
    "qemu-system-x86_64: ../../target/i386/kvm/kvm.c:3269: kvm_buf_set_msrs: Assertion `ret == cpu->n' failed."
)


@dataclass
class Machine:
    """A hypervisor's host as the proof sees it: how long it is up, and what a guest with KVM would come to."""

    problem: Message = WORKS
    up: float | None = 1000.0
    tried: int = 0

    def uptime(self) -> float | None:
        return self.up

    def kvm_problem(self) -> Message:
        self.tried += 1
        return self.problem

    @property
    def connection(self) -> SimpleNamespace:
        return SimpleNamespace(host=self)


@pytest.fixture
def here(db, tmp_path: Path, enqueued) -> Iterator[Hypervisor]:
    """A hypervisor of libvirt's test driver, with nothing in it."""
    path = tmp_path / "host.xml"
    path.write_text(EMPTY)
    yield make_hypervisor(uri=f"test://{path}")
    disconnect()


@pytest.mark.parametrize(
    ("chosen", "problem", "gets"), [("auto", WORKS, "kvm"), ("auto", SLOW, "qemu"), ("kvm", SLOW, "kvm")]
)
def test_new_vms_get_what_was_proved_or_set(db, chosen, problem, gets):
    machine = Machine(problem)
    assert kvm.domain_type(make_hypervisor(domain_type=chosen), machine.connection) == gets
    assert machine.tried == (chosen == "auto")


@pytest.mark.parametrize("up", [1000.0, None])
def test_kvm_is_tried_once_for_all_processes(db, up):
    hypervisor, machine = make_hypervisor(), Machine(SLOW, up)
    for _ in range(3):
        assert kvm.domain_type(Hypervisor.objects.get(pk=hypervisor.pk), machine.connection) == "qemu"
    assert machine.tried == 1


def test_kvm_is_tried_again_after_a_boot_of_the_host(db):
    hypervisor, machine = make_hypervisor(), Machine(SLOW)
    assert kvm.domain_type(hypervisor, machine.connection) == "qemu"
    earlier = timezone.now() - timedelta(hours=1)
    HypervisorStatus.objects.filter(hypervisor=hypervisor).update(kvm_tried_at=earlier)
    machine.problem = WORKS
    assert kvm.domain_type(hypervisor, machine.connection) == "kvm"  # it is up for 1000 s
    status = HypervisorStatus.objects.get(hypervisor=hypervisor)
    assert (status.kvm, status.kvm_problem, status.acceleration) == (True, WORKS, "KVM")
    assert machine.tried == 2


def test_a_hypervisor_that_offers_no_kvm_emulates_and_the_pages_say_so(admin_client, here):
    HypervisorStatus.objects.filter(hypervisor=here).update(version="libvirt 1.2.3")
    assert "KVM is tried when the first VM starts" in admin_client.get(reverse("portal:overview")).content.decode()
    with connected(here.pk, here.uri) as connection:
        assert kvm.domain_type(here, connection) == "qemu"
    for page in (reverse("portal:overview"), reverse("admin:hypervisors_hypervisor_changelist")):
        assert "emulation: libvirt does not offer KVM" in admin_client.get(page).content.decode()


def test_a_guest_that_dies_for_kvm_names_the_cause_and_the_setting(here, monkeypatch):
    def die(domain: libvirt.virDomain) -> None:
        raise libvirt.libvirtError(MSR)

    monkeypatch.setattr(libvirt.virDomain, "create", die)
    with connected(here.pk, here.uri) as connection:
        connection.domains.define(GUEST, "guest")
        with pytest.raises(Refused) as refused:
            connection.power.start(UUID, "guest")
    assert str(refused.value) == (
        "Could not start guest: KVM does not work on the host (failed to set MSR 0x48f); set the hypervisor’s domain "
        "type to qemu, which emulates, or to auto, which tries KVM before VMs get it"
    )
    assert refused.value.detail == MSR


def test_a_probe_that_runs_is_no_vm(here):
    with connected(here.pk, here.uri) as connection:
        document = temporary.probe_document().replace("'kvm'", "'test'").replace("<cpu mode='host-model'/>", "")
        connection.domains.define(document, "probe")
        assert connection.domains.all() == []
    observe(here.pk)
    assert not VM.objects.exists()


def test_each_probe_has_a_name_of_its_own():
    assert temporary.probe_document() != temporary.probe_document()
