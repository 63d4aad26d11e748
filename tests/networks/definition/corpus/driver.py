"""A hypervisor of libvirt's test driver, and the documents that it accepts."""

import pytest
from lxml import etree

from networks.definition.document.parse import parse, read
from networks.definition.plans.steps import Found
from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import Refused

NODE = """<node><cpu><mhz>1000</mhz><model>i686</model><active>1</active><nodes>1</nodes><sockets>1</sockets>
<cores>1</cores><threads>1</threads></cpu><memory>1000000</memory></node>"""

# Networks to whose lists one more entry can be added.
NAT = """\
<network>
  <name>base</name>
  <uuid>81ff0d90-c91e-6742-64da-4a736edb9a9b</uuid>
  <forward mode="nat"/>
  <bridge name="virbr7"/>
  <!-- a comment -->
  <dns><txt name="other" value="one"/></dns>
  <ip address="192.168.122.1" prefix="24"><dhcp><range start="192.168.122.240" end="192.168.122.250"/></dhcp></ip>
  <portgroup name="other"/>
</network>"""
TENS = NAT.replace("192.168.122", "10.0.0")
MACVTAP = """\
<network>
  <name>base</name>
  <uuid>81ff0d90-c91e-6742-64da-4a736edb9a9b</uuid>
  <forward mode="private"><interface dev="eth0"/></forward>
</network>"""
PLACES = {"interface": "forward", "portgroup": ".", "txt": "dns", "srv": "dns", "range": "ip/dhcp", "host": "ip/dhcp"}


def found(connection: Connection, name: str) -> Found:
    network = connection.networks.get(connection.networks.uuid_of(name))
    live = network.document if network.active else ""
    return Found(document=network.stored, live=live, active=network.active, autostart=network.autostart)


def remove(connection: Connection, name: str) -> None:
    uuid = connection.networks.uuid_of(name)
    connection.networks.stop(uuid, name)
    connection.networks.undefine(uuid, name)


def printed(connection: Connection, document: str) -> str:
    """Return a document as libvirt prints it when it is defined.

    Raises: Refused if libvirt does not accept it.
    """
    name = parse(document).name
    connection.networks.define(document, name)
    kept = found(connection, name).document
    remove(connection, name)
    return kept


def refusal(connection: Connection, document: str) -> str:
    """Return why libvirt refuses a document. Empty if it accepts it."""
    try:
        printed(connection, document)
    except Refused as refused:
        return str(refused)
    return ""


def report(capsys: pytest.CaptureFixture, counts: str, refused: dict[str, str]) -> None:
    with capsys.disabled():
        print(f"\n{counts}", *(f"  {name}: {reason}" for name, reason in refused.items()), sep="\n")


def as_text(document: str) -> str:
    """Return the document as an edit without changes writes it."""
    return etree.tostring(read(document).getroottree(), encoding="unicode")


def with_entry(name: str, fragment: str) -> tuple[str, str]:
    """Return a network without and with a fragment of libvirt's corpus as a new entry."""
    entry = etree.fromstring(fragment)
    base = MACVTAP if entry.tag == "interface" else TENS if "10.0.0." in fragment else NAT
    root = read(base)
    place = "dns" if "dns-host" in name else PLACES[entry.tag]
    root.find(place).append(entry)
    return base, as_text(etree.tostring(root, encoding="unicode"))
