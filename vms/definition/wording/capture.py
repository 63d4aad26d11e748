"""The texts for captures of packets. Pure."""

from virterweb.messages import add_wording

MESSAGES = {
    "capture.off": "{vm} is not running. Start it, then capture again.",
    "capture.no_tap": "The NIC {nic} has no device on the host at which packets can be captured.",
    "capture.no_nic": "{vm} no longer has the NIC {nic}.",
    "capture.too_many": "{hypervisor} has {count} captures in progress already. Wait until one ends, or stop one.",
    "capture.one_a_nic": "A capture of the NIC {nic} is in progress already. Wait until it ends, or stop it.",
    "capture.too_large": "The captures of {hypervisor} that are kept are too large together. Try again in an hour.",
    "capture.remote": "Packets can be captured on the portal’s own host and on hypervisors with a qemu+ssh URI only.",
    "capture.no_tcpdump": "tcpdump is not installed on the host of {hypervisor}. Install it there, then capture again.",
    "capture.no_connection": "The SSH connection to the host of {hypervisor} failed: {reason}.",
    "capture.filter": "tcpdump refuses the filter: {reason}.",
    "capture.refused": "tcpdump could not capture at {tap}: {reason}.",
    "capture.ended": "The capture at {tap} broke off: {reason}. What was captured until then is kept.",
    "capture.interrupted": "The worker that captured was killed. What was captured until then is kept.",
}

add_wording(MESSAGES)
