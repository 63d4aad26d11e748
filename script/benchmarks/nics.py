"""Benchmarks of NICs, compared with plain libvirt calls, run by `script/bench`."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from statistics import median

NICS = 3  # of each VM
RUNNING = 50  # VMs, each held before its first instruction: libvirt counts their NICs all the same
ROUNDS = 9
ADDED = 9  # NICs of each kind

DOMAIN = """<domain type='qemu'><name>{name}</name><memory unit='MiB'>16</memory><os><type>hvm</type></os>
<devices>{nics}</devices></domain>"""
NIC = """<interface type='network'><source network='{network}'/><mac address='52:54:08:{tail}'/>
<model type='virtio'/></interface>"""


def observation(compare: Callable, report: Callable, timed: Callable, host: object, read: Callable, vms: int) -> None:
    """Poll VMs with many NICs; `read` makes the plain calls for all but the traffic. All other VMs are removed."""
    import libvirt

    from virterweb.hypervisors.models import Hypervisor
    from virterweb.hypervisors.sync import observe
    from vms.models import NICStatus, NICTraffic

    running = fill(host, vms)
    pk = Hypervisor.objects.get().pk

    def bare() -> None:
        read(host)
        stats()

    def stats() -> None:
        host.getAllDomainStats(libvirt.VIR_DOMAIN_STATS_INTERFACE, libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE)

    def poll() -> None:
        read_all_again()
        observe(pk)

    poll()
    alone, polled = [], []
    for _ in range(ROUNDS):  # in turns, for a machine is not equally quick all the time
        alone.append(timed(bare, rounds=1))
        polled.append(timed(poll, rounds=1))
    assert (NICStatus.objects.count(), NICTraffic.objects.count()) == (NICS * vms, NICS * len(running))
    what = f"Look at {vms} VMs, {NICS * vms} NICs, {len(running)} VMs running"
    compare(what, median(polled), median(alone))
    traffic(compare, report, timed, pk, stats, len(running))
    for domain in running:
        domain.destroy()


def adding(report: Callable, host: object, portal: object) -> None:
    """From the click on the form to the NIC in the running domain, and the bare call with the same document."""
    import libvirt

    portal.log_in()
    portal.manage("vm", "run", "tiny", "--id", "90", "--memory", "128M")
    domain = host.lookupByName("tiny-90")
    flags = libvirt.VIR_DOMAIN_AFFECT_LIVE | libvirt.VIR_DOMAIN_AFFECT_CONFIG
    path = "/vms/lab/tiny-90/nics/add/"
    token = portal.token(path)
    bare, clicked = [], []
    for number in range(ADDED):  # in turns; an i440fx machine has slots for all of them
        tail = f"ff:00:{number:02x}"
        nic = NIC.format(network="default", tail=tail)
        began = time.perf_counter()
        domain.attachDeviceFlags(nic, flags)
        bare.append(time.perf_counter() - began)
        seen = f"NICStatus.objects.filter(mac='52:54:08:{tail}').exists()"
        while not portal.ask(f"{seen} and not HypervisorStatus.objects.get().claimed_by"):
            time.sleep(0.05)  # the poll that finds this NIC of somebody else is over
        mac = f"52:54:08:ff:01:{number:02x}"
        with ThreadPoolExecutor(1) as browser:  # the NIC may be there before the next page is
            began = time.perf_counter()
            sent = browser.submit(portal.send, path, token, network="default", model="virtio", link_up="on", mac=mac)
            # The stored definition: for the other, libvirt asks QEMU, which delays the NIC.
            while mac not in domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE):
                time.sleep(0.005)
            clicked.append(time.perf_counter() - began)
            sent.result()
        while not portal.ask("VM.objects.get(name='tiny-90').done"):
            time.sleep(0.1)
    portal.manage("vm", "rm", "tiny-90")
    alone, both = median(bare), median(clicked)
    goal = 2 * alone + 0.05
    judged = f"goal ≤ 2 × bare + 50 ms: {'met' if both <= goal else 'missed'}"
    what = "Add a NIC to a running VM, click to attached"
    report(what, f"{1000 * both:.0f} ms", f"{both / alone:.2f} × {1000 * alone:.0f} ms bare", judged)


def traffic(compare: Callable, report: Callable, timed: Callable, pk: int, stats: Callable, running: int) -> None:
    """Measure the part of a poll that reads and writes the counters."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from virterweb.hypervisors.connections.pool import connected
    from virterweb.hypervisors.models import Hypervisor, HypervisorStatus
    from vms.nics import traffic

    hypervisor = Hypervisor.objects.get(pk=pk)

    def poll() -> None:
        HypervisorStatus.objects.update(traffic_due_at=None)
        traffic.observe(hypervisor, open_host)

    with connected(pk, hypervisor.uri) as open_host:
        with CaptureQueriesContext(connection) as queries:
            poll()
        seconds = timed(poll)
    compare(f"… its traffic of {running} VMs, read and written", seconds, timed(stats), goal=None)
    report("… queries", f"{len(queries)}", "", "")


def fill(host: object, vms: int) -> list:
    """Replace the VMs by others on the running networks; return those that run."""
    import libvirt

    for domain in host.listAllDomains():
        if domain.isActive():
            domain.destroy()
        domain.undefine()
    networks = [each.name() for each in host.listAllNetworks() if each.isActive()]
    running = []
    for number in range(vms):
        nics = "".join(
            NIC.format(
                network=networks[(number + index) % len(networks)],
                tail=f"{index:02x}:{number // 256:02x}:{number % 256:02x}",
            )
            for index in range(NICS)
        )
        domain = host.defineXML(DOMAIN.format(name=f"nics-{number}", nics=nics))
        if number < RUNNING:
            domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
            running.append(domain)
    return running


def read_all_again() -> None:
    """Make the next poll read facts that are usually read less often, too."""
    from networks.models import NetworkStatus
    from virterweb.hypervisors.models import Hypervisor, HypervisorStatus

    NetworkStatus.objects.update(leases_due_at=None)
    Hypervisor.objects.get().request_poll()
    HypervisorStatus.objects.update(traffic_due_at=None)
