"""Whether a guest does with a NIC what it is expected to do; if not, the likely reason and what mends it. Pure."""

from dataclasses import replace
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_interface, ip_network

from .attached import Source
from .expected import PATIENCE, Situation, why_not
from .guest_seen import CONFIGURE, CloudInit, Interface, Seen, State, Verdict, Wanted, family_of

PLUGGING = timedelta(minutes=2)  # emulated, a guest has a lease for a new card after 10 s, or with netplan after 80 s
CLOUD_INIT = timedelta(minutes=10)  # it may install packages before it ends
READING = timedelta(seconds=30)  # leases and agents are asked apart: what one knows, the other may tell later

REBOOT = "Reboot the guest, or configure it there."
QUIET = Verdict(state=State.UNKNOWN)


def check(wanted: Wanted, seen: Seen, now: datetime) -> Verdict:
    """What to say of a NIC."""
    if not seen.running:
        return QUIET
    if not wanted.managed:
        return _reserved(wanted, seen, now) or Verdict(state=State.UNKNOWN, reason=wanted.alone)
    if not seen.link_up:
        down = _not("its link is down", "Set its link up, which is among its settings.")
        return replace(down, address="" if _first(wanted) in seen.ips() else _first(wanted))
    # Of a guest that has shown no address yet, more is known than `expected` asks for.
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


def _not(reason: str, fix: str) -> Verdict:
    return Verdict(state=State.NOT_AS_WANTED, reason=reason, fix=fix)


def _first(wanted: Wanted) -> str:
    """The address that is missing while the guest does nothing with the NIC."""
    return str(ip_interface(wanted.addresses[0]).ip) if wanted.addresses else wanted.reserved


def _reserved(wanted: Wanted, seen: Seen, now: datetime) -> Verdict | None:
    """What `expected` has to say of the reserved address."""
    leased, told = seen.ips(Source.LEASE, family=4), seen.ips(Source.AGENT, Source.ARP, family=4)
    situation = Situation(
        reserved=wanted.reserved,
        leased=leased,
        told=told,
        in_libvirt=seen.in_libvirt,
        link_up=seen.link_up,
        until=seen.until,
        since=seen.begun,
    )
    if not wanted.reserved or not (reason := why_not(situation, now)):
        return None
    if not seen.in_libvirt or (not leased and not told and seen.link_up and _young(seen, now)):
        return Verdict(state=State.WAITING, reason=reason, address=wanted.reserved)
    fix = "Renew its lease in the guest, or reboot it." if leased and seen.link_up else ""
    return replace(_not(reason, fix), address=wanted.reserved)


def _static(ip: str, wanted: Wanted, seen: Seen, now: datetime) -> Verdict | None:
    """What is wrong with an address that the guest has to set by itself."""
    if ip in seen.ips():
        return None
    if others := seen.ips(Source.AGENT, Source.ARP, family=family_of(ip)):
        found = _waiting(seen, now) or _not(f"the guest uses {others[0]}", _configure(seen))
    elif seen.agent:
        found = _why(seen, now)
    else:
        reason = f"{ip} is set in the guest, yet nobody can tell: {_no_agent(seen)}"
        if not (found := _waiting(seen, now)):
            return Verdict(state=State.UNKNOWN, reason=reason)
    return replace(found, address=ip)


def _asked(family: int, wanted: Wanted, seen: Seen, now: datetime) -> Verdict | None:
    """What is wrong with the address that the guest has to ask DHCP for."""
    leased, told = seen.ips(Source.LEASE, family=family), seen.ips(Source.AGENT, Source.ARP, family=family)
    own = {str(ip_interface(address).ip) for address in wanted.addresses}
    told = tuple(ip for ip in told if ip not in own)
    if leased:
        used = seen.ips(Source.AGENT, family=family)
        if used and not set(used) & set(leased):
            return _not(f"the guest has leased {leased[0]}, but uses {used[0]}", _configure(seen))
        if not used and _agent_would_know(leased[0], seen):
            return _not(f"the guest has leased {leased[0]}, but does not use it", _configure(seen))
        return None
    blocks = [ip_network(block, strict=False) for block in wanted.blocks]
    blocks = [block for block in blocks if block.version == family]
    if told and not blocks:  # nobody here sees the leases
        return None
    if told and not any(ip_address(ip) in block for ip in told for block in blocks):
        there = ", ".join(map(str, blocks))
        return _not(f"the guest uses {told[0]}, which is outside {there}", _configure(seen))
    if told and family == 6:  # by a router's advertisement, which leaves no lease
        return None
    if told:
        return _unleased(told[0], seen, now)
    if not told and wanted.served is not None and family not in wanted.served:
        fix = "Switch DHCP on there, or give the NIC a static address."
        return _not(f"its network has no DHCP{'v6' if family == 6 else ''}", fix)
    found = _why(seen, now, family)
    if family == 4:
        return replace(found, address=wanted.reserved)
    return replace(found, reason=f"no IPv6 address: {found.reason}") if 4 in wanted.dhcp else found


def _agent_would_know(ip: str, seen: Seen) -> bool:
    """Whether the guest told of the NIC long enough after a lease to have had its address."""
    since = next((address.since for address in seen.addresses if address.ip == ip), None)
    return bool(seen.agent and seen.card and seen.told and since and since + READING < seen.told)


