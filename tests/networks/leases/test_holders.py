"""A lease begins and another ends when the holder of an address changes."""

from datetime import timedelta

import pytest

from networks.addresses.query import Question
from networks.models import Lease
from tests.networks.leases.polled_leases import HOUR, IP, MAC, OTHER_MAC, START, Clock, found, spans
from tests.support.making import make_running, make_vm

pytestmark = pytest.mark.usefixtures("clock")


def test_another_mac_at_the_address_ends_one_lease_and_begins_another(look):
    look(found())
    seen = Clock.at
    look(found(mac=OTHER_MAC))
    assert spans() == [(MAC, seen, seen), (OTHER_MAC, Clock.at, None)]


def test_a_mac_with_another_host_name_is_another_holder(look):
    look(found(hostname="alma"))
    seen = Clock.at
    look(found(hostname="debian"))
    assert list(Lease.objects.values_list("hostname", flat=True)) == ["alma", "debian"]
    assert spans() == [(MAC, seen, seen), (MAC, Clock.at, None)]


def test_a_mac_with_another_vm_is_another_holder(lab, look):
    """An ID's MAC goes from one VM to the next, here even with the host name of an image that knows no other."""
    vm = make_vm(lab, "alma-8-8")
    make_running(vm, ("default", MAC, "vnet0"))
    look(found(hostname="localhost"))
    vm.delete()
    make_running(make_vm(lab, "debian-12-8"), ("default", MAC, "vnet0"))
    look(found(hostname="localhost", expires=START + 2 * HOUR))
    assert list(Lease.objects.values_list("vm", flat=True)) == ["alma-8-8", "debian-12-8"]
    assert Lease.objects.current().get().vm == "debian-12-8"


def test_names_that_were_not_known_yet_are_filled_in(lab, look):
    first = look(found(hostname=""))[0]
    assert (first.hostname, first.vm) == ("", "")
    make_running(make_vm(lab), ("default", MAC, "vnet0"))
    (lease,) = look(found(hostname="alma", expires=START + 2 * HOUR))
    assert (lease.pk, lease.hostname, lease.vm) == (first.pk, "alma", "alma-8-8")
    assert Lease.objects.get(Question(text="alma-8-8").leases()) == lease  # by which it is found now


def test_names_that_are_known_no_longer_stay(lab, look):
    vm = make_vm(lab)
    make_running(vm, ("default", MAC, "vnet0"))
    first = look(found())[0]
    vm.delete()
    (lease,) = look(found(hostname="", expires=START + 2 * HOUR))
    assert (lease.pk, lease.hostname, lease.vm) == (first.pk, "alma", "alma-8-8")
    assert Lease.objects.count() == 1


def test_a_lease_that_comes_back_is_a_new_one(look):
    look(found())
    look()
    look(found())
    assert [last for _, _, last in spans()] == [START + timedelta(seconds=10), None]


def test_one_mac_may_hold_several_addresses(look):
    assert {lease.ip for lease in look(found(), found("fd00::207"))} == {IP, "fd00::207"}
    assert [lease.ip for lease in look(found("fd00::207"))] == ["fd00::207"]


def test_a_lease_that_is_listed_twice_is_one(look):
    assert len(look(found(), found())) == 1
    assert len(look(found(), found(), found(hostname="debian"))) == 1
