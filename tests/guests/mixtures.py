"""Which NICs the guests of the matrix have, and the networks that they are on."""

from dataclasses import dataclass, replace

from lab import Lab

BRIDGE = "br9"


@dataclass(frozen=True, kw_only=True)
class Place:
    """What a NIC is on: the families that DHCP is offered for there, and those that a default route is.

    `settings` are what its guest is to do with it instead, with an address of its own, or a default route that ranks
    behind those of the NICs before it.
    """

    words: str
    source: str
    dhcp: frozenset[int] = frozenset()
    route: frozenset[int] = frozenset()
    settings: str = ""
    address: str = ""
    ranked: bool = False

    @property
    def flag(self) -> str:
        kind = "bridge" if self.source == BRIDGE else "network"
        return f"type={kind},source={self.source}{self.settings and ','}{self.settings}"


ACCESS = Place(words="DHCP", source="default", dhcp=frozenset({4}), route=frozenset({4}))
RED = Place(words="DHCP", source="red", dhcp=frozenset({4}), route=frozenset({4}))
BOTH = Place(words="DHCPv4 and v6", source="both", dhcp=frozenset({4, 6}), route=frozenset({4, 6}))
SIX = Place(words="DHCPv6 only", source="six", dhcp=frozenset({6}))
DARK = Place(words="none", source="dark")
BARE = Place(words="none on a host bridge", source=BRIDGE)
SECOND = replace(RED, words="DHCP with metric 300", settings="metric=300", ranked=True)
FIXED = Place(
    words="static with metric 400",
    source="dark",
    settings="guest=static,guest-addresses=10.14.0.5/24,gateway=10.14.0.1,metric=400",
    address="10.14.0.5",
    ranked=True,
)
QUIET = Place(words="up", source="six", settings="guest=up")

MIXTURES = {  # the first is on the access network, as the portal has it
    "single": (ACCESS,),
    "two": (ACCESS, RED),
    "silent": (ACCESS, DARK),
    "between": (ACCESS, DARK, RED),
    "bridge": (ACCESS, BARE, RED),
    "six": (BOTH, SIX),
    "five": (ACCESS, SIX, DARK, RED, BARE),
}
SETTINGS = {"settings": (ACCESS, SECOND, FIXED, QUIET)}  # which Virter's own rule knows none of

NETWORK = "<network><name>{name}</name>{forward}<bridge name='{bridge}'/>{blocks}</network>"
BLOCKS = {
    4: "<ip address='10.{n}.0.1' prefix='24'>{dhcp}</ip>",
    6: "<ip family='ipv6' address='fd00:{n}::1' prefix='64'>{dhcp}</ip>",
}
RANGES = {
    4: "<dhcp><range start='10.{n}.0.100' end='10.{n}.0.200'/></dhcp>",
    6: "<dhcp><range start='fd00:{n}::100' end='fd00:{n}::200'/></dhcp>",
}


def make_networks(lab: Lab) -> None:
    """Create the further networks and the bridge of a lab in libvirt, before the portal polls it."""
    for place in (RED, BOTH, SIX, DARK):
        make_network(lab, place)
    lab.run("ip", "link", "add", BRIDGE, "type", "bridge")
    lab.run("ip", "link", "set", BRIDGE, "up")


def make_network(lab: Lab, place: Place) -> None:
    number = 11 + [RED, BOTH, SIX, DARK].index(place)
    blocks = "".join(BLOCKS[family].format(n=number, dhcp=RANGES[family].format(n=number)) for family in place.dhcp)
    document = lab.directory / f"{place.source}.xml"
    document.write_text(
        NETWORK.format(
            name=place.source,
            forward="<forward mode='nat'/>" if place.route else "",
            bridge=f"virbr{number}",
            blocks=blocks or BLOCKS[4].format(n=number, dhcp=""),
        )
    )
    lab.virsh("net-define", document)
    lab.virsh("net-start", place.source)
    document.unlink()


def remove_network(lab: Lab, place: Place) -> None:
    lab.virsh("net-destroy", place.source)
    lab.virsh("net-undefine", place.source)