def _unleased(ip: str, seen: Seen, now: datetime) -> Verdict:
    """Of a guest with an address that it should have leased."""
    since = next((address.since for address in seen.addresses if address.ip == ip), None)
    if since and now - since < READING:
        return Verdict(state=State.WAITING, reason=f"no lease of {ip} was seen yet", since=since)
    return _not(f"the guest uses {ip} and has asked for no lease: its network is configured by hand", _configure(seen))


def _up(wanted: Wanted, seen: Seen, now: datetime) -> Verdict:
    """Of a NIC that lacks no address."""
    stray = bool(seen.card and seen.card.dhcp and 4 in seen.card.dhcp and 4 not in wanted.dhcp)
    if stray and not wanted.addresses and not _waiting(seen, now):
        return _not(f"a DHCP client runs on {seen.card.name}, where none is wanted", _configure(seen))
    if ips := seen.ips(Source.LEASE):
        return Verdict(state=State.AS_WANTED, reason=f"up, with a lease of {' and '.join(ips)}")
    if ips := seen.ips():
        return Verdict(state=State.AS_WANTED, reason=f"up, with {' and '.join(ips)}")
    if seen.card:
        return Verdict(state=State.AS_WANTED, reason="up, without address")
    if seen.agent is not None and (found := _waiting(seen, now)):  # who may tell then
        return found
    return Verdict(state=State.UNKNOWN, reason=f"up without address; nobody can tell: {_no_agent(seen)}")


def _no_agent(seen: Seen) -> str:
    if seen.agent:
        return f"its agent {seen.refused}" if seen.refused else "its agent was not asked yet"
    return "the guest has no agent" if seen.agent is None else "no agent answers in the guest"


def _configure(seen: Seen) -> str:
    return CONFIGURE if seen.may_be_told else REBOOT


def _young(seen: Seen, now: datetime) -> bool:
    return bool(seen.begun and now - seen.begun < (PLUGGING if seen.plugged else PATIENCE))


def _waiting(seen: Seen, now: datetime) -> Verdict | None:
    """Why a guest may still be given time."""
    if seen.cloud_init is CloudInit.ERROR and not seen.plugged:  # it is through: nobody else will
        return None
    if seen.cloud_init is CloudInit.RUNNING and seen.since and now - seen.since < CLOUD_INIT:
        return Verdict(state=State.WAITING, reason="cloud-init is still running", since=seen.since)
    if not _young(seen, now):
        return None
    reason = "it was just plugged in" if seen.plugged else "the guest is starting"
    return Verdict(state=State.WAITING, reason=reason, since=seen.begun)


def _why(seen: Seen, now: datetime, family: int = 0) -> Verdict:
    """Why a guest has done nothing, or not enough, with a NIC; `family` is that of an address it has to ask for."""
    if found := _waiting(seen, now):
        return found
    card = seen.card
    if card and card.up and card.dhcp and (family in card.dhcp or family == 6):
        fix = "See whether its network has addresses left."
        return _not(f"a DHCP client runs on {card.name} and gets no answer", fix)
    if seen.plugged:
        return _not("it was plugged in while the guest ran, which has not configured it", _configure(seen))
    if found := _blame_cloud_init(seen):
        return found
    return _of_card(card, seen, family) if card else _silent(seen, family)


def _of_card(card: Interface, seen: Seen, family: int) -> Verdict:
    """What the guest tells of its interface."""
    reason = f"{card.name} is up in the guest, and has no address"
    if not card.up:
        reason = f"its interface {card.name} is down in the guest"
    elif family and card.dhcp is not None:
        reason = f"no DHCP client runs on {card.name}"
    failed = "; cloud-init failed" if seen.cloud_init is CloudInit.ERROR else ""
    return _not(f"{reason}{failed}", _configure(seen))


def _blame_cloud_init(seen: Seen) -> Verdict | None:
    """What cloud-init has to do with a NIC that is not configured. Of its failure it is not sure: that says less."""
    match seen.cloud_init:
        case CloudInit.ERROR if seen.card is None:
            return _not(f"cloud-init failed: {seen.errors or 'it does not say why'}", "Look at the console.")
        case CloudInit.RUNNING:
            return _not("cloud-init is still running", "See at the console what it waits for.")
        case CloudInit.NOT_INSTALLED:
            fix = "Configure it in the guest, or run the VM from an image with cloud-init."
            return _not("the image has no cloud-init, so nothing has configured it", fix)
        case CloudInit.DISABLED | CloudInit.NOT_RUN:
            words = "is switched off" if seen.cloud_init is CloudInit.DISABLED else "has not run"
            return _not(f"cloud-init {words} in the guest, so nothing has configured it", "Configure it in the guest.")
    return None


def _silent(seen: Seen, family: int) -> Verdict:
    """Of a guest that tells nothing of its interface."""
    nothing = "it has not asked for an address" if family else "it has no address"
    if seen.agent:
        return _not(f"{nothing}; the guest’s agent {seen.refused or 'does not show it'}", REBOOT)
    there = "has no agent that could tell why" if seen.agent is None else "has no agent that answers and tells why"
    fix = "Look at the console: it is not up yet, or runs no DHCP client on this NIC."
    return _not(f"{nothing}, and the guest {there}", fix)
