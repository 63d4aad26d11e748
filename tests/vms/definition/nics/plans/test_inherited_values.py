"""Values that a NIC inherits from its network are no difference."""

from dataclasses import replace

import pytest
from lxml import etree

from networks.definition.spec import NetworkSpec, PortGroupSpec
from tests.vms.definition.nics.plans.planned_nics import LIMIT, defined, in_short, nic, only, running
from vms.definition.nics.fields import own
from vms.definition.nics.parse import parse
from vms.definition.nics.plan import plan
from vms.definition.nics.steps import NICPlan, Verb

INHERITED = nic(inbound=LIMIT, vlan=42, isolated=True)


def test_values_inherited_from_the_network_are_no_difference():
    assert plan(nic(), running(INHERITED), defined(nic()), True) == NICPlan()
    assert plan(nic(), running(INHERITED), None, True).steps[0].verb is Verb.ATTACH
    step = only(plan(nic(source="net2"), running(INHERITED), defined(nic()), True))
    assert step.verb is Verb.UPDATE
    for call in (*step.calls, step.undo):
        spec = parse(etree.fromstring(call)).spec
        assert (spec.inbound, spec.vlan, spec.isolated) == (None, None, False)


def test_values_of_the_nic_itself_are_removed():
    assert only(plan(nic(), running(INHERITED), defined(INHERITED), True)).verb is Verb.REPLUG
    assert only(plan(nic(vlan=42), running(INHERITED), defined(INHERITED), True)).verb is Verb.UPDATE
    on_bridge = replace(INHERITED, kind="bridge", source="br0")
    assert in_short(plan(nic("bridge", "br0"), running(on_bridge), defined(nic("bridge", "br0")), True)) == [
        (Verb.REPLUG, True, False)
    ]


def test_a_value_that_the_guest_already_inherits_is_only_defined():
    assert in_short(plan(INHERITED, running(INHERITED), defined(nic()), True)) == [(Verb.DEFINE, False, True)]


NETWORK = NetworkSpec(
    name="net1",
    isolated_ports=True,
    mtu=1400,
    port_groups=(
        PortGroupSpec(name="red", tags=(42,), inbound=LIMIT),
        PortGroupSpec(name="plain", default=True, outbound=LIMIT),
    ),
)


@pytest.mark.parametrize(
    "has, own_ones",
    [
        (nic(isolated=True, mtu=1400, outbound=LIMIT), nic()),
        (nic(port_group="red", vlan=42, inbound=LIMIT), nic(port_group="red")),
        (nic(port_group="red", vlan=43, inbound=LIMIT, mtu=1300), nic(port_group="red", vlan=43, mtu=1300)),
        (nic(port_group="blue", inbound=LIMIT), nic(port_group="blue", inbound=LIMIT)),
        (nic(filter="clean-traffic", boot_order=2), nic(filter="clean-traffic", boot_order=2)),
    ],
)
def test_inherited_values_are_not_read_as_the_nics_own(has, own_ones):
    assert own(running(has), NETWORK) == own_ones
