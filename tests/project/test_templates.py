"""Templates can be read and reviewed."""

from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parent.parent.parent / "templates"
TEMPLATES = sorted(FOLDER.rglob("*.html"))
MAX_LINE_LENGTH = 160  # characters
MAX_FILES = 12  # files in a folder


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_no_line_of_a_template_is_long(template: Path):
    assert [line for line in template.read_text().splitlines() if len(line) > MAX_LINE_LENGTH] == []


@pytest.mark.parametrize("folder", sorted({path.parent for path in TEMPLATES}), ids=lambda path: path.name)
def test_a_folder_of_templates_is_not_too_large(folder: Path):
    assert len(list(folder.glob("*.html"))) <= MAX_FILES
