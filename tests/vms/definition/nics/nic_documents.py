"""NIC documents: examples to build and edit, domains that contain them, and generated NICs."""

from dataclasses import replace

from lxml import etree

from networks.definition.spec import BandwidthSpec
from tests import DATA
from tests.support.schemas import domain_as_libvirt_prints_it
from vms.definition.nics.edit import build
from vms.definition.nics.parse import parse, parse_domain
from vms.definition.nics.spec import FoundNIC, NICSpec

FOLDER = DATA / "nics"
FILES = sorted(path.stem for path in FOLDER.glob("*.xml"))
MAC = "52:54:00:00:00:08"


def nic(kind: str = "network", source: str = "net1", **values) -> NICSpec:
    return NICSpec(kind=kind, source=source, **{"mac": MAC, **values})


# The edited document and the changed fields, by the name of the golden file.
EDITS = {
    "moved": ("plain", {"source": "net2"}),
    "moved-and-refined": ("plain", {"source": "net2", "port_group": "blue"}),
    "moved-from-live": ("live", {"source": "net2", "port_group": ""}),
    "port-group": ("live", {"port_group": "blue"}),
    "port-group-gone": ("live", {"port_group": ""}),
    "network-to-bridge": ("live", {"kind": "bridge", "source": "br0", "port_group": ""}),
    "network-to-macvtap": ("plain", {"kind": "direct", "source": "eth0", "mode": "vepa"}),
    "network-to-user": ("plain", {"kind": "user", "source": ""}),
    "bridge-to-network": ("rich", {"kind": "network", "source": "net1", "port_group": "red"}),
    "bridge-to-user": ("rich", {"kind": "user", "source": "", "filter": "", "filter_parameters": (), "mtu": None}),
    "other-bridge": ("rich", {"source": "br1"}),
    "user-to-network": ("user", {"kind": "network", "source": "net1"}),
    "live-macvtap-to-a-network": ("live-macvtap", {"source": "net1", "trust_rx_filters": False}),
    "model": ("rich", {"model": "e1000e"}),
    "mtu": ("plain", {"mtu": 9000}),
    "mtu-gone": ("rich", {"mtu": None}),
    "link-down": ("rich", {"link_up": False}),
    "link-up": ("live-bridged", {"link_up": True}),
    "bandwidth": ("rich", {"inbound": BandwidthSpec(average=7), "outbound": None}),
    "bandwidth-gone": ("rich", {"inbound": None, "outbound": None}),
    "bandwidth-new": ("plain", {"outbound": BandwidthSpec(average=7, burst=8)}),
    "trunk-to-one-tag": ("rich", {"vlan": 7}),
    "tag-gone": ("hostdev", {"vlan": None}),
    "isolated": ("rich", {"isolated": True}),
    "isolated-no-more": ("live", {"isolated": False}),
    "trusts-the-guest": ("rich", {"trust_rx_filters": True}),
    "trusts-the-guest-no-more": ("live-macvtap", {"trust_rx_filters": False}),
    "filter": ("plain", {"filter": "clean-traffic", "filter_parameters": (("IP", "10.0.0.1"),)}),
    "filter-parameters": ("rich", {"filter_parameters": (("IP", "10.0.0.3"),)}),
    "filter-gone": ("rich", {"filter": "", "filter_parameters": ()}),
    "boot-order": ("rich", {"boot_order": 1}),
    "boot-order-new": ("plain", {"boot_order": 1}),
    "boot-order-gone": ("rich", {"boot_order": None}),
    "queues": ("rich", {"queues": 2}),
    "queues-gone": ("rich", {"queues": None}),
    "queues-new": ("plain", {"queues": 2}),
    "alias": ("plain", {"alias": "ua-first"}),
    "alias-in-place-of-libvirts": ("live", {"alias": "ua-first"}),
    "alias-gone": ("rich", {"alias": ""}),
    "pci": ("rich", {"pci": "0000:00:0a.1"}),
    "mac": ("rich", {"mac": "52:54:00:aa:00:02"}),
}


def read(name: str) -> str:
    return (FOLDER / f"{name}.xml").read_text()


def found(name: str) -> FoundNIC:
    return parse(etree.fromstring(read(name)))


def domain(*interfaces: str, name: str = "vm1") -> str:
    """Return a domain that has only these NICs."""
    root = etree.fromstring(
        f"<domain type='qemu'><name>{name}</name><memory unit='MiB'>64</memory>"
        "<os><type arch='x86_64'>hvm</type></os><devices/></domain>"
    )
    root.find("devices").extend(etree.fromstring(each) for each in interfaces)
    return etree.tostring(root, encoding="unicode")


def assert_libvirt_reads_the_same(spec: NICSpec) -> None:
    """Assert that libvirt accepts a built document, reads the same from it, and fills in only what it has to choose."""
    printed = parse_domain(domain_as_libvirt_prints_it(domain(build(spec))))[0].spec
    left = {name: "" for name in ("model", "mode", "pci") if not getattr(spec, name)}
    assert replace(printed, **left) == spec


def parts(document: str) -> dict[str, str]:
    """Return each child of an <interface> as it is written, by tag."""
    root = etree.fromstring(document)
    return {str(each.tag): etree.tostring(each, encoding="unicode", with_tail=False) for each in root}
