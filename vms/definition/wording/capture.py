"""The texts for captures of packets. Pure."""

from virterweb.messages import add_wording

MESSAGES = {
    "capture.off": "{vm} is not running. Start it, then capture again.",
    "capture.no_tap": "The NIC {nic} has no host device, so its packets cannot be captured.",
    "capture.no_nic": "{vm} no longer has the NIC {nic}.",
    "capture.too_many": "{hypervisor} has {count} captures in progress already. Wait until one ends, or stop one.",
    "capture.too_many_own": "You have {count} captures in progress on {hypervisor} already. Stop one first.",
    "capture.one_a_nic": "A capture of the NIC {nic} is in progress already. Wait until it ends, or stop it.",
    "capture.too_large": "The captures kept for {hypervisor} have reached the size limit. Try again when older "
    "captures have been deleted, one hour after their end.",
    "capture.too_large_own": "Your captures on {hypervisor} have reached the size limit. Delete one first.",
    "capture.remote": "Packets can be captured only on the portal’s own host and on hypervisors with a qemu+ssh URI.",
    "capture.no_tcpdump": "tcpdump is not installed on the host of {hypervisor}. Install it there, then capture again.",
    "capture.no_connection": "The SSH connection to the host of {hypervisor} failed: {reason}.",
    "capture.filter": "tcpdump refuses the filter: {reason}.",
    "capture.refused": "tcpdump could not capture on {tap}: {reason}.",
    "capture.ended": "The capture on {tap} ended unexpectedly: {reason}. The packets captured until then are kept.",
    "capture.interrupted": "The worker was killed during the capture. The packets captured until then are kept.",
}

add_wording(MESSAGES)
