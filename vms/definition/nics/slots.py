"""Free slots for NICs in a running domain. Pure."""

from lxml import etree

from networks.definition.document.parse import PARSER, attribute, number

PCI = "devices/*/address[@type='pci']"


SLOTS = 32  # slots of a PCI bus


I440FX = ("pc-i440fx-", "pc-0.", "pc-1.")


PORTS = ("pcie-root-port", "pcie-switch-downstream-port")


PLUGS_NOTHING = "target[@hotplug='off']"


def free_slots(document: str) -> int | None:
    """Return how many NICs can be added to a running domain, by its live document; None if that is unknown.

    On PCI Express each NIC needs a root port, on i440FX a slot of bus 0, and ACPI in the guest to plug it in.
    """
    root = etree.fromstring(document.encode(), PARSER)
    controllers = root.findall("devices/controller[@type='pci']")
    models = {each.get("model") for each in controllers}
    places = [(number(each, "bus") or 0, number(each, "slot") or 0) for each in root.iterfind(PCI)]
    if "pcie-root" in models:
        used = {bus for bus, _ in places}
        ports = [each for each in controllers if each.get("model") in PORTS and each.find(PLUGS_NOTHING) is None]
        return sum(number(port, "index") not in used for port in ports)
    if "pci-root" in models and attribute(root, "os/type", "machine").startswith(I440FX):
        used = {slot for bus, slot in places if bus == 0} | {0, 1}  # the host bridge and the ISA bridge
        return SLOTS - len(used) if root.find("features/acpi") is not None else 0
    return None
