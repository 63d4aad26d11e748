"""Which address a NIC should have, and why it has another or none. Pure: values in, a code out."""

from dataclasses import dataclass
from datetime import datetime, timedelta

# The time in which a guest boots and requests an address. An emulated Debian has a lease 50 s after its start, and its
# cloud-init ends after 90 s: twice that, rounded.
BOOT_TIME = timedelta(minutes=3)


@dataclass(frozen=True, kw_only=True)
class Situation:
    """The facts about a running NIC with a reserved IPv4 address.

    `leased` are its leases, `reported` the addresses that the guest's agent or ARP reports. `until` is the end of the
    lease; `since` is when the NIC was first found running.
    """

    reserved: str
    leased: tuple[str, ...] = ()
    reported: tuple[str, ...] = ()
    in_libvirt: bool = True
    link_up: bool = True
    until: datetime | None = None
    since: datetime | None = None


def why_not(nic: Situation, now: datetime) -> tuple[str, dict[str, object]] | None:
    """Return why a running NIC does not have its reserved address, as code with parameters; None if it has it."""
    uses = nic.reported or nic.leased
    if nic.reserved in uses:
        return None
    if not nic.in_libvirt:
        return "being reserved", {}
    if nic.reserved in nic.leased:
        return "reserved not used", {"used": uses[0]}
    if not nic.link_up:
        return "link down", {}
    if nic.leased:
        about = {"leased": nic.leased[0]}
        return ("older lease until", about | {"until": nic.until}) if nic.until else ("older lease", about)
    if nic.reported:
        return "by hand", {"used": nic.reported[0]}
    if nic.since and now - nic.since < BOOT_TIME:
        return "not asked yet", {}
    return "not asked", {}
