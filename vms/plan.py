"""What has to be done to give a VM the NICs that are wished. Pure: values in, steps out."""

import enum
from collections.abc import Iterator
from dataclasses import dataclass

from .domain_xml import FoundNIC, NICSpec


class Verb(enum.Enum):
    ATTACH = "attach"
    DETACH = "detach"


@dataclass(frozen=True, kw_only=True)
class NICStep:
    """One device call: in the running guest (live), the stored definition (config), or both."""

    verb: Verb
    nic: NICSpec | FoundNIC
    live: bool
    config: bool


def plan_nics(
    wanted: tuple[NICSpec, ...],
    removed: frozenset[str],
    live: tuple[FoundNIC, ...] | None,
    stored: tuple[FoundNIC, ...],
) -> tuple[NICStep, ...]:
    """Steps from the NICs found, live (None: it does not run) and stored, to those wanted.

    A NIC is its MAC; `removed` are those wished away. What others attached is left alone.
    """
    return tuple(_steps(wanted, removed, live, stored))


def _steps(
    wanted: tuple[NICSpec, ...],
    removed: frozenset[str],
    live: tuple[FoundNIC, ...] | None,
    stored: tuple[FoundNIC, ...],
) -> Iterator[NICStep]:
    in_guest = {nic.mac: nic for nic in live or ()}
    kept = {nic.mac: nic for nic in stored}
    for mac in sorted(removed & (in_guest.keys() | kept.keys())):
        nic = in_guest.get(mac) or kept[mac]
        yield NICStep(verb=Verb.DETACH, nic=nic, live=mac in in_guest, config=mac in kept)
    for nic in wanted:
        missing_live = live is not None and nic.mac not in in_guest
        if missing_live or nic.mac not in kept:
            yield NICStep(verb=Verb.ATTACH, nic=nic, live=missing_live, config=nic.mac not in kept)
