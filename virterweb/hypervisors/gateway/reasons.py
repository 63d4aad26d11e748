"""libvirt's messages as codes with parameters, and the sentence that each becomes. Pure.

Messages of dnsmasq, tc and the kernel are part of those. Unknown messages keep the words of libvirt.
"""

import errno
import re
from dataclasses import dataclass
from enum import StrEnum

from virterweb.messages import Message, add_wording


class Code(StrEnum):
    ROUTED = "block is routed"
    STATIC_ROUTE = "destination of a static route is routed"
    NO_PCI_SLOT = "no PCI slot"
    NO_NETWORK = "no network"
    NETWORK_INACTIVE = "network is not active"
    NO_BRIDGE = "no bridge"
    NOT_A_BRIDGE = "not a bridge"
    BRIDGE_EXISTS = "bridge exists"
    BRIDGE_TAKEN = "bridge of another network"
    BRIDGE_NAME = "no name for a bridge"
    DNS_TAKEN = "another DNS server"
    DHCP_TAKEN = "another DHCP server"
    TFTP_ROOT = "TFTP root"
    OPTION_FILE = "file of a dnsmasq option"
    OPTION = "dnsmasq option"
    DNSMASQ = "dnsmasq does not start"
    FIREWALL = "no firewall backend"
    FIREWALL_RULES = "firewall rules"
    FIREWALLD = "no firewalld"
    MTU = "MTU"
    ADDRESS = "address"
    REVERSE_NAMES = "reverse names"
    NO_FUNCTIONS = "no virtual functions"
    SCHEDULER = "no scheduler"
    KVM = "KVM does not work"
    VNC_PORT = "VNC port"
    VNC_ADDRESS = "VNC address"
    TRAY = "closed tray"
    MEMORY = "memory"
    POOL_SPACE = "space of a pool"
    SPACE = "space"
    PERMISSION = "permission"


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Why libvirt refused something; `about` is what it named: a device, an address, a folder."""

    code: Code
    about: str = ""

    @property
    def message(self) -> Message:
        """Return the reason as the end of a sentence, followed by a solution."""
        return Message(f"reason.{self.code.value}", about=self.about)

    def __str__(self) -> str:
        return str(self.message)


KVM_FAILURE = (
    r"(failed to [gs]et MSR \S+|kvm_\w+: Assertion|failed to initialize kvm|Could not access KVM kernel module)"
)
# The first that is found counts: what the kernel says of a file before who says it.
PATTERNS: tuple[tuple[str, Code], ...] = (
    (r"(/[^\s':]+)'?: No space left on device", Code.SPACE),
    (r"No space left on device", Code.POOL_SPACE),
    (r"Network is already in use by interface (\S+)", Code.ROUTED),
    (r"Route address '(.+)' conflicts with IP address for", Code.STATIC_ROUTE),
    (r"No more available PCI slots", Code.NO_PCI_SLOT),
    (r"Network not found: no network with matching name '(.+)'", Code.NO_NETWORK),
    (r"network '(.+)' is not active", Code.NETWORK_INACTIVE),
    (r"Cannot get interface MTU on '(.+)': No such device", Code.NO_BRIDGE),
    (r"Unable to add bridge (\S+) port \S+: Operation not supported", Code.NOT_A_BRIDGE),
    (r"dnsmasq: failed to create listening socket for (\S+): Address already in use", Code.DNS_TAKEN),
    (r"dnsmasq: failed to bind DHCP server socket: Address already in use", Code.DHCP_TAKEN),
    (r"dnsmasq: TFTP directory (.+) inaccessible", Code.TFTP_ROOT),
    (r"dnsmasq: cannot (?:read|open|open log|run lease-init script) (/\S*):", Code.OPTION_FILE),
    (r"dnsmasq: (.+) at line \d+ of ", Code.OPTION),
    (r"dnsmasq: (unknown user or group: .+)", Code.OPTION),
    (r"dnsmasq: (.+)", Code.DNSMASQ),
    (r"bridge name '(.+)' already in use", Code.BRIDGE_TAKEN),
    (r"(?:error creating bridge interface|Unable to create bridge) (\S+): File exists", Code.BRIDGE_EXISTS),
    (r"error creating bridge interface (.+): (?:Invalid argument|Numerical result)", Code.BRIDGE_NAME),
    # libvirt 9.0 has fixed paths of the programs; later versions search for them, also at their start.
    (r"(?i)firewall backend|Cannot find '(?:iptables|ip6tables|ebtables|nft)' in path", Code.FIREWALL),
    (r"cannot execute binary \S*/(?:iptables|ip6tables|ebtables|nft):", Code.FIREWALL),
    (r"(?s)Failed to apply firewall (?:rules|command) (.+?)\s*\Z", Code.FIREWALL_RULES),
    (r"zone (\S+) requested for network .* but firewalld is not active", Code.FIREWALLD),
    (r"Cannot set interface MTU on '(.+)': Invalid argument", Code.MTU),
    (r"Failed to add IP address (\S+)", Code.ADDRESS),
    (r"PTR domain for (IPv[46] network with prefix \d+) cannot be automatically created", Code.REVERSE_NAMES),
    (r"No usable Vf's present on SRIOV PF (\S+)", Code.NO_FUNCTIONS),
    (r"Specified qdisc kind is unknown", Code.SCHEDULER),
    (KVM_FAILURE, Code.KVM),
    (r"-vnc ([^\s,]+)\S*: Failed to find an available port: Address already in use", Code.VNC_PORT),
    (r"-vnc ([^\s,]+):\d+\S*: Failed to bind socket: Cannot assign requested address", Code.VNC_ADDRESS),
    (r"Tray of device '(\S+)' is not open", Code.TRAY),
    (r"[cC]annot allocate memory", Code.MEMORY),
    (r"'?([^\s':]+)'?: Permission denied", Code.PERMISSION),
)
SENTENCES: dict[Code, str] = {
    Code.ROUTED: "its block is already routed through {about} on the host; choose another block, or remove that route "
    "there",
    Code.STATIC_ROUTE: "the host already has a route to {about}, the destination of one of its static routes; remove "
    "that static route here, or the route on the host",
    Code.NO_PCI_SLOT: "the VM has no free PCI slot left; shut it down, then it is added at the next start",
    Code.NO_NETWORK: "there is no network {about}",
    Code.NETWORK_INACTIVE: "the network {about} is not active",
    Code.NO_BRIDGE: "the host has no bridge {about}; create it there, or choose another bridge or network",
    Code.NOT_A_BRIDGE: "{about} is not a bridge on the host; choose a bridge, or attach {about} to one there and "
    "choose that bridge",
    Code.DNS_TAKEN: "another DNS server is using {about} on the host, such as a dnsmasq that a killed libvirtd "
    "left; end that one there",
    Code.DHCP_TAKEN: "another DHCP server is using port 67 on the host; stop it there, or turn DHCP off here",
    Code.TFTP_ROOT: "dnsmasq cannot read the TFTP root {about} on the host; create it there, or clear “TFTP root”",
    Code.OPTION_FILE: "dnsmasq cannot read {about} on the host; correct “dnsmasq options”, which name it",
    Code.OPTION: "dnsmasq does not accept its configuration ({about}); correct “dnsmasq options”",
    Code.DNSMASQ: "its DHCP and DNS server dnsmasq does not start ({about}); correct the setting that this names, here "
    "or on the host",
    Code.BRIDGE_TAKEN: "another network on this hypervisor has the bridge {about}; enter another name under “Bridge”",
    Code.BRIDGE_EXISTS: "the host already has a device {about}; give the network another bridge, or delete the device "
    "there",
    Code.BRIDGE_NAME: "{about} is not a valid bridge name in Linux; enter another name under “Bridge”",
    Code.FIREWALL: "the host has no firewall program that libvirt can use; install nftables or iptables there and "
    "restart libvirt",
    Code.FIREWALL_RULES: "the host’s firewall refuses libvirt’s rules ({about}); repair the firewall there and restart "
    "libvirt",
    Code.FIREWALLD: "it belongs to the zone {about} of firewalld, which does not run on the host; start that there, "
    "or remove zone= in the XML",
    Code.MTU: "the host does not accept this MTU for {about}; enter another",
    Code.ADDRESS: "the host does not accept the address {about} on the network’s bridge; enter another block",
    Code.REVERSE_NAMES: "libvirt makes no reverse names (localPtr) for an {about}, only for IPv4 of /8, /16 or /24 and "
    "IPv6 of a multiple of 4; remove localPtr= in the XML, or enter another block",
    Code.NO_FUNCTIONS: "the host’s device {about} has no virtual functions; create them there first",
    Code.SCHEDULER: "the host’s kernel lacks the scheduler that bandwidth limits need (sch_sfq); remove the limit",
    Code.KVM: "KVM does not work on the host ({about}); set the hypervisor’s domain type to qemu, which emulates, or "
    "to auto, which tries KVM before VMs get it",
    Code.VNC_PORT: "another program on the host uses the VNC display {about} (its TCP port is 5900 plus the display); "
    "end that program, or run the VM with another VNC port",
    Code.VNC_ADDRESS: "the host has no address {about} for VNC; run the VM with one that it has, such as 127.0.0.1",
    Code.TRAY: "the guest closed the tray of the drive; wait until it has booted, then try again",
    Code.MEMORY: "the host does not have enough memory; shut down other VMs there, or give this one less",
    Code.POOL_SPACE: "the pool is full; delete unused volumes there, or enlarge the pool",
    Code.SPACE: "the host has no space left for {about}; free space there",
    Code.PERMISSION: "libvirt is not permitted to use {about} on the host; check its owner and permissions there",
}

add_wording({f"reason.{code.value}": text for code, text in SENTENCES.items()})

# What the kernel answered to libvirt, for messages in words that are not known: of another release, or translated.
NUMBERS = {
    errno.ENOSPC: Code.SPACE,
    errno.ENOMEM: Code.MEMORY,
    errno.EACCES: Code.PERMISSION,
}


def recognise(message: str, number: int = 0) -> Reason | None:
    """Return the reason in a message of libvirt, None if it is unknown; `number` is the errno of the kernel."""
    for pattern, code in PATTERNS:
        if match := re.search(pattern, message):
            return Reason(code=code, about=match[1] if match.re.groups else "")
    if number not in NUMBERS:
        return None
    path = re.search(r"/[^\s':,]+", message)
    return Reason(code=NUMBERS[number], about=path[0] if path else "what it needs")
