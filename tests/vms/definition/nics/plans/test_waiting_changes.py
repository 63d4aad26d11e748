"""Changes that wait for the next boot."""

from lxml import etree

from tests.vms.definition.nics.plans.planned_nics import MAC, PCI, change, defined, in_short, nic, only, running
from vms.definition.nics.parse import parse
from vms.definition.nics.plan import plan
from vms.definition.nics.steps import Verb


def test_a_replug_attaches_the_defined_nic_in_the_same_slot():
    live = running(nic(pci="0000:00:05.0"))
    stored = defined(nic(pci="0000:00:06.0"), "<coalesce><rx><frames max='7'/></rx></coalesce>")
    step = only(plan(nic(model="e1000e"), live, stored, True))
    detached, attached = step.calls
    assert detached == f'<interface type="network"><mac address="{MAC}"/><source network="net1"/></interface>'
    assert parse(etree.fromstring(attached)).spec == nic(model="e1000e", pci="0000:00:05.0")
    assert etree.fromstring(attached).find("coalesce/rx/frames").get("max") == "7"
    assert parse(etree.fromstring(step.definition)).spec.pci == "0000:00:06.0"
    undone = etree.fromstring(step.undo)
    assert (parse(undone).spec, undone.find("target")) == (live.spec, None)


def test_a_field_that_waits_for_the_next_boot_is_not_part_of_the_live_change():
    wanted = nic(model="e1000e", boot_order=2, alias="ua-first", pci="0000:00:09.0")
    found = change(wanted)
    assert in_short(found) == [(Verb.REPLUG, True, False), (Verb.DEFINE, False, True)]
    replug, define = found.steps
    assert parse(etree.fromstring(replug.calls[1])).spec == nic(model="e1000e", pci=PCI)
    assert parse(etree.fromstring(define.definition)).spec == wanted
    assert [each.field for each in replug.fields] == ["model"]
    assert [each.field for each in define.fields] == ["model", "boot_order", "alias", "pci"]
    assert [each.field for each in found.waiting] == ["boot_order", "alias", "pci"]


def test_fields_that_can_change_live_do_even_if_others_wait():
    found = change(nic(source="net2", mtu=9000), replug=False)
    assert in_short(found) == [(Verb.UPDATE, True, False), (Verb.DEFINE, False, True)]
    assert parse(etree.fromstring(found.steps[0].calls[-1])).spec == nic(source="net2", pci=PCI)


def test_a_move_that_waits_changes_no_part_of_the_source_live():
    found = change(nic("direct", "eth0", mode="vepa", link_up=False), replug=False)
    update, define = found.steps
    assert parse(etree.fromstring(update.calls[0])).spec == nic(link_up=False, pci=PCI)
    assert parse(etree.fromstring(define.definition)).spec == nic("direct", "eth0", mode="vepa", link_up=False, pci=PCI)
