"""A hypervisor with several running VMs."""

import pytest

from tests.support.making import make_foreign_network, make_hypervisor, make_network
from tests.vms.bulk.many_vms import make
from vms.models import VM


@pytest.fixture
def lab(db, enqueued):
    hypervisor = make_hypervisor()
    make_foreign_network(hypervisor)
    for number, name in enumerate(("red", "blue", "idle")):
        make_network(hypervisor, name, f"10.25{number}.0.1/24").status.write(present=True, active=name != "idle")
    return hypervisor


@pytest.fixture
def vms(lab) -> list[VM]:
    return [make(lab, number) for number in (3, 4, 5)]
