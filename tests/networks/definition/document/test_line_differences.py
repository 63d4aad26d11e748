"""Line differences between two documents."""

from dataclasses import replace

from networks.definition.document.compare import line_differences, pretty
from networks.definition.document.edit import build, edit
from networks.definition.document.parse import parse
from tests.networks.definition.document.compared_documents import FOLDER, NET1


def test_a_line_difference_shows_the_lines_that_an_edit_changed():
    before = (FOLDER / "default.xml").read_text()
    after = edit(before, replace(parse(before), mtu=1400))
    changed = [line for line in line_differences(before, after) if line[0] in "+-"]
    assert changed == ['+  <mtu size="1400"/>']
    assert line_differences(before, before) == []


def test_line_differences_ignore_whitespace():
    document = (FOLDER / "rich.xml").read_text()
    assert line_differences(document, pretty(document)) == []
    assert line_differences(document, document.replace("\n  ", "\n\t  ")) == []


def test_a_new_or_deleted_document_differs_in_all_lines():
    lines = pretty(build(NET1)).splitlines()
    assert line_differences("", build(NET1))[1:] == [f"+{line}" for line in lines]
    assert line_differences(build(NET1), "")[1:] == [f"-{line}" for line in lines]


def test_a_pretty_document_keeps_comments_and_foreign_texts():
    document = pretty((FOLDER / "rich.xml").read_text())
    assert "  <!-- asked for by the storage team -->\n" in document
    assert ">the storage team</lab:owner>\n" in document
    assert document.endswith("</network>\n")
