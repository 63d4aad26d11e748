"""Every network of libvirt's test corpus is read, edited, compared and shown."""

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace

import pytest

from networks.copies.terraform import terraform
from networks.copies.virsh import virsh
from networks.copies.virter import virter
from networks.definition.document.compare import differences
from networks.definition.document.edit import OWN_BRIDGE, edit
from networks.definition.document.parse import parse, read
from networks.definition.spec import NetworkSpec, PortGroupSpec
from tests.networks.definition.corpus.driver import as_text, printed, refusal, report, with_entry

pytestmark = pytest.mark.lab


# Edits of one field each. libvirt accepts the first two only for networks whose bridge it creates.
EDITS: dict[str, Callable[[NetworkSpec], NetworkSpec]] = {
    "MTU": lambda spec: replace(spec, mtu=4242),
    "Domain": lambda spec: replace(spec, domain="corpus.test"),
    "Port group": lambda spec: replace(spec, port_groups=(*spec.port_groups, PortGroupSpec(name="corpus", tags=(7,)))),
    "Isolated ports": lambda spec: replace(spec, isolated_ports=not spec.isolated_ports),
}
OF_OWN_BRIDGE = {"MTU", "Domain"}
# The test driver has not registered dnsmasq's namespace and does not store its elements.
NOT_IN_TEST_DRIVER = "dnsmasq option"


def test_an_edit_of_one_field_changes_only_this_field_of_every_network(corpus):
    for name, document in corpus.networks().items():
        spec = parse(document)
        assert edit(document, spec) == as_text(document), name
        for field, change in EDITS.items():
            edited = edit(document, change(spec))
            assert [str(one.field) for one in differences(edited, document)] == [field], name
            assert parse(edited) == change(spec), name
            assert edit(edited, change(spec)) == edited, name
            comments = read(document).getroottree().xpath("//comment()")
            assert list(map(str, read(edited).getroottree().xpath("//comment()"))) == list(map(str, comments)), name
            assert differences(edit(edited, spec), document) == (), f"{name}: {field} and back"


def test_libvirt_stores_every_edited_network_unchanged(corpus, connection, capsys):
    documents, taken, refused = corpus.networks(), 0, {}
    for name, document in documents.items():
        spec = parse(document)
        if reason := refusal(connection, document):
            refused[name] = reason
        for field, change in EDITS.items():
            if field in OF_OWN_BRIDGE and spec.forward_mode not in OWN_BRIDGE:
                continue
            edited = edit(document, change(spec))
            if name in refused:
                assert refusal(connection, edited) == refused[name], f"{name}: {field}"
                continue
            lost = [
                one for one in differences(edited, printed(connection, edited)) if str(one.field) != NOT_IN_TEST_DRIVER
            ]
            assert lost == [], f"{name}: {field}"
            taken += 1
    counts = f"{len(documents)} documents, {taken} edits of them defined, {len(refused)} refused before any edit"
    report(capsys, counts, refused)
    assert len(refused) < len(documents) / 8


def test_a_network_as_libvirt_prints_it_has_no_difference(corpus):
    read_in, printed_out = (corpus.documents(f"networkxml2xml{side}") for side in ("in", "out"))
    pairs = [(name, printed_out.get(name.replace("2xmlin/", "2xmlout/"))) for name in read_in]
    off = {name: [str(one) for one in differences(read_in[name], out)] for name, out in pairs if out}
    assert len(off) > 30
    assert not any(off.values()), off


def parts(value: object) -> Iterator[object]:
    """Return every nested dataclass of a spec."""
    for field in fields(value):
        found = getattr(value, field.name)
        for part in found if isinstance(found, tuple) else (found,):
            if is_dataclass(part):
                yield part
                yield from parts(part)


def test_every_network_can_be_shown_and_copied(corpus):
    networks = corpus.networks()
    fragments = corpus.documents("networkxml2xmlupdatein")
    networks |= {name: with_entry(name, fragment)[1] for name, fragment in fragments.items()}
    for name, document in networks.items():
        spec = parse(document)
        assert all(str(part).isprintable() for part in parts(spec)), name
        for text in (virter(document), virsh(document, autostart=True), terraform(document, autostart=True)):
            assert spec.name in text, name
