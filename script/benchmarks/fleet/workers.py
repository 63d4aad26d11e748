"""Measures workers with many hypervisors of libvirt's test driver; prints a table and judges nothing.

`PYTHONPATH=script .venv/bin/python -m benchmarks.fleet.workers --hypervisors 64 --workers 1`. DATABASE_URL and
CELERY_BROKER_URL in the environment choose the database and the broker; without them it is SQLite and a folder. A sweep
is the time until each hypervisor has been polled once more; a click is a new network, until a worker has created it.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from statistics import median, quantiles

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT), str(ROOT / "script")]

NETWORK = """<network><name>net-{number}</name><uuid>{uuid}</uuid><bridge name='br{number}'/>
<ip address='10.{number}.0.1' netmask='255.255.255.0'/></network>"""
NIC = "<interface type='network'><mac address='52:54:{tail}'/><source network='net-{network}'/></interface>"
DOMAIN = """<domain type='test'><name>vm-{number}</name><uuid>{uuid}</uuid><memory>16384</memory><vcpu>1</vcpu>
<os><type>hvm</type></os><devices>{nics}</devices></domain>"""
VMS, NETWORKS, NICS = 10, 2, 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hypervisors", type=int, default=64)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--clicks", type=int, default=40)
    parser.add_argument("--interval", type=float, default=10, help="seconds between two polls of a hypervisor")
    parser.add_argument("--refused", type=int, default=0, help="further hypervisors whose port is closed")
    parser.add_argument("--silent", type=int, default=0, help="further hypervisors whose libvirt never answers")
    parser.add_argument("--hanging", type=int, default=0, help="further hypervisors whose SSH server never answers")
    options = parser.parse_args()
    from tests.support.portal import Portal

    with tempfile.TemporaryDirectory(prefix="fleet-") as name:
        folder = Path(name)
        environment = {"VIRTERWEB_IDLE_POLL_SECONDS": str(options.interval)}
        environment |= {key: os.environ[key] for key in ("DATABASE_URL", "CELERY_BROKER_URL") if key in os.environ}
        portal = Portal(folder, {}, **environment)
        os.environ |= {**portal.environment, "DJANGO_SETTINGS_MODULE": "virterweb.settings"}
        import django

        django.setup()
        silent = socket.create_server(("127.0.0.1", 0), backlog=1000)  # nobody accepts
        register(folder, options.hypervisors, unreachable(options, silent.getsockname()[1]))
        workers = []
        try:
            for _ in range(options.workers):
                portal.start_worker("script.benchmarks.fleet.worker")
                workers.append(portal.worker)
            measure(workers, options, folder)
        finally:
            for worker in workers:
                worker.terminate()
            for worker in workers:
                worker.wait()


def unreachable(options: argparse.Namespace, port: int) -> dict[str, str]:
    """Return the URIs of the hypervisors that no worker reaches, by name; nothing answers at the port."""
    closed = "qemu+tcp://127.0.0.1:9/system"
    found = {f"refused-{n}": closed for n in range(options.refused)}
    found |= {f"silent-{n}": f"qemu+tcp://127.0.0.1:{port}/system" for n in range(options.silent)}
    return found | {f"hanging-{n}": f"qemu+ssh://root@127.0.0.1:{port}/system" for n in range(options.hanging)}


def register(folder: Path, count: int, others: dict[str, str]) -> None:
    """Write the test driver's hosts, and add them and others, which are given by name and URI, as hypervisors."""
    from virterweb.hypervisors.models import Hypervisor, HypervisorStatus

    for number in range(count):
        (folder / f"host-{number}.xml").write_text(host(number))
    uris = {f"lab-{n}": f"test:///{folder}/host-{n}.xml".replace("////", "///") for n in range(count)} | others
    Hypervisor.objects.bulk_create(Hypervisor(name=name, uri=uri) for name, uri in uris.items())
    HypervisorStatus.objects.bulk_create(
        HypervisorStatus(hypervisor=one) for one in Hypervisor.objects.filter(status=None)
    )


