"""A network as a script of virsh commands that defines the same document."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from lxml import etree

from networks.copies.virsh import virsh
from networks.definition.document.parse import parse
from tests.networks.copies.copied_networks import FILES, HOSTILE, read

STUB = """#!/bin/sh
printf '%s\\0' "$@" >> "$RECORD/words"
printf '\\0' >> "$RECORD/words"
if [ "$1" = net-define ]; then
    cat > "$RECORD/xml"
    [ -z "$VIRSH" ] || "$VIRSH" -c "test://$NODE" "$@" < "$RECORD/xml"
fi
"""


def run(script: str, folder: Path, real: bool = True) -> tuple[list[list[str]], str]:
    """Run a script with a virsh that records its arguments and the document, which the real virsh must accept."""
    record, bin_folder = folder / "record", folder / "bin"
    record.mkdir()
    bin_folder.mkdir()
    (bin_folder / "virsh").write_text(STUB)
    (bin_folder / "virsh").chmod(0o755)
    (folder / "script").write_text(script)
    (folder / "node.xml").write_text("<node/>")  # the test driver, with nothing in it
    environment = {
        **os.environ,
        "PATH": f"{bin_folder}:{os.environ['PATH']}",
        "RECORD": str(record),
        "NODE": str(folder / "node.xml"),
        "VIRSH": (shutil.which("virsh") or "") if real else "",
    }
    subprocess.run(["sh", folder / "script"], cwd=record, env=environment, check=True, capture_output=True)
    assert {path.name for path in record.iterdir()} == {"words", "xml"}, "something in the document was carried out"
    calls = (record / "words").read_text().removesuffix("\0\0").split("\0\0")
    return [call.split("\0") for call in calls], (record / "xml").read_text()


def canonical(document: str) -> bytes:
    return etree.tostring(etree.fromstring(document), method="c14n2", strip_text=True)


@pytest.mark.parametrize("name", FILES)
def test_a_script_defines_the_same_document_without_its_uuid(name, tmp_path):
    calls, defined = run(virsh(read(name)), tmp_path)
    assert calls == [
        ["net-define", "--file", "/dev/stdin"],
        ["net-autostart", "--network", name],
        ["net-start", "--network", name],
    ]
    assert parse(defined).uuid == ""
    expected = re.sub(r"\s*<uuid>.*</uuid>", "", read(name)).replace(" connections='2'", "")
    assert canonical(defined) == canonical(expected)


def test_a_script_sets_autostart_only_if_the_network_has_it(tmp_path):
    calls, _ = run(virsh(read("default"), autostart=False), tmp_path)
    assert [call[0] for call in calls] == ["net-define", "net-start"]


@pytest.mark.parametrize("text", [*HOSTILE, "two\nlines"])
def test_a_script_carries_any_content(text, tmp_path):
    root = etree.Element("network")
    etree.SubElement(root, "name").text = text.replace("/", "")
    etree.SubElement(root, "description").text = f"{text}\nEND\n END_\nEND__\n{text}\r\n\ttouch made\n"
    metadata = etree.SubElement(root, "metadata")
    etree.SubElement(metadata, "{urn:lab}note", text=text).text = f"\n{text}\n'{text}'\nEND"
    document = etree.tostring(root, encoding="unicode")
    calls, defined = run(virsh(document), tmp_path, real="\n" not in text)
    assert defined == document + "\n"
    assert [call[2] for call in calls[1:]] == [text] * 2
