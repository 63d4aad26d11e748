"""Why a NIC does not have the address that is reserved for it."""

from datetime import UTC, datetime, timedelta

import pytest

from vms.observed import wording
from vms.observed.expected import Situation, why_not

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
WANTED, OTHER = "10.255.0.50", "10.255.0.207"


def why(**known) -> str:
    found = why_not(Situation(reserved=WANTED, **known), NOW)
    return wording.reason(*found) if found else ""


@pytest.mark.parametrize(
    "known",
    [
        {"leased": (WANTED,)},
        {"reported": (WANTED,)},
        {"leased": (WANTED,), "reported": (OTHER, WANTED)},
        {"reported": (WANTED,)},
    ],
)
def test_a_nic_with_its_reserved_address_shows_no_reason(known):
    assert why(**known) == ""


@pytest.mark.parametrize(
    "known, reason",
    [
        ({"in_libvirt": False}, "being reserved"),
        ({"link_up": False}, "link is down"),
        ({"leased": (OTHER,)}, f"lease of {OTHER} is older"),
        ({"leased": (OTHER,), "until": NOW + timedelta(hours=1)}, "at the latest at"),
        ({"leased": (OTHER,), "reported": (OTHER,)}, f"lease of {OTHER} is older"),
        ({"leased": (WANTED,), "reported": (OTHER,)}, f"leased it, but uses {OTHER}"),
        ({"reported": (OTHER,)}, "configured manually"),
        ({"since": NOW - timedelta(seconds=20)}, "not requested an address yet"),
        ({"since": NOW - timedelta(minutes=5)}, "no DHCP client runs"),
    ],
)
def test_a_nic_without_its_reserved_address_shows_the_reason(known, reason):
    assert reason in why(**known)
