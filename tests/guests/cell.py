"""One cell of the matrix: the portal runs a guest, and deviations from what Virter's users expect are reported."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

import libvirt
from lab import TAG, Lab, guest_image, load_image
from lxml import etree

from tests.guests.inside import DHCPListener, Seen, read_guest
from tests.guests.mixtures import Place
from tests.support.portal import Portal
from tests.support.waiting import wait_for

NUMBER = 30  # the ID of each guest
SETTLING = 45  # s, that a NIC which the boot does not wait for may take until it has its lease
BOOT_TIMEOUT = 400  # s, for a guest to boot
LONGEST_QUIET = 50  # s, between two tries of NetworkManager's
RUNNING = libvirt.VIR_CONNECT_LIST_DOMAINS_RUNNING


@dataclass(kw_only=True)
class Outcome:
    """What was seen of a guest: what is wrong, in words; what else is worth telling; after how many seconds."""

    wrong: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: int = 0
    versions: dict[str, str] = field(default_factory=dict)
    at: str = field(default_factory=lambda: datetime.now().isoformat(" ", "minutes"))


def put_image(lab: Lab, renderer: str) -> None:
    """Make a renderer's guest an image of the lab's pool, before a portal polls it."""
    if not (lab.directory / f"lib/images/{TAG}{renderer}").exists():
        load_image(lab, renderer, guest_image.image(renderer))
        lab.virsh("pool-refresh", "default")


def run(portal: Portal, renderer: str, places: tuple[Place, ...], rule: str) -> None:
    """Run a guest that the portal is to log in to; nothing is waited for."""
    words = ["vm", "run", renderer, "--id", str(NUMBER), "--name", guest_name(renderer), "--guest-network", rule]
    words += ["--memory", "512M", "--boot-capacity", "2G", "--wait-ssh"]
    for place in places[1:]:
        words += ["--nic", place.flag]
    portal.manage(*words, "--no-wait")


def booted(lab: Lab, host: libvirt.virConnect, renderer: str) -> libvirt.virDomain:
    """Wait until a guest runs and its cloud-init is through, or it had time enough."""
    deadline = time.monotonic() + BOOT_TIMEOUT
    wait_for(lambda: guest_name(renderer) in [domain.name() for domain in host.listAllDomains(RUNNING)], 60, "it runs")
    domain = host.lookupByName(guest_name(renderer))
    while time.monotonic() < deadline:
        seen = read_guest(lab, domain)
        if seen and seen.errors is not None:
            break
        time.sleep(5)
    return domain


def locked_out(portal: Portal, renderer: str) -> str:
    """Why the portal cannot log in to a guest that has booted, "" if it can."""
    row = f"(lambda vm: [vm.ssh_state, vm.ssh_reason])(VM.objects.get(name='{guest_name(renderer)}'))"
    for _ in range(4):  # it tries every ten seconds
        state, reason = portal.ask(row)
        if not state:
            return ""
        time.sleep(5)
    return reason or "it was not tried"


def guest_name(renderer: str) -> str:
    return f"guest-{renderer}"


def try_cell(lab: Lab, portal: Portal, renderer: str, places: tuple[Place, ...], rule: str) -> Outcome:
    """Run a guest, check it until all is well or the time is over, and delete it."""
    began, host = time.time(), libvirt.open(lab.uri)
    portal.ask(f"Hypervisor.objects.update(access_network='{places[0].source}')")
    try:
        with DHCPListener(lab) as listener:
            run(portal, renderer, places, rule)
            domain = booted(lab, host, renderer)
            outcome = Outcome(seconds=round(time.time() - began))
            outcome.wrong, seen = settled(lab, host, domain, places)
            outcome.wrong += strangers(listener, domain, places, outcome)
            if reason := locked_out(portal, renderer):
                outcome.wrong.append(f"no log-in by SSH: {reason}")
            if seen:
                outcome.versions = seen.versions
            return outcome
    finally:
        portal.manage("vm", "rm", guest_name(renderer))
        host.close()


def settled(
    lab: Lab, host: libvirt.virConnect, domain: libvirt.virDomain, places: tuple[Place, ...]
) -> tuple[list[str], Seen | None]:
    """What is wrong with a guest that had its time, and how it was last seen."""
    deadline = time.monotonic() + SETTLING
    while True:
        seen = read_guest(lab, domain)
        wrong = list(faults(seen, host, domain, places)) if seen else ["its agent does not answer"]
        if not wrong or time.monotonic() > deadline:
            return wrong, seen
        time.sleep(4)


def faults(seen: Seen, host: libvirt.virConnect, domain: libvirt.virDomain, places: tuple[Place, ...]) -> Iterator[str]:
    """Return the deviations, from what the guest has and what libvirt leased."""
    cards = [seen.cards.get(mac) for mac in macs(domain)]
    for number, (card, place) in enumerate(zip(cards, places, strict=True), 1):
        nic = f"NIC {number} ({place.words})"
        if card is None:
            yield f"{nic} unknown to the guest"
        elif not card.up:
            yield f"{nic} down"
        else:
            for family in sorted(place.dhcp):
                if not leased(host, place, family) & card.addresses:
                    yield f"{nic} without DHCPv{family} lease"
            if place.address and place.address not in card.addresses:
                yield f"{nic} without {place.address}"
    offered = [family for family in (4, 6) if any(family in place.route for place in places)]
    for family in offered:
        devices = seen.default[family]
        takers = [cards[0], *(card for card, place in zip(cards, places, strict=True) if place.ranked)]
        if devices != [card.name for card in takers if card]:
            where = f"on {', '.join(devices)}" if devices else ""
            yield f"{len(devices)} IPv{family} default routes {where}".strip()
    if seen.hostname != domain.name():
        yield f"the host name is {seen.hostname}"
    if seen.errors is None:
        yield "cloud-init is still running"
    elif seen.errors:
        yield f"cloud-init: {'; '.join(seen.errors)}"


def leased(host: libvirt.virConnect, place: Place, family: int) -> set[str]:
    """The addresses that libvirt leased on a network."""
    kind = libvirt.VIR_IP_ADDR_TYPE_IPV4 if family == 4 else libvirt.VIR_IP_ADDR_TYPE_IPV6
    leases = host.networkLookupByName(place.source).DHCPLeases()
    return {lease["ipaddr"] for lease in leases if lease["type"] == kind}


def strangers(
    listener: DHCPListener, domain: libvirt.virDomain, places: tuple[Place, ...], outcome: Outcome
) -> Iterator[str]:
    """Return NICs that still request addresses without a server; record those that did while booting."""
    asked = {}
    for number, (mac, place) in enumerate(zip(macs(domain), places, strict=True), 1):
        for family in {4, 6} - place.dhcp:
            if times := listener.requests(mac, family):
                asked[f"NIC {number} ({place.words})", family, mac] = times
    if asked:
        time.sleep(LONGEST_QUIET)
    for (nic, family, mac), times in asked.items():
        if len(listener.requests(mac, family)) > len(times):
            yield f"{nic} asks for DHCPv{family}"
        else:
            outcome.notes.append(f"{nic} asked for DHCPv{family} while booting")


def macs(domain: libvirt.virDomain) -> list[str]:
    """Of a guest's NICs, in their order."""
    return [str(mac) for mac in etree.fromstring(domain.XMLDesc()).xpath("//interface/mac/@address")]
