"""Checks whether a guest uses a NIC as expected; if not, finds the likely reason and a remedy. Pure: values only."""

from dataclasses import replace
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_interface, ip_network

from .addresses import Source
from .expected import BOOT_TIME, Situation, why_not
from .guest_seen import CloudInit, Fix, Interface, Seen, State, Verdict, Wanted, family_of

PLUGGING = timedelta(minutes=2)  # emulated, a guest has a lease for a new card after 10 s, or with netplan after 80 s
CLOUD_INIT = timedelta(minutes=10)  # cloud-init may install packages
READING = timedelta(seconds=30)  # leases and agents are read at different times

QUIET = Verdict(state=State.UNKNOWN)


def check(wanted: Wanted, seen: Seen, now: datetime) -> Verdict:
    """Return the verdict on a NIC."""
    if not seen.running:
        return QUIET
    if not wanted.managed:
        return _reserved(wanted, seen, now) or Verdict(state=State.UNKNOWN, why=wanted.alone)
    if not seen.link_up:
        down = _not("link down", Fix.LINK)
        return replace(down, address="" if _first(wanted) in seen.ips() else _first(wanted))
    # If the guest has no address yet, a more specific reason than that of `expected` may be known.
    asked = 4 in wanted.dhcp and (seen.ips(family=4) or not seen.in_libvirt)
    if asked and (found := _reserved(wanted, seen, now)):
        return found
    if seen.card and not seen.card.up:
        return replace(_why(seen, now), address=_first(wanted))
    for address in wanted.addresses:
        if found := _static(str(ip_interface(address).ip), wanted, seen, now):
            return found
    for family in sorted(wanted.dhcp):
        if found := _asked(family, wanted, seen, now):
            return found
    return _up(wanted, seen, now)


def _not(why: str, remedy: Fix, **about: object) -> Verdict:
    return Verdict(state=State.NOT_AS_WANTED, why=why, about=about, remedy=remedy)


def _first(wanted: Wanted) -> str:
    """Return the missing address while the guest does nothing with the NIC."""
    return str(ip_interface(wanted.addresses[0]).ip) if wanted.addresses else wanted.reserved


def _reserved(wanted: Wanted, seen: Seen, now: datetime) -> Verdict | None:
    """Return the verdict of `expected` on the reserved address."""
    leased, reported = seen.ips(Source.LEASE, family=4), seen.ips(Source.AGENT, Source.ARP, family=4)
    situation = Situation(
        reserved=wanted.reserved,
        leased=leased,
        reported=reported,
        in_libvirt=seen.in_libvirt,
        link_up=seen.link_up,
        until=seen.until,
        since=seen.begun,
    )
    if not wanted.reserved or not (found := why_not(situation, now)):
        return None
    why, about = found
    if not seen.in_libvirt or (not leased and not reported and seen.link_up and _young(seen, now)):
        return Verdict(state=State.WAITING, why=why, about=about, address=wanted.reserved)
    remedy = Fix.RENEW if leased and seen.link_up else Fix.NONE
    return replace(_not(why, remedy, **about), address=wanted.reserved)


def _static(ip: str, wanted: Wanted, seen: Seen, now: datetime) -> Verdict | None:
    """Return the problem of an address that the guest sets itself."""
    if ip in seen.ips():
        return None
    if others := seen.ips(Source.AGENT, Source.ARP, family=family_of(ip)):
        found = _waiting(seen, now) or _not("other address", _configure(seen), used=others[0])
    elif seen.agent:
        found = _why(seen, now)
    else:
        if not (found := _waiting(seen, now)):
            return Verdict(state=State.UNKNOWN, why="static unknown", about={"ip": ip, "agent": _no_agent(seen)})
    return replace(found, address=ip)


def _asked(family: int, wanted: Wanted, seen: Seen, now: datetime) -> Verdict | None:
    """Return the problem of an address that the guest requests by DHCP."""
    leased, reported = seen.ips(Source.LEASE, family=family), seen.ips(Source.AGENT, Source.ARP, family=family)
    own = {str(ip_interface(address).ip) for address in wanted.addresses}
    reported = tuple(ip for ip in reported if ip not in own)
    if leased:
        used = seen.ips(Source.AGENT, family=family)
        if used and not set(used) & set(leased):
            return _not("leased, uses other", _configure(seen), leased=leased[0], used=used[0])
        if not used and _agent_would_know(leased[0], seen):
            return _not("leased, not used", _configure(seen), leased=leased[0])
        return None
    blocks = [ip_network(block, strict=False) for block in wanted.blocks]
    blocks = [block for block in blocks if block.version == family]
    if reported and not blocks:  # the leases are not visible to the portal
        return None
    if reported and not any(ip_address(ip) in block for ip in reported for block in blocks):
        return _not("outside", _configure(seen), used=reported[0], blocks=tuple(map(str, blocks)))
    if reported and family == 6:  # from a router advertisement, for which there is no lease
        return None
    if reported:
        return _unleased(reported[0], seen, now)
    if not reported and wanted.served is not None and family not in wanted.served:
        return _not("no DHCPv6" if family == 6 else "no DHCP", Fix.DHCP)
    found = _why(seen, now, family)
    if family == 4:
        return replace(found, address=wanted.reserved)
    whole = {"why": "no IPv6", "about": {"reason": (found.why, found.about)}}
    return replace(found, **whole) if 4 in wanted.dhcp else found


