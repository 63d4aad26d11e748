"""Documents that are built and edited match the golden files, and libvirt accepts them."""

import pytest

from networks.definition.document.compare import pretty
from networks.definition.document.edit import build, edit
from networks.definition.document.parse import parse
from tests.networks.definition.document.edit_examples import BUILT, EDITS
from tests.networks.definition.document.edited_documents import FOLDER, assert_libvirt_agrees, read, words
from tests.support.specs import in_order

FILES = sorted(path.stem for path in FOLDER.glob("*.xml"))


@pytest.mark.parametrize("name", FILES)
def test_libvirt_accepts_the_golden_documents(name):
    assert_libvirt_agrees(read(name))


@pytest.mark.parametrize("name", FILES)
def test_an_edit_that_changes_nothing_changes_nothing(name):
    document = read(name)
    assert words(edit(document, parse(document))) == words(document)


@pytest.mark.parametrize("spec", BUILT, ids=lambda spec: spec.name)
def test_a_new_document_equals_its_golden_file(spec):
    document = build(spec)
    assert pretty(document) == (FOLDER / f"built/{spec.name}.xml").read_text()
    assert parse(document) == spec
    assert_libvirt_agrees(document)


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_changes_only_the_given_fields(name):
    source, change = EDITS[name]
    document = read(source)
    wanted = change(parse(document))
    edited = edit(document, wanted)
    assert pretty(edited) == (FOLDER / f"edited/{name}.xml").read_text()
    assert in_order(parse(edited)) == in_order(wanted)
    assert edit(edited, wanted) == edited
    assert_libvirt_agrees(edited)


def test_every_golden_file_belongs_to_a_test():
    assert sorted(path.stem for path in (FOLDER / "built").iterdir()) == sorted(spec.name for spec in BUILT)
    assert sorted(path.stem for path in (FOLDER / "edited").iterdir()) == sorted(EDITS)
