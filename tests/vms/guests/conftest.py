"""A running VM whose guest answers through its agent."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.support.asking import asked_instead
from tests.support.making import make_foreign_network, make_hypervisor, make_running, make_vm
from tests.vms.guests.reporting_guests import MAC, PLAIN, WITHOUT_DHCP, Guests, domain
from vms.guests import report as guest_report
from vms.models import VM, GuestReport, VMStatus


@pytest.fixture
def guests(monkeypatch) -> Guests:
    return asked_instead(monkeypatch, Guests())


@pytest.fixture
def vm(db, enqueued) -> VM:
    """Return a VM that has run for some time with a NIC on a network with DHCP, and one on a network without."""
    hypervisor = make_hypervisor()
    make_foreign_network(hypervisor)
    make_foreign_network(hypervisor, WITHOUT_DHCP)
    vm = make_vm(hypervisor)
    vm.nics.create(position=1, source="plain", mac=PLAIN)
    make_running(vm, ("default", MAC, "vnet0"), ("plain", PLAIN, "vnet1"))
    VMStatus.objects.update(document=domain(MAC, PLAIN))
    vm.refresh_from_db()
    guest_report.note(vm.status, vm.status.document)
    GuestReport.objects.update(since=timezone.now() - timedelta(hours=1))
    return vm