def host(number: int) -> str:
    networks = "".join(NETWORK.format(number=n, uuid=uuid.uuid4()) for n in range(NETWORKS))
    domains = "".join(
        DOMAIN.format(
            number=vm,
            uuid=uuid.uuid4(),
            nics="".join(
                NIC.format(network=nic % NETWORKS, tail=f"{number >> 8:02x}:{number & 255:02x}:{vm:02x}:{nic:02x}")
                for nic in range(NICS)
            ),
        )
        for vm in range(VMS)
    )
    pool = "<pool type='dir'><name>default</name><target><path>/pool</path></target></pool>"
    return f"<node><cpu><mhz>3000</mhz></cpu><memory>8388608</memory>{networks}{domains}{pool}</node>"


def measure(workers: list[subprocess.Popen], options: argparse.Namespace, folder: Path) -> None:
    began = time.monotonic()
    wait(lambda: observed_since(None) == options.hypervisors, 600)
    report("First sweep", f"{time.monotonic() - began:.1f} s")
    busy, start = cpu(workers), time.monotonic()
    waits, longest = [], 0
    for _ in range(options.clicks):
        waits.append(click(random.randrange(options.hypervisors)))
        longest = max(longest, waiting(folder))
        time.sleep(0.1)
    report("Click, median", f"{1000 * median(waits):.0f} ms")
    report("Click, 95 %", f"{1000 * quantiles(waits, n=20)[-1]:.0f} ms")
    report("Messages waiting, at most", str(longest))
    since = time.time()
    began = time.monotonic()
    wait(lambda: observed_since(since) == options.hypervisors, 600)
    report("Sweep", f"{time.monotonic() - began:.1f} s")
    elapsed = time.monotonic() - start
    used = cpu(workers) - busy
    report("CPU of all workers", f"{100 * used / elapsed:.0f} %")
    report(
        "CPU for each hypervisor and interval",
        f"{1000 * used / options.hypervisors / (elapsed / options.interval):.1f} ms",
    )
    report("Memory of a worker, at most", f"{max(map(memory, workers)):.0f} MiB")


def report(what: str, figure: str) -> None:
    print(f"{what:45}{figure:>12}", flush=True)


def wait(done: object, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not done after {seconds} s")
        time.sleep(0.02)


def observed_since(moment: float | None) -> int:
    from datetime import UTC, datetime

    from virterweb.hypervisors.models import HypervisorStatus

    observed = HypervisorStatus.objects.exclude(observed_at=None)
    return observed.filter(observed_at__gt=datetime.fromtimestamp(moment or 0, UTC)).count()


def click(number: int) -> float:
    """Create a network; return the seconds until a worker has carried it out."""
    from networks.models import Network
    from tests.support.making import make_network
    from virterweb.hypervisors.models import Hypervisor

    hypervisor = Hypervisor.objects.get(name=f"lab-{number}")
    name = f"click-{uuid.uuid4().hex[:6]}"
    began = time.monotonic()
    network = make_network(hypervisor, name, "")
    wait(lambda: Network.objects.get(pk=network.pk).done, 120)
    return time.monotonic() - began


def waiting(folder: Path) -> int:
    if url := os.environ.get("CELERY_BROKER_URL"):
        import redis

        return redis.Redis.from_url(url).llen("celery")
    return len(list((folder / "broker" / "messages").glob("*.msg")))


def cpu(workers: list[subprocess.Popen]) -> float:
    """Return the seconds of processor time that the processes have used."""
    ticks = [Path(f"/proc/{one.pid}/stat").read_text().rpartition(")")[2].split()[11:13] for one in workers]
    return sum(int(each) for pair in ticks for each in pair) / os.sysconf("SC_CLK_TCK")


def memory(worker: subprocess.Popen) -> float:
    """Return the MiB that a process holds in memory."""
    pages = int(Path(f"/proc/{worker.pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1024**2


if __name__ == "__main__":
    main()
