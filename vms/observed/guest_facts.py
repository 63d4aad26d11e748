"""Parses a guest's report of its NICs, DHCP clients and cloud-init, as printed by `guest_facts.sh`. Pure.

Guests are not trusted: any input gives facts of limited size, and unreadable input gives none.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .guest_seen import CloudInit, Interface

COMMAND = (Path(__file__).parent / "guest_facts.sh").read_text()
MAX_CHARACTERS = 100_000  # characters of the report that are read
CARDS = 64
NAME = 40  # characters of an interface's name
ERRORS = 1000  # characters of cloud-init's messages
MAC = re.compile(r"([0-9a-f]{2}:){5}[0-9a-f]{2}")
OPAQUE_CLIENTS = ("connmand", "wickedd")  # services that may use DHCP without being visible here
FAMILIES = {  # the settings of networkd and NetworkManager
    "yes": (4, 6),
    "true": (4, 6),
    "both": (4, 6),
    "on": (4, 6),
    "1": (4, 6),
    "ipv4": (4,),
    "ipv6": (6,),
    "v4": (4,),
    "v6": (6,),
    "[ipv4] auto": (4,),
    "[ipv6] auto": (6,),
    "[ipv6] dhcp": (6,),
}


@dataclass(frozen=True, kw_only=True)
class GuestFacts:
    """The guest's interfaces by MAC with their DHCP families, and cloud-init's result with its messages."""

    interfaces: dict[str, Interface]
    cloud_init: CloudInit | None = None
    errors: str = ""


def read(text: str) -> GuestFacts | None:
    """Return the facts in the program's output; None if the output is incomplete."""
    lines = text[:MAX_CHARACTERS].splitlines()
    if not lines or lines[-1] != "end":
        return None
    said: dict[str, list[list[str]]] = defaultdict(list)
    for line in lines:
        word, _, rest = line.partition(" ")
        said[word].append(rest.split())
    word, errors = _cloud_init(said)
    return GuestFacts(interfaces=_interfaces(said), cloud_init=word, errors=errors)


def _interfaces(said: dict[str, list[list[str]]]) -> dict[str, Interface]:
    found = {}
    cards = [words for words in said["card"] if len(words) == 4 and MAC.fullmatch(words[0].lower())][:CARDS]
    asked = _asked(said, {index: name for _, _, index, name in cards})
    for mac, flags, _, name in cards:
        up = flags.startswith("0x") and len(flags) < 12 and flags[-1] in "13579bdf"  # IFF_UP
        found[mac.lower()] = Interface(name=_clean(name, NAME), up=up, dhcp=asked.get(name))
    return found


def _asked(said: dict[str, list[list[str]]], names: dict[str, str]) -> dict[str, frozenset[int] | None]:
    """Return the families that each interface requests by DHCP, by its name; None where that is unknown."""
    found: dict[str, set[int]] = {name: set() for name in names.values()}
    blind, blind_here = any(words[0].startswith(OPAQUE_CLIENTS) for words in said["manager"] if words), set()
    for words in said["client"]:
        named = [name for name in names.values() if name in words]
        blind |= not named
        for name in named:
            found[name] |= _families(words)
    for words in said["networkd"]:
        if len(words) == 2 and words[0] in names:
            found[names[words[0]]].update(FAMILIES.get(words[1].lower(), ()))
    profiles = defaultdict(list)
    for words in said["profile"]:
        profiles["".join(words[:1])].append(" ".join(words[1:]))
    for words in said["device"]:
        if len(words) == 2 and words[0] in names:
            name, methods = names[words[0]], profiles[words[1]]
            blind_here |= set() if methods else {name}
            found[name].update(family for method in methods for family in FAMILIES.get(method, ()))
    return {
        name: None if not asks and (blind or name in blind_here) else frozenset(asks) for name, asks in found.items()
    }


def _families(words: list[str]) -> set[int]:
    """Return the families that a DHCP client requests, by its name and options."""
    if words[0] == "dhcpcd" and not {"-4", "-6", "[ip4]", "[ip6]"} & set(words):
        return {4, 6}
    six = words[0] == "udhcpc6" or "-6" in words or "[ip6]" in words
    return {6} if six and "[ip4]" not in words else {4, 6} if six else {4}


def _cloud_init(said: dict[str, list[list[str]]]) -> tuple[CloudInit | None, str]:
    """Return the result from cloud-init's files status and result: the latter is written last."""
    there = said["cloud-init"][-1] if said["cloud-init"] else []
    status, result = (_json(said[name]) for name in ("status", "result"))
    if there == ["missing"]:
        return CloudInit.NOT_INSTALLED, ""
    if result is not None:
        errors = _errors([result])
        return (CloudInit.ERROR if errors else CloudInit.DONE), errors
    if status is not None:
        return CloudInit.RUNNING, _errors(part for part in status.values() if isinstance(part, dict))
    if there == ["disabled"]:
        return CloudInit.DISABLED, ""
    return (CloudInit.NOT_RUN if there == ["installed"] else None), ""


def _json(lines: list[list[str]]) -> dict[str, object] | None:
    """Return the part `v1` of one of cloud-init's files; empty if it is unreadable."""
    if not lines:
        return None
    try:
        found = json.loads(" ".join(lines[-1]))["v1"]
    except (ValueError, RecursionError, LookupError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}


def _errors(parts: Iterable[dict[str, object]]) -> str:
    """Return cloud-init's messages, without repetitions."""
    return _clean("; ".join(dict.fromkeys(_sentences(parts))), ERRORS)


def _sentences(parts: Iterable[dict[str, object]]) -> Iterator[str]:
    for part in parts:
        if isinstance(errors := part.get("errors"), list):
            yield from (error[:ERRORS] for error in errors[:20] if isinstance(error, str))


def _clean(text: str, most: int) -> str:
    text = "".join(each if each.isprintable() else " " for each in text)
    return text if len(text) <= most else f"{text[: most - 1]}…"
