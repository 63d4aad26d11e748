"""Desired and found NICs of libvirt domains. Pure: no ORM, no libvirt."""

from dataclasses import dataclass

from networks.definition.spec import BandwidthSpec
from virterweb.messages import Failure

USER_ALIAS = "ua-"  # the prefix of aliases that users may choose
# Where a NIC is attached, by its kind: the attributes of <source> for the name, and for its refinement.
SOURCES = {"network": ("network", "port_group"), "bridge": ("bridge", ""), "direct": ("dev", "mode"), "user": ("", "")}
BRIDGED = ("network", "bridge")  # kinds with a tap device on a bridge, which can be moved to another bridge
AT = "@"  # separates MAC and place in the key of a NIC that shares its MAC


class SharedMAC(Failure, LookupError):
    """Several NICs of a VM have this MAC, and nothing distinguishes them: none of them is found by it."""


@dataclass(frozen=True, kw_only=True)
class NICSpec:
    """A desired NIC.

    `kind` is network, bridge, direct (macvtap) or user; `source` is the network, bridge or host device. An empty model,
    mode or PCI address is chosen by libvirt and kept; other defaults mean "none". `mode` is macvtap's: bridge, vepa,
    private or passthrough. `vlan` is one tag: trunks are not modelled.
    """

    kind: str
    source: str = ""
    mode: str = ""
    port_group: str = ""
    mac: str
    model: str = "virtio"
    mtu: int | None = None
    link_up: bool = True
    inbound: BandwidthSpec | None = None
    outbound: BandwidthSpec | None = None
    vlan: int | None = None
    isolated: bool = False
    trust_rx_filters: bool = False
    filter: str = ""
    filter_parameters: tuple[tuple[str, str], ...] = ()
    boot_order: int | None = None
    queues: int | None = None
    alias: str = ""
    pci: str = ""


@dataclass(frozen=True, kw_only=True)
class FoundNIC:
    """A NIC of a domain. `document` is its <interface>; `target` is the host's device while the domain runs.

    `actual` is the type that libvirt shows: for a running NIC on a network, the type that its mode results in.
    """

    spec: NICSpec
    target: str = ""
    actual: str = ""
    virtual_port: bool = False
    document: str = ""
    place: str = ""  # distinguishes NICs of a VM with the same MAC; "" if the MAC is unique

    @property
    def kind(self) -> str:
        return self.spec.kind

    @property
    def source(self) -> str:
        return self.spec.source

    @property
    def mac(self) -> str:
        return self.spec.mac

    @property
    def key(self) -> str:
        """Return the key that identifies the NIC in its VM."""
        return key_of(self.mac, self.place)

    @property
    def model(self) -> str:
        return self.spec.model

    @property
    def link(self) -> str:
        return "up" if self.spec.link_up else "down"


def key_of(mac: str, place: str) -> str:
    """Return the key of a NIC in its VM: its MAC, with its place if another NIC has the same MAC."""
    return f"{mac}{AT}{place}" if place else mac
