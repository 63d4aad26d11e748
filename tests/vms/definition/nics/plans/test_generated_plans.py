"""Plans for generated NICs leave no difference, and their documents are valid."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from tests.support.examples import examples
from tests.support.schemas import assert_valid
from tests.vms.definition.nics.generated_nics import specs
from tests.vms.definition.nics.nic_documents import domain
from tests.vms.definition.nics.plans.planned_nics import MAC, defined, running
from vms.definition.nics.fields import FIELDS, How, fields_changed
from vms.definition.nics.parse import parse
from vms.definition.nics.plan import plan
from vms.definition.nics.spec import FoundNIC, NICSpec
from vms.definition.nics.steps import NICPlan


def one_mac(spec: NICSpec) -> NICSpec:
    return replace(spec, mac=MAC)


somewhere = specs().map(one_mac)


def carried_out(found: NICPlan, live: FoundNIC, stored: FoundNIC | None) -> tuple[FoundNIC, FoundNIC | None]:
    """Return what libvirt has after all calls. It adds the elements of the host, and an alias if there is none."""
    for step in found.steps:
        if step.live:
            live = running(parse(etree.fromstring(step.calls[-1])).spec)
        if step.stored:
            stored = parse(etree.fromstring(step.definition))
    return live, stored


@settings(max_examples=examples(150), deadline=None)
@given(somewhere, somewhere, st.none() | somewhere, st.booleans())
def test_a_plan_that_was_carried_out_leaves_only_changes_that_wait(wanted, live, stored, replug):
    before = running(live), stored and defined(stored)
    first = plan(wanted, *before, True, replug=replug)
    after = carried_out(first, *before)
    again = plan(wanted, *after, True, replug=replug)
    assert again.steps == ()
    late = {How.NEXT_BOOT} if replug else {How.NEXT_BOOT, How.REPLUG}
    assert {FIELDS[each.field] for each in again.waiting if each.field != "source"} <= late
    assert fields_changed(wanted, after[1]) == ()


@settings(max_examples=examples(100), deadline=None)
@given(somewhere, somewhere, st.none() | somewhere)
def test_every_document_of_a_plan_is_valid_for_libvirt(wanted, live, stored):
    for step in plan(wanted, running(live), stored and defined(stored), True).steps:
        for document in filter(None, (*step.calls, step.undo, step.definition)):
            assert_valid("domain", domain(document))
            assert parse(etree.fromstring(document)).mac == MAC
