"""People of every role, with objects on two hypervisors, and a client for each of them."""

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client

from tests.project.conftest import people, things  # noqa: F401, fixtures
from tests.support.making import make_host, make_hypervisor, make_image, make_lease, make_network, make_running, make_vm
from virterweb.hypervisors.models import Hypervisor


@pytest.fixture
def everybody(people, things):  # noqa: F811
    """Return users by role: those of `people`, and one who operates all hypervisors by the permission."""
    found = get_user_model().objects.create_user("all", password="a good one")
    found.user_permissions.add(Permission.objects.get(codename="operate"))
    return people | {"operator of all": get_user_model().objects.get(pk=found.pk)}


@pytest.fixture
def lab(everybody) -> Hypervisor:
    """Return the hypervisor that the user `operator` operates."""
    return Hypervisor.objects.get(name="lab")


@pytest.fixture
def other(everybody) -> Hypervisor:
    """Return a hypervisor that only operators of all operate, with objects whose names say “foreign”."""
    found = make_hypervisor("foreign-host")
    network = make_network(found, "foreign-net", "10.66.0.1/24")
    make_host(network, "52:54:00:66:00:09", "10.66.0.9")
    make_lease(network, "52:54:00:66:00:07", "10.66.0.7", "foreign-guest")
    vm = make_vm(found, "foreign-vm", 66, image=make_image(found, "foreign-image"))
    make_running(vm, ("foreign-net", "52:54:00:66:00:08", "vnet66"))
    return found


@pytest.fixture
def page_of(everybody):
    """Return a function that gives the client of a user by role."""

    def client(role: str) -> Client:
        found = Client()
        if everybody[role]:
            found.force_login(everybody[role])
        return found

    return client
