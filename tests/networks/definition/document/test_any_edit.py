"""Generated networks are built, read back, and edited into each other."""

from dataclasses import replace

from hypothesis import given, settings

from networks.definition.document.compare import differences
from networks.definition.document.edit import build, edit
from networks.definition.document.parse import parse
from networks.definition.spec import NetworkSpec
from tests.networks.definition.document.edited_documents import assert_libvirt_agrees
from tests.support.examples import examples
from tests.support.schemas import network_as_libvirt_prints_it
from tests.support.specs import OWN_BRIDGE, in_order, specs


@settings(max_examples=examples(60), deadline=None)
@given(specs(described=False))
def test_a_generated_network_is_built_and_read_back_and_libvirt_accepts_it(spec):
    document = build(spec)
    assert parse(document) == spec
    assert_libvirt_agrees(document)


@settings(max_examples=examples(30), deadline=None)
@given(specs())
def test_titles_and_descriptions_are_read_back(spec):
    assert parse(build(spec)) == spec


def with_kept_bridge(before: NetworkSpec, after: NetworkSpec) -> NetworkSpec:
    """Return `after` with the bridge that an edit keeps where no bridge is given."""
    modes = {before.forward_mode, after.forward_mode}
    kept = before.bridge if len(modes) == 1 or modes <= set(OWN_BRIDGE) else ""
    return replace(after, bridge=after.bridge or kept)


@settings(max_examples=examples(60), deadline=None)
@given(specs(described=False), specs(described=False))
def test_any_network_can_be_edited_into_any_other(before, after):
    after = replace(after, name=before.name)
    for document in (build(before), network_as_libvirt_prints_it(build(before))):
        edited = edit(document, after)
        assert in_order(parse(edited)) == in_order(with_kept_bridge(before, after))
        assert edit(edited, after) == edited
        assert differences(build(after), edited) == ()
        assert_libvirt_agrees(edited)
