"""libvirt's test driver accepts the updates of a plan and ends with the desired definition."""

from dataclasses import replace

import libvirt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from networks.definition.document.compare import differences
from networks.definition.document.edit import build
from networks.definition.plans.plan import plan
from networks.definition.plans.steps import Command, Update, Verb
from tests.networks.definition.plans.plan_examples import LIVE, found, three_of, wanted
from tests.support.examples import examples
from tests.support.schemas import judge
from tests.support.specs import specs

pytestmark = pytest.mark.integration


def call_libvirt(network: libvirt.virNetwork, update: Update) -> None:
    commands = {Command.ADD: "ADD_LAST", Command.DELETE: "DELETE", Command.MODIFY: "MODIFY"}
    command = getattr(libvirt, f"VIR_NETWORK_UPDATE_COMMAND_{commands[update.command]}")
    section = getattr(libvirt, f"VIR_NETWORK_SECTION_{update.section.upper().replace('-', '_')}")
    flags = libvirt.VIR_NETWORK_UPDATE_AFFECT_LIVE if update.live else 0
    flags |= libvirt.VIR_NETWORK_UPDATE_AFFECT_CONFIG if update.stored else 0
    network.update(command, section, update.index, update.xml, flags)


def assert_libvirt_accepts_the_plan(desired: str, stored: str, active: bool) -> None:
    """Carry out the plan in libvirt's test driver, which has only one definition, and compare the result."""
    network = judge().networkDefineXML(stored)
    try:
        if active:
            network.create()
        document = network.XMLDesc()
        for step in plan(wanted(desired, active=active), found(document, active=active)):
            if step.verb is Verb.UPDATE:
                call_libvirt(network, step.update)
            elif step.verb is Verb.DEFINE:
                network = judge().networkDefineXML(step.xml)
            elif step.verb is Verb.RESTART:
                network.destroy()
                network.create()
        left = differences(desired, network.XMLDesc())
        assert [str(one) for one in left if str(one.field) != "dnsmasq option"] == []
    finally:
        if network.isActive():
            network.destroy()
        network.undefine()


@pytest.mark.parametrize("what", LIVE)
def test_libvirt_accepts_each_example_update(what):
    desired, stored, _ = LIVE[what]
    assert_libvirt_accepts_the_plan(wanted(desired).document, wanted(stored).document, active=True)


@settings(max_examples=examples(60), deadline=None)
@given(specs(described=False).flatmap(three_of), st.booleans())
def test_libvirt_accepts_generated_updates(three, active):
    desired, stored, _ = (build(replace(spec, name="net1", dnsmasq_options=())) for spec in three)
    assert_libvirt_accepts_the_plan(desired, stored, active)
