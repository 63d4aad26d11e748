"""What all guests were seen to do, as a table: for the terminal and for docs/guests.md."""

import guest_image

from tests.guests.mixtures import MIXTURES, SETTINGS

RULES = {"portal": "portal", "virter": "as Virter"}
NAMES = {"ifupdown": "ifupdown", "netplan": "netplan, networkd", "networkmanager": "NetworkManager"}
HOT_PLUG = {
    "plugged": "NIC plugged in: its lease by itself",
    "configured": "after *configure now*",
    "rebooted": "after a reboot of the guest",
}
GUESTS = MIXTURES | SETTINGS
ROWS = {name: "{" + ", ".join(place.words for place in places) + "}" for name, places in GUESTS.items()} | HOT_PLUG
COLUMNS = [(renderer, rule) for renderer in guest_image.RENDERERS for rule in RULES]

TEXT = """\
# Guest networks on real guests

Virter’s documentation wishes for all interfaces up, and a DHCP client on every interface whose network has DHCP, and
calls it not possible in general. This table shows where it holds: in guests of Debian with cloud-init, run by the
portal, for each mixture of networks and each way in which Debian configures its network. `script/test guests` boots
every one of them and writes this; these were booted {when}.

A row names the guest’s NICs by what their networks offer. The first NIC is on the access network, where the portal puts
it, and which has DHCP here. So *none on a host bridge*, a bridge of the host without a DHCP server, stands behind it.
Networks with DHCPv4 all offer a default route; those without DHCP, and the one with DHCPv6 only, offer none.

Each renderer has two columns: what the portal decides, and Virter’s own rule, `--guest-network virter`. ✅ says that
all of this was seen, from inside the guest and from outside:

- every link is up;
- every NIC on a network with DHCP has a lease that libvirt knows, of each family that is served there;
- no NIC asks for DHCP where none is offered: requests are heard on the networks from the guest’s start on, and those
  that ended while it booted are told beside the ✅;
- there is one default route of each family that is offered one, over the first NIC;
- it has its host name, cloud-init is done without errors, and SSH lets in with a key on the access network.

Otherwise the cell says what was not so. The row with metrics and a static address is of what people set for each NIC,
which Virter’s own rule has no place for: of its default routes, the first NIC’s is the first, then they go by metric.

Virter’s own columns have these reasons. Where a network has no DHCP, and for a single NIC, Virter writes no network
configuration: ifupdown and netplan then bring up the first NIC only, and NetworkManager asks for DHCP on every one.
Where all have DHCP, Virter names NICs `ethN` and `enpNs0`: cards that the guest calls otherwise, as here, stay down;
NetworkManager goes on by itself, with a default route on each. It knows no MAC, so a card that is plugged in is
unknown to it, too.

The last rows are of a running guest, {{DHCP}}, that a NIC on a network with DHCP is plugged into: the seconds until it
has its lease, until it has it after *configure now* (`vm configure`), and until it has it after a reboot. All times are
of guests under emulation, two at once on two cores.
"""
NOT_TRIED = "not tried"
NO_SETTINGS = "has no settings"


def missing(found: dict[str, dict]) -> list[str]:
    """Cells that nothing is known of."""
    keys = [f"{row} {renderer} {rule}" for row in ROWS for renderer, rule in COLUMNS if possible(row, rule)]
    return [key for key in keys if key not in found]


def possible(row: str, rule: str) -> bool:
    return rule == "portal" or row not in SETTINGS


def lines(found: dict[str, dict]) -> list[str]:
    headings = [f"{NAMES[renderer]}: {RULES[rule]}" for renderer, rule in COLUMNS]
    rows = [[words, *(cell(found, row, *column) for column in COLUMNS)] for row, words in ROWS.items()]
    return ["| " + " | ".join(row) + " |" for row in [["NICs", *headings], ["---"] * (len(COLUMNS) + 1), *rows]]


def cell(found: dict[str, dict], row: str, renderer: str, rule: str) -> str:
    if not possible(row, rule):
        return NO_SETTINGS
    key = f"{row} {renderer} {rule}"
    return verdict(key, found[key]) if key in found else NOT_TRIED


def verdict(key: str, outcome: dict) -> str:
    """✅, or what is wrong in words."""
    timed = key.split()[0] in HOT_PLUG
    words = outcome["wrong"] or ([f"✅ {outcome['seconds']} s"] if timed else ["✅"])
    said = "; ".join([*words, *outcome["notes"]])
    return said.replace("|", "\\|").replace("\n", " ")


def document(found: dict[str, dict], programs: list[str]) -> str:
    """The whole of docs/guests.md."""
    versions = [f"- on the host: {', '.join(programs)}"]
    for renderer in guest_image.RENDERERS:
        seen = next(value["versions"] for key, value in found.items() if f" {renderer} " in key and value["versions"])
        versions.append(f"- {NAMES[renderer]}: {', '.join(f'{name} {version}' for name, version in seen.items())}")
    times = sorted(outcome["at"] for outcome in found.values())
    parts = [TEXT.format(when=f"from {times[0]} to {times[-1]}"), *lines(found), "", "Versions", "", *versions, ""]
    return "\n".join(parts)
