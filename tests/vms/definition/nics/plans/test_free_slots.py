"""The number of NICs that a machine type has room for."""

from tests import DATA
from tests.vms.definition.nics.nic_documents import domain
from tests.vms.definition.nics.plans.planned_nics import MAC, nic
from vms.definition.nics.edit import build
from vms.definition.nics.slots import free_slots

DOMAINS = DATA / "nics/domains"


def machine(name: str) -> str:
    return (DOMAINS / f"{name}.xml").read_text()


def test_a_q35_machine_has_a_slot_for_each_free_root_port():
    document = machine("q35")
    assert free_slots(document) == 1
    taken = f"<interface type='user'><mac address='{MAC}'/><address type='pci' bus='0x05' slot='0x00'/></interface>"
    assert free_slots(document.replace("</devices>", f"{taken}</devices>")) == 0
    assert free_slots(document.replace("port='0xc'", "port='0xc' hotplug='off'")) == 0


def test_an_i440fx_machine_has_room_in_each_free_slot():
    document = machine("i440fx")
    assert free_slots(document) == 28
    taken = "<sound model='ich6'><address type='pci' domain='0x0000' bus='0x00' slot='{}' function='0x0'/></sound>"
    for slot, left in (("0x1f", 27), ("0x02", 28), ("0x01", 28)):
        assert free_slots(document.replace("</devices>", f"{taken.format(slot)}</devices>")) == left


def test_an_i440fx_machine_without_acpi_has_no_free_slots():
    assert free_slots(machine("i440fx").replace("<acpi/>", "")) == 0


def test_the_free_slots_of_other_machine_types_are_unknown():
    assert free_slots(machine("i440fx").replace("pc-i440fx-7.2", "pseries")) is None
    assert free_slots(domain(build(nic()))) is None
