"""Domains of all kinds that people have: each NIC has its row, and a change of its link changes nothing else."""

import pytest
from lxml import etree

from tests import DATA
from tests.support.making import make_foreign_network, make_hypervisor, make_network
from virterweb.hypervisors.gateway.connection import Connection
from vms import sync
from vms.attached.filters import Filters
from vms.attached.rows import nic_rows
from vms.attached.table import rows
from vms.definition.domain import parse
from vms.definition.wording import KINDS
from vms.models import VM, NICStatus, Power
from vms.sync import polling

pytestmark = pytest.mark.integration

FILES = sorted((DATA / "domains").glob("*.xml"))
NETWORKS = "".join(
    f"<network><name>{name}</name><bridge name='virbr{number}'/></network>"
    for number, name in enumerate(("default", "net1"), start=1)
)


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def vm(request, db, enqueued, tmp_path):
    """Return an unmanaged VM that is off, on libvirt's test driver, as observed."""
    hypervisor = make_hypervisor()
    make_foreign_network(hypervisor)
    make_network(hypervisor)
    file = tmp_path / "host.xml"
    file.write_text(f"<node>{NETWORKS}{request.param.read_text()}</node>")
    connection = Connection(1, f"test://{file}")
    (found,) = connection.domains.all()
    connection.power.force_off(found.uuid, found.name)
    polling.observe(hypervisor, connection)
    row = VM.objects.shown().get()
    assert row.status.power == Power.OFF
    row.libvirt = connection
    yield row
    connection.close()


def canonical(document: str) -> str:
    return etree.tostring(etree.fromstring(document), method="c14n").decode()


def stored(vm: VM) -> str:
    return vm.libvirt.domains.stored_document(vm.uuid_text)


def with_link_down(document: str, index: int) -> str:
    """The document with the link of one NIC down, where libvirt itself writes that."""
    root = etree.fromstring(document)
    interface = root.findall("devices/interface")[index]
    link = interface.find("link")
    if link is None:
        link = etree.Element("link")
        later = ("mtu", "coalesce", "boot", "alias", "rom", "acpi", "address")
        place = next((each for each in interface if each.tag in later), None)
        link.tail = "\n      "
        interface.insert(len(interface) if place is None else interface.index(place), link)
    link.set("state", "down")
    return etree.tostring(root, encoding="unicode")


def names(document: str) -> list[str]:
    """The document's elements and attributes, without the spaces between."""
    root = etree.fromstring(document)
    for element in root.iter():
        element.text, element.tail = (element.text or "").strip(), (element.tail or "").strip()
    return canonical(etree.tostring(root, encoding="unicode")).split("<")


def filled(form: etree._Element, without: str) -> dict[str, str]:
    """Return what a browser sends for a form without input, with one check box cleared."""
    sent = {}
    for field in form.xpath(".//input[@name]"):
        if field.get("type") != "checkbox":
            sent[field.get("name")] = field.get("value", "")
        elif field.get("checked") is not None and field.get("name") != without:
            sent[field.get("name")] = "on"
    for field in form.xpath(".//select[@name]"):
        sent[field.get("name")] = next(iter(field.xpath("./option[@selected]/@value")), "")
    return sent


def test_every_nic_has_a_row_on_the_page_and_among_the_attached(page, vm):
    nics = parse(stored(vm)).nics
    table = etree.HTML(page.get(vm.get_absolute_url()).content.decode()).xpath("//table[@id='nics']/tbody/tr")
    assert len(table) == len(nics) == NICStatus.objects.count()
    assert len({row.get("id") for row in table}) == len(nics)
    for nic, row in zip(nics, table, strict=True):
        text = " ".join(row.itertext())
        assert nic.mac in text
        assert nic.source in text
        assert KINDS.get(nic.kind, "") in text
    assert len(rows(VM.objects.all(), Filters())) == len(nics)
    assert str(len(nics)) in page.get("/vms/").content.decode()


def test_a_link_is_changed_and_nothing_else(page, vm):
    for index in range(len(nic_rows(vm))):
        before = stored(vm)
        nic = parse(before).nics[index]
        path = f"{vm.get_absolute_url()}nics/{nic.key}/edit/"
        form = etree.HTML(page.get(path).content.decode()).xpath("//form[.//input[@name='link_up']]")[0]
        answer = page.post(path, filled(form, without="link_up"))
        assert answer.status_code == 302, etree.HTML(answer.content.decode()).xpath("//*[@class='error']//text()")
        fresh = VM.objects.shown().get()
        if not fresh.done:
            values = sync.push(fresh, vm.libvirt)
            fresh.status.write(generation=fresh.generation, **values)
        assert names(stored(vm)) == names(with_link_down(before, index))
        assert not fresh.nics.exists()
