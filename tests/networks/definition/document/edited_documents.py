"""Golden documents, and how a document is compared with libvirt's."""

from lxml import etree

from networks.definition.document.compare import differences
from tests import DATA
from tests.support.schemas import assert_valid, network_as_libvirt_prints_it

FOLDER = DATA / "networks"


def read(name: str) -> str:
    path = FOLDER / f"{name}.xml"
    return (path if path.exists() else FOLDER / f"built/{name}.xml").read_text()


def words(document: str) -> list[tuple]:
    """Return everything in a document, in order: tags, attributes, texts, comments."""
    found = []
    for element in etree.fromstring(document).iter():
        tag = "comment" if element.tag is etree.Comment else element.tag
        found.append((tag, sorted(element.attrib.items()), (element.text or "").strip()))
    return found


def assert_libvirt_agrees(document: str) -> None:
    """Assert that libvirt's schema and its test driver accept the document, and that the driver keeps all of it.

    The driver does not know dnsmasq options, and it already has a network `default`.
    """
    assert_valid("network", document)
    printed = network_as_libvirt_prints_it(document.replace("<name>default</name>", "<name>judged</name>"))
    left = differences(document, printed.replace("<name>judged</name>", "<name>default</name>"))
    assert [str(one) for one in left if str(one.field) != "dnsmasq option"] == []