def _agent_would_know(ip: str, seen: Seen) -> bool:
    """Return whether the agent reported long enough after a lease to include its address."""
    since = next((address.since for address in seen.addresses if address.ip == ip), None)
    return bool(seen.agent and seen.card and seen.reported_at and since and since + READING < seen.reported_at)


def _unleased(ip: str, seen: Seen, now: datetime) -> Verdict:
    """Return the verdict on an address without the lease that it should have."""
    since = next((address.since for address in seen.addresses if address.ip == ip), None)
    if since and now - since < READING:
        return Verdict(state=State.WAITING, why="lease not seen", about={"used": ip}, since=since)
    return _not("by hand", _configure(seen), used=ip)


def _up(wanted: Wanted, seen: Seen, now: datetime) -> Verdict:
    """Return the verdict on a NIC that lacks no address."""
    stray = bool(seen.card and seen.card.dhcp and 4 in seen.card.dhcp and 4 not in wanted.dhcp)
    if stray and not wanted.addresses and not _waiting(seen, now):
        return _not("stray client", _configure(seen), card=seen.card.name)
    if ips := seen.ips(Source.LEASE):
        return Verdict(state=State.AS_WANTED, why="up with lease", about={"ips": ips})
    if ips := seen.ips():
        return Verdict(state=State.AS_WANTED, why="up with address", about={"ips": ips})
    if seen.card:
        return Verdict(state=State.AS_WANTED, why="up")
    if seen.agent is not None and (found := _waiting(seen, now)):  # the agent may report it later
        return found
    return Verdict(state=State.UNKNOWN, why="up, unknown", about={"agent": _no_agent(seen)})


def _no_agent(seen: Seen) -> str:
    """Return the code of why the guest's agent reports nothing."""
    if seen.agent:
        return seen.refused or "not asked"
    return "none" if seen.agent is None else "silent"


def _configure(seen: Seen) -> Fix:
    return Fix.CONFIGURE if seen.may_be_told else Fix.REBOOT


def _young(seen: Seen, now: datetime) -> bool:
    return bool(seen.begun and now - seen.begun < (PLUGGING if seen.plugged else BOOT_TIME))


def _waiting(seen: Seen, now: datetime) -> Verdict | None:
    """Return why the guest may still need time."""
    if seen.cloud_init is CloudInit.ERROR and not seen.plugged:  # cloud-init has ended: nothing else configures the NIC
        return None
    if seen.cloud_init is CloudInit.RUNNING and seen.since and now - seen.since < CLOUD_INIT:
        return Verdict(state=State.WAITING, why="cloud-init running", since=seen.since)
    if not _young(seen, now):
        return None
    why = "just plugged in" if seen.plugged else "starting"
    return Verdict(state=State.WAITING, why=why, since=seen.begun)


def _why(seen: Seen, now: datetime, family: int = 0) -> Verdict:
    """Return why a guest does not, or not fully, use a NIC; `family` is that of an address requested by DHCP."""
    if found := _waiting(seen, now):
        return found
    card = seen.card
    if card and card.up and card.dhcp and (family in card.dhcp or family == 6):
        return _not("no answer", Fix.ADDRESSES, card=card.name)
    if seen.plugged:
        return _not("plugged in", _configure(seen))
    if found := _blame_cloud_init(seen):
        return found
    return _of_card(card, seen, family) if card else _silent(seen, family)


def _of_card(card: Interface, seen: Seen, family: int) -> Verdict:
    """Return what the guest reports of its interface."""
    why = "card up"
    if not card.up:
        why = "card down"
    elif family and card.dhcp is not None:
        why = "no client"
    if seen.cloud_init is CloudInit.ERROR:
        return _not("failed as well", _configure(seen), reason=(why, {"card": card.name}))
    return _not(why, _configure(seen), card=card.name)


def _blame_cloud_init(seen: Seen) -> Verdict | None:
    """Return cloud-init's part in a NIC that is not configured; after its failure this is only likely."""
    match seen.cloud_init:
        case CloudInit.ERROR if seen.card is None:
            if not seen.errors:
                return _not("cloud-init failed, silent", Fix.CONSOLE)
            return _not("cloud-init failed", Fix.CONSOLE, errors=seen.errors)
        case CloudInit.RUNNING:
            return _not("cloud-init running", Fix.CONSOLE_WAITS)
        case CloudInit.NOT_INSTALLED:
            return _not("no cloud-init", Fix.IMAGE)
        case CloudInit.DISABLED:
            return _not("cloud-init off", Fix.IN_GUEST)
        case CloudInit.NOT_RUN:
            return _not("cloud-init not run", Fix.IN_GUEST)
    return None


def _silent(seen: Seen, family: int) -> Verdict:
    """Return the verdict for a guest that does not report its interface."""
    nothing = "no request" if family else "no address"
    if seen.agent and seen.refused:
        return _not("agent refuses", Fix.REBOOT, nothing=nothing, refused=seen.refused)
    if seen.agent:
        return _not("agent does not show", Fix.REBOOT, nothing=nothing)
    return _not("no agent" if seen.agent is None else "no agent answers", Fix.CONSOLE_UP, nothing=nothing)
