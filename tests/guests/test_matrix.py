"""Every link is up, and every NIC on a network with DHCP has its lease: on real guests, for every mixture of networks.

`script/test guests` runs this; it also runs Virter's rule, whose result is shown and fails nothing.
"""

from dataclasses import asdict

import pytest
from lab import Lab, guest_image

from tests.guests.cell import try_cell
from tests.guests.mixtures import MIXTURES, SETTINGS, Place
from tests.support.portal import Portal

pytestmark = pytest.mark.guests


@pytest.mark.parametrize("rule", ["portal", "virter"])
@pytest.mark.parametrize("renderer", guest_image.RENDERERS)
@pytest.mark.parametrize("mixture", MIXTURES)
def test_a_guest_is_connected_as_its_networks_offer(
    mixture: str, renderer: str, rule: str, lab: Lab, portal: Portal, record_property
) -> None:
    found = wrong(f"{mixture} {renderer} {rule}", MIXTURES[mixture], lab, portal, record_property)
    assert rule == "virter" or not found


@pytest.mark.parametrize("renderer", guest_image.RENDERERS)
def test_a_guest_is_connected_as_it_is_set(renderer: str, lab: Lab, portal: Portal, record_property) -> None:
    assert not wrong(f"settings {renderer} portal", SETTINGS["settings"], lab, portal, record_property)


def wrong(key: str, places: tuple[Place, ...], lab: Lab, portal: Portal, record_property) -> list[str]:
    """What is wrong with a guest of these NICs; the cell of the table is told."""
    _, renderer, rule = key.split()
    outcome = try_cell(lab, portal, renderer, places, rule)
    record_property(key, asdict(outcome))
    return outcome.wrong
