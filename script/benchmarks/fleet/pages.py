"""Measures the pages of a portal with many hypervisors, or of one large lab: milliseconds, queries and kB of each.

`PYTHONPATH=script .venv/bin/python -m benchmarks.fleet.pages [--hypervisors N | --lab] [--postgresql] [--member]
[--only TEXT] [--profile PATH]`.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import os
import pstats
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import median, quantiles

from .rows import ONE_LAB, Size, fill

ROOT = Path(__file__).resolve().parents[3]
ROUNDS = 12
GOAL_QUERIES, GOAL_BYTES = 12, 60_000

NETWORK, VM = "/networks/host-7/net0/", "/vms/host-7/vm-host-7-3/"
FRAGMENTS = ("/", "/networks/", "/vms/", "/attached/", "/images/", "/hypervisors/", "/trouble/", "/topology/")
FRAGMENTS += tuple(NETWORK + part for part in ("", "attached/", "addresses/", "leases/", "hosts/", "problems/"))
FRAGMENTS += tuple(VM + part for part in ("", "problems/", "console/", "guest/"))
PAGES = (
    *("/", "/hypervisors/", "/hypervisors/?q=host-77", "/networks/", "/networks/?page=2", "/networks/?q=net1"),
    *("/networks/?hypervisor=host-7", "/networks/?state=ready", "/networks/?sort=range", "/networks/?sort=state"),
    *("/vms/", "/vms/?page=3", "/vms/?q=host-7-", "/vms/?hypervisor=host-7", "/vms/?state=running"),
    *("/vms/?sort=address", "/vms/?sort=-nics", "/attached/", "/attached/?group=vm", "/attached/?network=net0"),
    *("/attached/?hypervisor=host-7", "/attached/?q=vm-host-7-3", "/images/", "/networks/add/", "/vms/run/"),
    *("/search/?q=10.99.0.7", "/search/?q=vm-host-7-", "/search/?q=net0", "/search/?q=52:54:00:00:07:01"),
    *("/search/?q=10.99.0.0/24", "/search/?q=host", "/profile/password/", "/networks/?q=none", "/vms/?q=none"),
    *(NETWORK + part for part in ("", "attached/", "addresses/", "leases/", "hosts/", "hosts/add/", "hosts/paste/")),
    *(NETWORK + part for part in ("edit/", "xml/", "history/", "copies/", "remove/", "problems/", "plan/")),
    *(VM + part for part in ("", "definition/", "history/", "guest/", "console/", "copies/", "remove/", "size/")),
    *(VM + part for part in ("force-off/", "nics/add/", "problems/", "traffic/")),
    *("/topology/", "/topology/?hypervisor=host-7", "/addresses/", "/capacity/", "/activity/", NETWORK + "traffic/"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hypervisors", type=int, default=64)
    parser.add_argument("--lab", action="store_true", help="one hypervisor with 100 networks, 300 VMs and 1000 NICs")
    parser.add_argument("--postgresql", action="store_true", help="on a private PostgreSQL server instead of SQLite")
    parser.add_argument("--member", action="store_true", help="as a member of 3 of 200 teams too")
    parser.add_argument("--data", type=Path, help="folder of an earlier run, whose database is used again")
    parser.add_argument("--only", default="", help="only pages whose path contains this text")
    parser.add_argument("--profile", default="", help="print where the time of this page goes")
    options = parser.parse_args()
    sys.path[:0] = [str(ROOT), str(ROOT / "script")]
    with ExitStack() as stack:
        folder = options.data or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fleet-")))
        os.environ |= {"VIRTERWEB_DATA": str(folder), "DJANGO_SETTINGS_MODULE": "virterweb.settings"}
        if options.postgresql:
            from postgresql import private_server

            os.environ["DATABASE_URL"] = stack.enter_context(private_server())
        client = prepare(ONE_LAB if options.lab else Size(hypervisors=options.hypervisors))
        stack.callback(disconnect)
        client.get("/")
        gc.collect()
        gc.freeze()  # as virterweb.asgi does
        for each in [client, member()] if options.member else [client]:
            profile(each, options.profile) if options.profile else measure(each, *goals(options))


def goals(options: argparse.Namespace) -> tuple[list[tuple[str, bool]], float]:
    """Return the pages to measure, each with whether it is a fragment, and the seconds that each may take."""
    every = [*((path, False) for path in PAGES), *((path, True) for path in FRAGMENTS)]
    found = [(path.replace("host-7", "host-0") if options.lab else path, htmx) for path, htmx in every]
    return [each for each in found if options.only in each[0]], 0.05 if options.lab else 0.1


def disconnect() -> None:
    """Close the connection, which PostgreSQL waits for when it stops."""
    from django.db import connection

    connection.close()


def prepare(size: Size) -> object:
    """Return the client of an operator, on a database with the fleet."""
    import django

    django.setup()
    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from django.db import connection

    from virterweb.hypervisors.models import Hypervisor, HypervisorStatus

    call_command("migrate", verbosity=0)
    if not Hypervisor.objects.exists():
        fill(size)
        get_user_model().objects.create_superuser("operator", password="a page of its own changes it")
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    from django.utils import timezone

    HypervisorStatus.objects.update(observed_at=timezone.now())
    return signed_in("operator")


def signed_in(name: str) -> object:
    from django.contrib.auth import get_user_model

    from benchmarks.client import page_client

    client = page_client()
    client.force_login(get_user_model().objects.get(username=name))
    return client


def member() -> object:
    """Return the client of a member of a few of many teams, among which the objects are divided."""
    from benchmarks.fleet.teams import divide
    from virterweb.people.models import Team

    print("as a member of a team:")
    if not Team.objects.filter(name="team-0").exists():
        divide("member")
    return signed_in("member")


def load(client: object, path: str, htmx: bool) -> Callable[[], int]:
    headers = {"Accept-Encoding": "gzip"} | ({"HX-Request": "true"} if htmx else {})

    def get() -> int:
        answer = client.get(path, headers=headers)
        assert answer.status_code == 200, f"{path}: {answer.status_code}"
        return len(answer.content)

    return get


def measure(client: object, pages: list[tuple[str, bool]], seconds: float) -> None:
    """Print a line for each page; a fragment, which pages poll, is marked by …"""
    print(f"{'page':48}{'CPU':>9}{'best':>9}{'median':>9}{'p95':>9}{'queries':>9}{'kB':>7}")
    met = [measured(client, path, htmx, seconds) for path, htmx in pages]
    print(f"{sum(met)} of {len(met)} within {seconds} s, {GOAL_QUERIES} queries and {GOAL_BYTES} bytes")


def measured(client: object, path: str, htmx: bool, seconds: float) -> bool:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    get = load(client, path, htmx)
    try:
        get()
    except AssertionError as problem:
        print(f"{path:48}  {problem}")
        return False
    with CaptureQueriesContext(connection) as queries:
        size = get()
    count, taken, spent = len(queries), [], []
    began = time.perf_counter()
    while len(taken) < ROUNDS and (len(taken) < 3 or time.perf_counter() - began < 3):
        start, cpu = time.perf_counter(), time.process_time()
        get()
        taken.append(time.perf_counter() - start)
        spent.append(time.process_time() - cpu)
    slow = quantiles(taken, n=20, method="inclusive")[-1]
    met = slow <= seconds and count <= GOAL_QUERIES and size <= GOAL_BYTES
    milliseconds = "".join(f"{1000 * each:>6.0f} ms" for each in (median(spent), min(taken), median(taken), slow))
    figures = f"{milliseconds}{count:>9}{size / 1000:>7.0f}"
    print(f"{('… ' if htmx else '') + path:48}{figures}{'' if met else '  missed'}", flush=True)
    return met


def profile(client: object, path: str) -> None:
    """Print the slowest functions and the queries of a page; a path that begins with … is a fragment."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    get = load(client, path.removeprefix("…"), path.startswith("…"))
    get()
    with CaptureQueriesContext(connection) as queries:
        get()
    for query in queries:
        print(query["time"], query["sql"][:600])
    with cProfile.Profile() as found:
        for _ in range(5):
            get()
    pstats.Stats(found).sort_stats("cumulative").print_stats(70)


if __name__ == "__main__":
    main()
