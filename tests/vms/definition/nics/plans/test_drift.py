"""Changes outside the portal are drift, except those that wait for a boot."""

import pytest

from tests.vms.definition.nics.plans.planned_nics import CHANGES, LIMIT, defined, nic, running
from vms.definition.nics.fields import drift, own
from vms.definition.nics.steps import Verb


def test_the_slot_that_libvirt_chose_is_no_drift():
    assert own(running(nic(pci="0000:00:09.0")), None) == nic()


@pytest.mark.parametrize("field", CHANGES)
def test_a_change_outside_the_portal_is_drift_unless_it_only_waits_for_a_boot(field):
    wanted, verb = CHANGES[field]
    waits = verb is Verb.DEFINE
    assert [each.field for each in drift(wanted, running(nic()), True)] == ([] if waits else [field])
    assert [each.field for each in drift(wanted, defined(nic()), False)] == [field]


def test_a_change_that_waits_for_a_boot_by_choice_is_no_drift():
    assert drift(nic(mtu=9000), running(nic()), True, replug=False) == ()
    assert drift(nic(source="net2"), running(nic()), True, replug=False) != ()
    assert drift(nic("direct", "eth0"), running(nic()), True, replug=False) == ()


def test_an_inherited_value_is_no_drift():
    assert drift(nic(), running(nic(inbound=LIMIT, vlan=42, isolated=True, mtu=1400)), True) == ()
    assert drift(nic(mtu=1300), running(nic(mtu=1400)), True) != ()
