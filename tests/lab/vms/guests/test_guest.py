"""A guest with cloud-init is connected as its networks offer: one cell of the matrix of `script/test guests`."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from lab import Lab

from tests.guests.cell import put_image, try_cell
from tests.guests.mixtures import ACCESS, DARK, RED, make_network, remove_network
from tests.support.portal import Portal

RELEASE = Path("/etc/os-release")
DEBIAN = RELEASE.exists() and "ID=debian" in RELEASE.read_text().splitlines()
pytestmark = [pytest.mark.lab, pytest.mark.skipif(not DEBIAN, reason="the guest is built of the machine’s own Debian")]


@pytest.fixture(scope="session")
def image(lab: Lab) -> None:
    put_image(lab, "ifupdown")


@pytest.fixture
def networks(lab: Lab) -> Iterator[None]:
    for place in (DARK, RED):
        make_network(lab, place)
    yield
    for place in (DARK, RED):
        remove_network(lab, place)


def test_a_nic_without_dhcp_between_two_with_it_is_up(image: None, networks: None, lab: Lab, portal: Portal) -> None:
    assert not try_cell(lab, portal, "ifupdown", (ACCESS, DARK, RED), "portal").wrong
