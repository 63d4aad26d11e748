"""Runs one benchmark on a portal and a lab of its own."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def run(measure: Callable) -> None:
    """Call `measure` with a function that prints a line of the table, libvirt, a running portal, and libvirt's URI."""
    import lab
    import libvirt

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "virterweb.settings")  # for what it shares with the tests

    from tests.support.portal import Portal

    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        private = lab.start(Path(folder) / "lab")
        try:
            (Path(folder) / "portal").mkdir()
            portal = Portal(Path(folder) / "portal", {"lab": private.uri}, VIRTERWEB_IDLE_POLL_SECONDS="60")
            portal.start_web()
            portal.start_worker()
            try:
                measure(report, libvirt.open(private.uri), portal, private.uri)
            finally:
                portal.stop()
        finally:
            private.stop()


def report(what: str, figure: str, beside: str, goal: str) -> None:
    print(f"{what:62}{figure:>10}{beside:>24}  {goal}".rstrip(), flush=True)
