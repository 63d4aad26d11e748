"""Benchmarks of addresses: pages, polls, search, history and pasted DHCP reservations, run by `script/bench`."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

Report = Callable[[str, str, str, str], None]

BLOCK = """<network><name>{name}</name><uuid>{uuid}</uuid><ip address='{ip}' prefix='{prefix}'><dhcp>
<range start='{start}' end='{end}'/></dhcp></ip></network>"""
HOUR = timedelta(hours=1)


def mac(kind: int, number: int) -> str:
    return f"52:54:{kind:02x}:{number >> 16:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"


def judged(met: bool, goal: str) -> str:
    return f"goal {goal}: {'met' if met else 'missed'}"


@contextmanager
def network(name: str, cidr: str) -> Iterator[object]:
    """Yield a network that exists only in the database, and delete it afterwards."""
    from ipaddress import ip_interface

    from networks.models import Network
    from virterweb.hypervisors.models import Hypervisor

    interface = ip_interface(cidr)
    row = Network.objects.create(hypervisor=Hypervisor.objects.get(), name=name, managed=False, generation=0)
    start, end = interface.ip + 1, interface.network.broadcast_address - 1
    values = {"ip": interface.ip, "prefix": interface.network.prefixlen, "start": start, "end": end}
    document = BLOCK.format(name=name, uuid=row.uuid, **values)
    row.status.write(present=True, active=True, document=document, ip_range=cidr, dhcp=f"{start}-{end}")
    yield row
    row.leases.all().delete()
    row.delete()


def add_leases(row: object, count: int, first: int, kind: int, **values: object) -> None:
    from networks.models import Lease

    base = first_address(row)
    Lease.objects.bulk_create(
        Lease.of(row, mac(kind, number), str(base + first + number), hostname=f"guest-{kind}-{number}", **values)
        for number in range(count)
    )


def add_hosts(row: object, count: int, first: int, kind: int) -> None:
    from networks.definition.spec import HostSpec
    from networks.models import DHCPHostStatus

    base = first_address(row)
    DHCPHostStatus.objects.bulk_create(
        DHCPHostStatus.of(row, HostSpec(mac=mac(kind, number), ip=str(base + first + number), name=f"host-{number}"))
        for number in range(count)
    )


def first_address(row: object) -> object:
    from ipaddress import ip_interface

    return ip_interface(row.status.ip_range).network.network_address


def add_vms(row: object, count: int, kind: int) -> None:
    from vms.models import VM, NICStatus, Power, VMStatus

    for number in range(count):
        vm = VM.objects.create(hypervisor=row.hypervisor, name=f"{row.name}-{number}", managed=False, generation=0)
        VMStatus.objects.filter(desired=vm).update(present=True, power=Power.RUNNING)
        NICStatus.objects.create(
            vm=vm.status,
            position=0,
            kind="network",
            source=row.name,
            network=row,
            mac=mac(kind, number),
            target="vnet0",
        )


class Pages:
    """Loads pages as a logged-in person: seconds, queries, bytes."""

    def __init__(self, timed: Callable) -> None:
        from django.contrib.auth import get_user_model

        from benchmarks.client import page_client

        self.timed = timed
        self.client = page_client()
        self.client.force_login(get_user_model().objects.get())

    def load(self, path: str, htmx: bool = True) -> tuple[float, int, int]:
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        def get() -> int:
            answer = self.client.get(path, headers={"HX-Request": "true"} if htmx else {})
            assert answer.status_code == 200, f"{path}: {answer.status_code}"
            return len(answer.content)

        size = get()
        with CaptureQueriesContext(connection) as queries:
            get()
        count = len(queries)
        return self.timed(get), count, size


def pages(report: Report, timed: Callable) -> None:
    loader = Pages(timed)
    with network("busy", "10.200.0.1/22") as row:
        add_leases(row, 254, 2, 1)
        add_hosts(row, 500, 300, 1)
        add_vms(row, 100, 1)
        base = f"/networks/{row.hypervisor}/busy/"
        parts = ("", "attached/", "addresses/", "leases/", "hosts/", "problems/")
        for part in parts:
            seconds, count, _ = loader.load(base + part, htmx=bool(part))
            what = f"254 leases, 500 reservations, 100 VMs: {part or 'the page'}"
            met = judged(seconds <= 0.06 and count <= 10, "≤ 60 ms, ≤ 10")
            report(what, f"{1000 * seconds:.0f} ms", f"{count} queries", met)
        removed(row)
    with network("wide", "10.201.0.1/16") as row:
        add_leases(row, 10_000, 2, 2)
        add_hosts(row, 10_000, 20_000, 2)
        seconds, count, size = loader.load(f"/networks/{row.hypervisor}/wide/addresses/", htmx=False)
        met = judged(seconds <= 0.1 and count <= 10 and size <= 150_000, "≤ 100 ms, ≤ 10, ≤ 150 kB")
        what = "Address map, next free, /16 with 20 000 entries"
        report(what, f"{1000 * seconds:.0f} ms", f"{count} queries, {size / 1000:.0f} kB", met)


def removed(row: object) -> None:
    from vms.models import VM

    VM.objects.filter(name__startswith=f"{row.name}-").delete()


def search(report: Report, timed: Callable) -> None:
    loader = Pages(timed)
    with network("sought", "10.202.0.1/16") as row:
        add_leases(row, 3000, 2, 3)
        began = datetime(2026, 1, 1, tzinfo=UTC)
        for part in range(10):
            times = {"first_seen": began + part * HOUR, "last_seen": began + (part + 1) * HOUR}
            add_leases(row, 10_000, 10_000, 0x10 + part, vm="gone", **times)
        add_vms(row, 1000, 3)
        slowest = 0.0
        for question in (
            "10.202.0.99",
            "10.202.0.0/28",
            "52:54:03:00:00:63",
            "0300c8",
            "guest-3-777",
            "sought-55",
            "no",
        ):
            seconds, count, _ = loader.load(f"/search/?all=1&q={question}", htmx=False)
            slowest = max(slowest, seconds)
            report(f"Search for {question}", f"{1000 * seconds:.0f} ms", f"{count} queries", "")
        what = "Search, 3000 leases, 100 000 of history, 1000 NICs"
        report(what, f"{1000 * slowest:.0f} ms", "the slowest", judged(slowest <= 0.03, "≤ 30 ms"))
        removed(row)


def history(report: Report) -> None:
    from networks.leases import sync as leases
    from networks.models import Lease
    from virterweb.hypervisors.gateway.found import FoundLease

    days, guests, changes = 30, 300, 0
    with network("month", "10.203.0.1/16") as row:
        base = first_address(row)
        for hour in range(24 * days):
            if hour % 24 == 12:  # every day ten addresses go to another guest
                changes += 10
            found = [
                FoundLease(
                    mac=mac(4 + (number < 10) * (hour + 12) // 24, number),
                    ip=str(base + 2 + number),
                    prefix=16,
                    hostname=f"guest-{number}",
                    client_id="",
                    expires=1_800_000_000 + 3600 * hour,
                )
                for number in range(guests)
            ]
            leases.record(row, found)
        rows = Lease.objects.filter(network=row).count()
        what = f"{days} days of history, {guests} VMs renewing hourly"
        met = judged(rows == guests + changes, "changes of holder")
        report(what, f"{rows} rows", f"{guests} + {changes} changes", met)


def write_leases(networks: list, count: int, private: object) -> None:
    """Write so many leases as libvirt's helper for dnsmasq stores them."""
    until = int(time.time()) + 86400
    for index, each in enumerate(networks):
        entries = [
            {
                "ip-address": f"10.{100 + index // 256}.{index % 256}.{2 + number}",
                "mac-address": mac(5, 256 * index + number),
                "hostname": f"guest-{number}",
                "client-id": "",
                "expiry-time": until,
            }
            for number in range(count // len(networks))
        ]
        (Path(private.directory) / f"lib/dnsmasq/{each.bridgeName()}.status").write_text(json.dumps(entries))


def poll(report: Report, compare: Callable, timed: Callable, host: object, private: object) -> None:
    """Measure one poll of 100 networks with 3000 leases that have not changed."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from networks.leases import sync as leases
    from networks.models import Network, NetworkStatus
    from virterweb.hypervisors.connections.pool import connected
    from virterweb.hypervisors.models import Hypervisor

    for each in host.listAllNetworks():
        if not each.isActive():
            each.create()
    active = [each for each in host.listAllNetworks() if each.name().startswith("bench-")]
    write_leases(active, 3000, private)
    hypervisor = Hypervisor.objects.select_related("status").prefetch_related("reading_problems").get()
    with connected(hypervisor.pk, hypervisor.uri) as open_host:
        found = {each.uuid: each for each in open_host.networks.all()}

        def due() -> list:
            NetworkStatus.objects.update(leases_due_at=None)
            every = Network.objects.on(hypervisor).select_related("hypervisor", "status")
            return [(row, found[row.uuid_text]) for row in every if row.name.startswith("bench-")]

        def poll(pairs: list) -> None:
            leases.poll(hypervisor, open_host, pairs)

        poll(due())
        known = due()
        with CaptureQueriesContext(connection) as queries:
            poll(known)
        seconds = timed(lambda: poll(known))
    bare = timed(lambda: [each.DHCPLeases() for each in active])
    total = sum(len(each.DHCPLeases()) for each in active)
    compare(f"Poll of {len(active)} networks, {total} leases, unchanged", seconds, bare)
    report("… queries, which note the time", f"{len(queries)}", "", judged(len(queries) <= 2, "≤ 2"))


def paste(report: Report, compare: Callable, timed: Callable, host: object, name: str) -> None:
    """Measure pasting 500 DHCP reservations into a running network, until libvirt has them all."""
    import libvirt

    from networks.models import Network

    network = host.networkLookupByName(name)
    bridge = network.bridgeName()
    loader = Pages(None)
    path = f"/networks/lab/{name}/hosts/paste/"
    text = "\n".join(
        f"{mac(6, number)},10.8.{100 + number // 250}.{1 + number % 250},node-{number}" for number in range(500)
    )
    seconds = timed(lambda: loader.client.post(path, {"text": text}))
    answer = loader.client.post(path, {"text": text})
    assert answer.status_code == 200, answer.content.decode()
    report("Paste of 500 reservations, the preview", f"{1000 * seconds:.0f} ms", "", judged(seconds <= 0.2, "≤ 200 ms"))
    token = re.search(r'name="token" value="([^"]*)"', answer.content.decode())[1]
    connections = network.XMLDesc().count("connections")
    began = time.perf_counter()
    loader.client.post(path, {"text": text, "token": token})
    while not Network.objects.select_related("status").get(name=name).done:
        time.sleep(0.05)
    applied = time.perf_counter() - began
    assert network.XMLDesc().count("<host mac='52:54:06") == 500, "not all are there"
    assert (network.bridgeName(), network.XMLDesc().count("connections")) == (bridge, connections)
    plan = Network.objects.get(name=name).revisions.first().plan
    flags = libvirt.VIR_NETWORK_UPDATE_AFFECT_LIVE | libvirt.VIR_NETWORK_UPDATE_AFFECT_CONFIG
    add, section = libvirt.VIR_NETWORK_UPDATE_COMMAND_ADD_LAST, libvirt.VIR_NETWORK_SECTION_IP_DHCP_HOST
    began = time.perf_counter()
    for number in range(50):  # a tenth of them: libvirt takes a third of a second for each
        entry = f"<host mac='{mac(7, number)}' ip='10.8.110.{1 + number}' name='bare-{number}'/>"
        network.update(add, section, 0, entry, flags)
    compare(f"… written by {len(plan)} live calls, no restart", applied, 10 * (time.perf_counter() - began))
