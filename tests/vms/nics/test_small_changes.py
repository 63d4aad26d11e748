"""Only the change itself is pushed: other changes of the VM outside the portal stay, and are drift."""

from dataclasses import replace
from io import StringIO

import pytest
from django.core.management import call_command
from lxml import etree

from tests.support.making import make_foreign_network, make_hypervisor, make_network
from tests.vms.definition.test_every_domain import filled
from virterweb.hypervisors.gateway.connection import Connection
from vms import sync
from vms.bulk import nics as many
from vms.bulk import save
from vms.bulk.rows import Action, Change
from vms.definition.nics.parse import parse_domain
from vms.definition.nics.spec import FoundNIC, NICSpec
from vms.models import VM
from vms.sync import polling

NICS = [f"52:54:00:00:00:{number:02x}" for number in (9, 10, 11)]
DOMAIN = """<domain type='qemu'><name>web</name><uuid>6a2d5b5e-6f0c-4d5a-8e36-2c1b1c5b9f77</uuid>
<memory unit='MiB'>512</memory><vcpu>2</vcpu><os><type>hvm</type></os><devices>{}</devices></domain>""".format(
    "".join(f"<interface type='network'><mac address='{mac}'/><source network='default'/></interface>" for mac in NICS)
)


@pytest.fixture
def lab(db, enqueued, tmp_path):
    """Return a managed VM that is off, whose second NIC was changed and third NIC removed outside the portal."""
    hypervisor = make_hypervisor()
    make_foreign_network(hypervisor)
    make_network(hypervisor)
    file = tmp_path / "host.xml"
    networks = "".join(f"<network><name>{name}</name><bridge name='{name}'/></network>" for name in ("default", "net1"))
    file.write_text(f"<node>{networks}{DOMAIN}</node>")
    connection = Connection(1, f"test://{file}")
    (found,) = connection.domains.all()
    connection.power.force_off(found.uuid, found.name)
    polling.observe(hypervisor, connection)
    VM.objects.get().adopt()
    push(connection)
    document = etree.fromstring(connection.domains.stored_document(found.uuid))
    _, second, third = document.findall("devices/interface")
    etree.SubElement(second, "mtu", size="1400")
    etree.SubElement(second, "link", state="down")
    third.getparent().remove(third)
    connection.domains.define(etree.tostring(document, encoding="unicode"), "web")
    polling.observe(hypervisor, connection)
    assert len(vm().status.drifts) == 3
    yield connection
    connection.close()


def vm() -> VM:
    return VM.objects.shown().get()


def push(connection: Connection) -> None:
    row = vm()
    row.status.write(generation=row.generation, **sync.push(row, connection))


def nics(connection: Connection) -> list[FoundNIC]:
    return list(parse_domain(connection.domains.stored_document(vm().uuid_text)))


SMALL = {
    "the link of another NIC": lambda: change(NICS[0], link_up=False),
    "a NIC more": lambda: vm().add_nic(NICSpec(kind="network", source="net1", mac="")),
    "another NIC goes": lambda: vm().remove_nic(NICS[0]),
    "power": lambda: vm().ask_power("shutdown"),
    "the refused ones once more": lambda: vm().ask_refused_nics_again(),
    "memory": lambda: vm().resize(256, 2),
    "a bare push": lambda: vm().ask_again(),
}


def change(mac: str, **values: object) -> None:
    now, _ = vm().desired_nic(mac)
    vm().change_nic(replace(now, **values))


@pytest.mark.parametrize("name", SMALL)
def test_outside_changes_of_other_nics_are_kept(lab, name):
    _, second = nics(lab)
    SMALL[name]()
    push(lab)
    after = {nic.mac: nic for nic in nics(lab)}
    assert after[NICS[1]] == second
    assert NICS[2] not in after
    assert len(vm().status.drifts) == 3


def test_outside_changes_of_other_fields_of_the_nic_are_kept(lab):
    change(NICS[1], source="net1")
    push(lab)
    _, second = nics(lab)
    assert (second.source, second.spec.mtu, second.link) == ("net1", 1400, "down")
    assert len(vm().status.drifts) == 3


def test_several_small_changes_are_all_made(lab):
    change(NICS[1], source="net1")
    change(NICS[1], isolated=True)
    push(lab)
    _, second = nics(lab)
    assert (second.source, second.spec.isolated, second.spec.mtu) == ("net1", True, 1400)


def test_a_link_is_set_up_on_request_even_if_it_is_already_desired(lab, operator):
    found = many.rows(VM.objects.all(), Change(action=Action.UP), operator)
    save.save(found, operator)
    push(lab)
    _, second = nics(lab)
    assert (second.link, second.spec.mtu) == ("up", 1400)


def test_a_field_that_the_command_line_names_is_pushed_though_it_is_saved_so_already(lab):
    call_command("vm", "nic", "change", "web", NICS[1], link_up="yes", no_wait=True, stdout=StringIO())
    push(lab)
    _, second = nics(lab)
    assert (second.link, second.spec.mtu) == ("up", 1400)


def test_a_form_without_changes_says_so(page, lab):
    path = f"{vm().get_absolute_url()}nics/{NICS[0]}/edit/"
    form = etree.HTML(page.get(path).content.decode()).xpath("//form[.//input[@name='link_up']]")[0]
    before = vm().generation
    answer = page.post(path, filled(form, without=""), follow=True)
    assert "Nothing was changed" in answer.content.decode()
    assert vm().generation == before


def test_reverting_restores_all_saved_values(lab):
    vm().revert()
    push(lab)
    assert [(nic.mac, nic.source, nic.spec.mtu, nic.link) for nic in nics(lab)] == [
        (mac, "default", None, "up") for mac in NICS
    ]
    assert vm().status.drift == ""
