"""The results of all guests as a table, for the terminal and for docs/guests.md."""

from lab import guest_image

from tests.guests.mixtures import MIXTURES, SETTINGS

RULES = {"portal": "portal", "virter": "Virter-compatible"}
NAMES = {"ifupdown": "ifupdown", "netplan": "netplan, networkd", "networkmanager": "NetworkManager"}
HOT_PLUG = {
    "plugged": "NIC plugged in, lease without intervention",
    "configured": "lease after *Apply network configuration now*",
    "rebooted": "lease after a reboot of the guest",
}
GUESTS = MIXTURES | SETTINGS
ROWS = {name: "{" + ", ".join(place.words for place in places) + "}" for name, places in GUESTS.items()} | HOT_PLUG
COLUMNS = [(renderer, rule) for renderer in guest_image.RENDERERS for rule in RULES]

TEXT = """\
# Guests that were tested

Virter's documentation asks for every interface to be up, and for a DHCP client on every interface whose network has
DHCP, and says that this is not possible in general. This table shows how Debian guests with cloud-init behave, for
each mixture of networks and each network renderer of Debian. `script/test guests` boots every guest and writes this
page. These guests were booted {when}.

A row names the NICs of a guest by what their networks offer. The first NIC is on the access network, where the portal
puts it, and which has DHCP here. *None on a host bridge* is a bridge of the host without a DHCP server. Networks with
DHCPv4 offer a default route. Networks without DHCP, and the network with DHCPv6 only, do not.

Each renderer has two columns: the rules of the portal, and those of Virter (`--guest-network virter`). ✅ means that
all of the following was observed, from inside the guest and from outside:

- Every link is up.
- Every NIC on a network with DHCP has a lease that libvirt knows, for each address family that is served.
- No NIC sends DHCP requests where no DHCP is offered. Requests that ended while the guest booted are noted in the cell.
- There is one default route for each address family that offers one, over the first NIC.
- The host name is set, cloud-init finished without errors, and SSH accepts a key on the access network.

Otherwise the cell says what was different. The row with metrics and a static address contains settings for each NIC,
which Virter's rules do not have: the default route of the first NIC is preferred, then the others by metric.

The columns of Virter have these reasons. Where a network has no DHCP, and for a single NIC, Virter writes no network
configuration. ifupdown and netplan then bring up the first NIC only, and NetworkManager requests DHCP on every NIC.
Where all networks have DHCP, Virter names the NICs `ethN` and `enpNs0`. Cards with other names, as in these guests,
stay down, and NetworkManager configures a default route on each of them. Virter's configuration contains no MAC
addresses, so it does not apply to a card that is plugged in later.

In the last rows, a NIC on a network with DHCP is plugged into a running guest {{DHCP}}: the seconds until it has its
lease, until it has it after *Apply network configuration now* (`vm configure`), and until it has it after a reboot. All
times are of emulated guests, two at a time on two cores.
"""
NOT_TRIED = "not tried"
NO_SETTINGS = "not available"


def missing(found: dict[str, dict]) -> list[str]:
    """Return the keys of the cells without a result."""
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
    """Return the text of a cell: ✅, or what was different."""
    timed = key.split()[0] in HOT_PLUG
    words = outcome["wrong"] or ([f"✅ {outcome['seconds']} s"] if timed else ["✅"])
    said = "; ".join([*words, *outcome["notes"]])
    return said.replace("|", "\\|").replace("\n", " ")


def document(found: dict[str, dict], programs: list[str]) -> str:
    """Return the text of docs/guests.md."""
    versions = [f"- on the host: {', '.join(programs)}"]
    for renderer in guest_image.RENDERERS:
        seen = next(value["versions"] for key, value in found.items() if f" {renderer} " in key and value["versions"])
        versions.append(f"- {NAMES[renderer]}: {', '.join(f'{name} {version}' for name, version in seen.items())}")
    times = sorted(outcome["at"] for outcome in found.values())
    parts = [TEXT.format(when=f"from {times[0]} to {times[-1]}"), *lines(found), "", "Versions", "", *versions, ""]
    return "\n".join(parts)
