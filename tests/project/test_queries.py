"""Pages cost a few queries, as many for a hundred rows as for two."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from networks.definition.events import Event
from networks.models import Network
from tests.support.making import (
    make_foreign_network,
    make_hypervisor,
    make_image,
    make_lease,
    make_network,
    make_running,
    make_vm,
)
from vms.models import VM

HTMX = {"HX-Request": "true"}


@pytest.fixture
def grow(db, enqueued):
    """Add so many networks, and VMs that run on them with leases."""
    hypervisor = make_hypervisor()
    default = make_foreign_network(hypervisor)
    image = make_image(hypervisor)

    def run(first: int, last: int) -> None:
        for number in range(first, last):
            make_network(hypervisor, f"net{number}", f"10.{number}.0.1/24")
            mac = f"52:54:00:00:00:{number:02x}"
            make_running(make_vm(hypervisor, f"vm-{number}", number, image=image), ("default", mac, f"vnet{number}"))
            make_lease(default, mac, f"192.168.122.{number}", f"vm-{number}")
            VM.objects.get(name="vm-2").resize(1024 + number, 1)
            Network.objects.get(name="net2").note(Event.CHANGED)

    return run


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/networks/", {}),
        ("/networks/", HTMX),
        ("/networks/lab-1/default/", {}),
        ("/networks/lab-1/default/attached/", HTMX),
        ("/networks/lab-1/default/attached/?group=vm", {}),
        ("/attached/", {}),
        ("/attached/?network=default&group=vm", HTMX),
        ("/networks/lab-1/default/leases/", HTMX),
        ("/vms/", {}),
        ("/vms/", HTMX),
        ("/vms/?q=vm&sort=address", {}),
        ("/vms/lab-1/vm-2/history/", {}),
        ("/networks/lab-1/net2/history/", {}),
    ],
)
def test_a_page_costs_the_same_few_queries_for_many_rows(page, grow, path, headers):
    def queries() -> int:
        with CaptureQueriesContext(connection) as found:
            assert page.get(path, headers=headers).status_code == 200
        return len(found)

    grow(2, 4)
    few = queries()
    grow(4, 40)
    assert queries() == few <= 15
