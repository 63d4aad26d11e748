"""Generated NICs are built, read back, and edited into each other."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from tests.support.examples import examples
from tests.support.schemas import assert_valid
from tests.vms.definition.nics.generated_nics import specs
from tests.vms.definition.nics.nic_documents import FILES, assert_libvirt_reads_the_same, domain, found, read
from vms.definition.nics.edit import build, edit, for_update
from vms.definition.nics.parse import parse
from vms.definition.nics.spec import NICSpec


@settings(max_examples=examples(150), deadline=None)
@given(specs())
def test_a_built_nic_is_read_back_and_valid(spec):
    document = build(spec)
    assert parse(etree.fromstring(document)).spec == spec
    assert_valid("domain", domain(document))


@settings(max_examples=examples(60), deadline=None)
@given(specs())
def test_libvirt_reads_any_nic_with_the_same_meaning(spec):
    assert_libvirt_reads_the_same(spec)


def with_kept_values(before: NICSpec, after: NICSpec) -> NICSpec:
    """Return `after` with the values of `before` where it leaves the choice to libvirt."""
    mode = after.mode or (before.mode if after.kind == "direct" else "")
    return replace(after, model=after.model or before.model, mode=mode, pci=after.pci or before.pci)


@settings(max_examples=examples(150), deadline=None)
@given(specs(), specs())
def test_any_nic_can_be_edited_into_any_other(before, after):
    edited = edit(build(before), after)
    assert parse(etree.fromstring(edited)).spec == with_kept_values(before, after)
    assert edit(edited, after) == edited
    assert_valid("domain", domain(edited))


@settings(max_examples=examples(100), deadline=None)
@given(st.sampled_from(FILES), specs())
def test_any_found_nic_can_be_edited_into_any_other(name, after):
    for write in (edit, for_update):
        edited = write(read(name), after)
        assert parse(etree.fromstring(edited)).spec == with_kept_values(found(name).spec, after)
        assert_valid("domain", domain(edited))
