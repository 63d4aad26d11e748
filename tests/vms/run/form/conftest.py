"""A hypervisor with an image and networks."""

import pytest

from tests.support.making import make_foreign_network, make_hypervisor, make_image, make_network


@pytest.fixture
def lab(db, enqueued):
    hypervisor = make_hypervisor()
    make_foreign_network(hypervisor)
    make_network(hypervisor)
    make_image(hypervisor)
    return hypervisor
