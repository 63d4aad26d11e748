"""Which address a NIC should have, and why it has another or none. Pure: values in, a sentence out."""

from dataclasses import dataclass
from datetime import datetime, timedelta

# In which a guest boots and asks for an address. An emulated Debian has its first lease 50 s after its start, and its
# cloud-init ends after 90 s: twice that, rounded.
PATIENCE = timedelta(minutes=3)


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What is known of a running NIC whose IPv4 address is reserved.

    `leased` are its leases, `told` what its guest's agent or ARP says it uses. `until` ends the lease; `since` is when
    it was first seen to run.
    """

    reserved: str
    leased: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    in_libvirt: bool = True
    link_up: bool = True
    until: datetime | None = None
    since: datetime | None = None


def why_not(nic: Situation, now: datetime) -> str:
    """Why a running NIC does not have its reserved address, as the end of a sentence; "" if it has it."""
    uses = nic.told or nic.leased
    if nic.reserved in uses:
        return ""
    if not nic.in_libvirt:
        return "it is being reserved"
    if nic.reserved in nic.leased:
        return f"the guest has leased it, but uses {uses[0]}: its network is configured by hand"
    if not nic.link_up:
        return "its link is down"
    if nic.leased:
        until = f", at the latest at {nic.until.astimezone():%H:%M}" if nic.until else ""
        return f"its lease of {nic.leased[0]} is older; that changes when the guest renews it{until}"
    if nic.told:
        return f"the guest uses {nic.told[0]} and has asked for no lease: its network is configured by hand"
    if nic.since and now - nic.since < PATIENCE:
        return "the guest has not asked for an address yet"
    return "the guest has not asked for it: it is not up yet, or runs no DHCP client on this NIC"
