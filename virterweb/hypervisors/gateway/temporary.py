"""Temporary objects that pages never show: networks for reconnecting NICs, and KVM probes.

Pure: names and documents. A killed worker may leave one behind, so the name tells its purpose.
"""

import re
import secrets

from lxml import etree

NETWORK = "virterweb-reconnect-"  # with the UUID of the network whose NICs are reconnected
_NETWORK_NAME = re.compile(rf"{NETWORK}([0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}})")

PROBE = "virterweb-kvm-probe-"
_PROBE = """\
<domain type='kvm'><name>{name}</name><memory unit='MiB'>32</memory>
<os><type>hvm</type><bios rebootTimeout='0'/></os><cpu mode='host-model'/>
<on_reboot>destroy</on_reboot><on_crash>destroy</on_crash>
<devices><controller type='usb' model='none'/><memballoon model='none'/></devices></domain>"""


def network_name(uuid: str) -> str:
    return NETWORK + uuid


def served(name: str) -> str:
    """Return the UUID of the network that a temporary one of this name serves; "" for any other name."""
    found = _NETWORK_NAME.fullmatch(name)
    return found[1] if found else ""


def named_in(document: str) -> set[str]:
    """Return the UUIDs of the networks whose temporary ones a domain's document names."""
    return set(_NETWORK_NAME.findall(document))


def network_document(uuid: str, document: str) -> str:
    """Return the temporary network for a network's document: a bridge of its own, no addresses, the same port groups.

    libvirt chooses an unused bridge name. It refuses to move a NIC to another port group.
    """
    network = etree.Element("network")
    etree.SubElement(network, "name").text = network_name(uuid)
    for group in etree.fromstring(document).iterfind("portgroup"):
        etree.SubElement(network, "portgroup", name=group.get("name"))
    return etree.tostring(network, encoding="unicode")


def moved(interface: str, network: str) -> str:
    """Return a running NIC's document with another network, in the form that libvirt accepts for a live update."""
    nic = etree.fromstring(interface)
    source = nic.find("source")
    kept = {name: value for name, value in source.attrib.items() if name == "portgroup"}
    source.attrib.clear()
    source.attrib.update({"network": network} | kept)
    if (target := nic.find("target")) is not None:
        nic.remove(target)
    if served(network):
        for inbound in nic.iterfind("bandwidth/inbound[@floor]"):  # only a network with a bandwidth guarantees one
            del inbound.attrib["floor"]
    return etree.tostring(nic, encoding="unicode")


def probe_document() -> str:
    """Return a guest with KVM and the CPU mode of VMs that ends soon after its start: its firmware finds no disk.

    Each has a name of its own, so that several processes can try at a time.
    """
    return _PROBE.format(name=PROBE + secrets.token_hex(4))
