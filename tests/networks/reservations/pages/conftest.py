"""A network whose reservations are changed on its pages."""

import pytest
from django.http import HttpResponse

from networks.models import Network
from tests.networks.reservations.pages.reservation_pages import NETWORK, Post
from tests.support.making import make_foreign_network, make_hypervisor


@pytest.fixture
def lab(db, enqueued):
    return make_hypervisor()


@pytest.fixture
def net(lab) -> Network:
    """Return an unmanaged network as recorded from libvirt."""
    return make_foreign_network(lab, NETWORK)


@pytest.fixture
def post(page, enqueued, django_capture_on_commit_callbacks) -> Post:
    """Return a function that posts as a browser does. `enqueued` are the messages of its last call."""

    def run(path: str, data: dict | None = None, **options: object) -> HttpResponse:
        enqueued.clear()
        with django_capture_on_commit_callbacks(execute=True):
            return page.post(path, data or {}, **options)

    return run
