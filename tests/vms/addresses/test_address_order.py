"""The list of VMs is sorted by the first address that each row shows, whichever source it has."""

from functools import partial
from itertools import combinations

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.support.making import make_foreign_network, make_hypervisor, make_lease, make_running, make_vm
from virterweb.pages.tables import Table, address_key, natural_key
from vms.listing import COLUMNS, loaded
from vms.models import VM, NICAddress, NICStatus, Power, VMStatus
from vms.observed.addresses import Source

STALE = "stale"
LEASE, AGENT, ARP = Source.LEASE, Source.AGENT, Source.ARP
# What is known of a VM's first NIC: a source, an address, and whether the source can no longer be read.
KNOWN = (
    (LEASE, "192.168.122.100"),
    (LEASE, "192.168.122.9"),
    (LEASE, "fd00::10"),
    (AGENT, "192.168.122.100"),
    (AGENT, "192.168.122.20"),
    (AGENT, "10.0.0.3"),
    (AGENT, "fd00::a"),
    (ARP, "192.168.122.9"),
    (ARP, "10.0.0.2"),
    (ARP, "fd00::ffff"),
    (AGENT, "10.0.0.30", STALE),
    (AGENT, "fd00::9", STALE),
    (ARP, "10.0.0.1", STALE),
)
CASES = [case for number in range(4) for case in combinations(KNOWN, number)]


@pytest.fixture
def vms(db, enqueued):
    """Have a VM for each combination of what may be known of an address, running and off."""
    network = make_foreign_network(make_hypervisor())
    for number, case in enumerate(CASES):
        vm = make_vm(network.hypervisor, f"vm-{number}", None)
        mac = f"52:54:00:00:{number >> 8:02x}:{number & 255:02x}"
        make_running(vm, ("default", mac, "vnet0"), ("default", f"52:54:01{mac[8:]}", "vnet1"))
        NICAddress.objects.create(vm=vm.status, mac=f"52:54:01{mac[8:]}", ip="1.1.1.1", source=AGENT)
        for source, ip, *stale in case:
            if source is LEASE:
                make_lease(network, mac, ip)
            else:
                as_of = timezone.now() if stale else None
                NICAddress.objects.create(vm=vm.status, mac=mac, ip=ip, source=source, as_of=as_of)
    off = VM.objects.filter(number=None).order_by("pk")[1::7]
    VMStatus.objects.filter(desired__in=list(off)).update(power=Power.OFF)
    NICStatus.objects.update(network=network)


def key_of(vm: VM) -> tuple:
    """Return what the column shows as a sort key: VMs without an address come first."""
    return [address_key(address) for address in vm.addresses[:1]]


@pytest.mark.parametrize("order", ["address", "-address"])
def test_the_database_sorts_by_the_first_address_that_the_column_shows(vms, order):
    rows = VM.objects.once_a_name().with_shown_state()
    shown = []
    for page in range(1, -(-len(CASES) // 40) + 1):
        query = QueryDict(f"sort={order}&page={page}")
        table = Table(rows, COLUMNS, query, load=partial(loaded, VM.objects.shown()))
        shown += table.rows
    by_name = sorted(shown, key=lambda vm: natural_key(vm.name))
    assert len({vm.pk for vm in shown}) == len(CASES)
    assert shown == sorted(by_name, key=key_of, reverse=order.startswith("-"))


def test_the_order_costs_no_further_query(page, vms):
    def queries(path: str) -> int:
        page.get(path)
        with CaptureQueriesContext(connection) as captured:
            page.get(path)
        return len(captured)

    assert queries("/vms/?sort=address") == queries("/vms/?sort=name")
