"""Portals to back up and to restore."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest

from tests.support.databases import empty_database
from tests.support.portal import Portal

UPLOAD = "0123456789abcdef" * 2


@pytest.fixture
def make_portal(db, tmp_path: Path) -> Iterator[Callable[..., Portal]]:
    """Return what makes a portal with these hypervisors, or one that was only installed if they are None.

    It has the kind of database that the tests run on.
    """
    numbers = count()
    with ExitStack() as stack:

        def make(hypervisors: dict[str, str] | None = None) -> Portal:
            data = tmp_path / f"data-{next(numbers)}"
            data.mkdir()
            url = stack.enter_context(empty_database(data))
            portal = Portal(data, hypervisors, **({} if url.startswith("sqlite") else {"DATABASE_URL": url}))
            stack.callback(portal.stop)
            return portal

        yield make


@pytest.fixture
def used(make_portal: Callable[..., Portal]) -> Portal:
    """Return a portal with a hypervisor, two networks, a key and an upload on its way."""
    portal = make_portal({"lab": "test:///default"})
    for number in (1, 2):
        add = f"make_network(Hypervisor.objects.get(), 'net{number}', '10.255.{number}.1/24').pk"
        portal.ask(add, "from tests.support.making import make_network")
    portal.ask("portal_key.authorized_line()", "from vms.cloud_init import portal_key")
    (portal.data / "uploads" / UPLOAD).write_bytes(b"an image")
    return portal
