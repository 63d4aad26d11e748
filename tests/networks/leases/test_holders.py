"""A lease begins and another ends when the holder of an address changes."""

from datetime import timedelta

import pytest

from networks.addresses.query import Question
from networks.models import Lease
from tests.networks.leases.polled_leases import HOUR, IP, MAC, OTHER_MAC, START, Clock, found, spans
from tests.support.making import make_running, make_vm

pytestmark = pytest.mark.usefixtures("clock")


def test_another_mac_at_an_address_ends_the_lease_and_begins_a_new_one(record):
    record(found())
    seen = Clock.at
    record(found(mac=OTHER_MAC))
    assert spans() == [(MAC, seen, seen), (OTHER_MAC, Clock.at, None)]


def test_a_mac_with_another_host_name_is_another_holder(record):
    record(found(hostname="alma"))
    seen = Clock.at
    record(found(hostname="debian"))
    assert list(Lease.objects.values_list("hostname", flat=True)) == ["alma", "debian"]
    assert spans() == [(MAC, seen, seen), (MAC, Clock.at, None)]


def test_a_mac_with_another_vm_is_another_holder(lab, record):
    """The MAC of an ID passes from one VM to the next, here with the same host name of the image."""
    vm = make_vm(lab, "alma-8-8")
    make_running(vm, ("default", MAC, "vnet0"))
    record(found(hostname="localhost"))
    vm.delete()
    make_running(make_vm(lab, "debian-12-8"), ("default", MAC, "vnet0"))
    record(found(hostname="localhost", expires=START + 2 * HOUR))
    assert list(Lease.objects.values_list("vm", flat=True)) == ["alma-8-8", "debian-12-8"]
    assert Lease.objects.current().get().vm == "debian-12-8"


def test_names_that_become_known_are_filled_in(lab, record):
    first = record(found(hostname=""))[0]
    assert (first.hostname, first.vm) == ("", "")
    make_running(make_vm(lab), ("default", MAC, "vnet0"))
    (lease,) = record(found(hostname="alma", expires=START + 2 * HOUR))
    assert (lease.pk, lease.hostname, lease.vm) == (first.pk, "alma", "alma-8-8")
    assert Lease.objects.get(Question(text="alma-8-8").leases()) == lease  # by which it is found now


def test_names_that_are_no_longer_known_are_kept(lab, record):
    vm = make_vm(lab)
    make_running(vm, ("default", MAC, "vnet0"))
    first = record(found())[0]
    vm.delete()
    (lease,) = record(found(hostname="", expires=START + 2 * HOUR))
    assert (lease.pk, lease.hostname, lease.vm) == (first.pk, "alma", "alma-8-8")
    assert Lease.objects.count() == 1


def test_a_lease_that_comes_back_is_a_new_one(record):
    record(found())
    record()
    record(found())
    assert [last for _, _, last in spans()] == [START + timedelta(seconds=10), None]


def test_a_mac_can_have_several_addresses(record):
    assert {lease.ip for lease in record(found(), found("fd00::207"))} == {IP, "fd00::207"}
    assert [lease.ip for lease in record(found("fd00::207"))] == ["fd00::207"]


def test_a_lease_that_is_listed_twice_is_one(record):
    assert len(record(found(), found())) == 1
    assert len(record(found(), found(), found(hostname="debian"))) == 1
