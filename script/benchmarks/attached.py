"""Benchmark of the attached table of a network with many NICs, run by `script/bench`."""

from __future__ import annotations

from collections.abc import Callable

from .addresses import Report, add_leases, add_vms, judged, network

NICS = 300
KIND = 0xA7  # of the MACs


def pages(report: Report, timed: Callable[..., float]) -> None:
    """A network with 300 NICs, each with its lease: the fragment that polls, the page with filters, and its file."""
    from django.contrib.auth import get_user_model
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from benchmarks.client import page_client
    from virterweb.pages.tables import ROWS

    client = page_client()
    client.force_login(get_user_model().objects.get())
    with network("attached", "10.77.0.1/16") as row:
        add_vms(row, NICS, KIND)
        add_leases(row, NICS, 2, KIND)
        for what, path, htmx in (
            (f"Attached table of a network with {NICS} NICs", f"/networks/{row.hypervisor}/attached/attached/", True),
            ("… grouped by VM", f"/networks/{row.hypervisor}/attached/attached/?group=vm", True),
            ("… as the page with filters", "/attached/?network=attached", False),
            ("… as JSON", "/attached.json?network=attached", False),
        ):
            headers = {"HX-Request": "true"} if htmx else {}

            def load(path: str = path, headers: dict = headers) -> bytes:
                return client.get(path, headers=headers).content

            assert load().count(b"52:54:a7:") >= (NICS if "json" in path else ROWS), path
            with CaptureQueriesContext(connection) as queries:
                load()
            count, seconds = len(queries), timed(load)  # in this order: the next request forgets the queries
            met = seconds <= 0.06 and count <= 12
            report(what, f"{1000 * seconds:.0f} ms", f"{count} queries", judged(met, "≤ 60 ms, ≤ 12"))
