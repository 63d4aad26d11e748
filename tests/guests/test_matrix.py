"""Every link is up, and every NIC on a network with DHCP has its lease: on real guests, for every mixture of networks.

`script/test guests` runs this; by Virter's own rule beside the portal's, which is shown and fails nothing.
"""

from dataclasses import asdict

import guest_image
import pytest
from lab import Lab

from tests.guests.cell import try_cell
from tests.guests.mixtures import MIXTURES
from tests.portal import Portal

pytestmark = pytest.mark.guests


@pytest.mark.parametrize("rule", ["portal", "virter"])
@pytest.mark.parametrize("renderer", guest_image.RENDERERS)
@pytest.mark.parametrize("mixture", MIXTURES)
def test_a_guest_is_connected_as_its_networks_offer(
    mixture: str, renderer: str, rule: str, lab: Lab, portal: Portal, record_property
) -> None:
    outcome = try_cell(lab, portal, renderer, MIXTURES[mixture], rule)
    record_property(f"{mixture} {renderer} {rule}", asdict(outcome))
    assert rule == "virter" or not outcome.wrong
