"""A hypervisor of its own, to whose host faults are applied."""

from collections.abc import Iterator

import pytest
from lab import Lab

from tests.lab.conftest import lab_in
from tests.lab.faults.reasons.refused_changes import things_of
from tests.support.portal import Portal


@pytest.fixture(scope="package")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    yield from lab_in(tmp_path_factory.mktemp("lab"))


@pytest.fixture(autouse=True)
def nothing_left_over(portal: Portal, lab: Lab) -> Iterator[None]:
    """Delete the network and the VM of each test, and assert that nothing else is left."""
    before = things_of(lab)
    yield
    portal.manage("vm", "rm", "tiny-20")
    portal.manage("network", "rm", "net1")
    assert things_of(lab) == before
