"""A hypervisor, and a catalogue with two entries."""

import pytest

from tests.support.making import make_hypervisor
from virterweb.hypervisors.models import HypervisorStatus
from vms.models import CatalogueEntry

URL = "https://files.example/alma-8.qcow2?key=secret"
SHA = "a1" * 32


@pytest.fixture
def lab(db, enqueued):
    lab = make_hypervisor()
    HypervisorStatus.objects.update(observed_at=lab.status.observed_at)
    return lab


@pytest.fixture
def entry(lab) -> CatalogueEntry:
    CatalogueEntry.objects.create(name="debian-12", url="https://files.example/debian-12.qcow2")
    return CatalogueEntry.objects.create(name="alma-8", url=URL, checksum=SHA, note="for tests")
