"""A network with DNS names, and a dnsmasq that answers."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from networks.dns_names import sync as asking
from networks.models import Network
from tests.networks.dns_names.named_network import DOCUMENT, Dnsmasq
from tests.support.making import make_foreign_network, make_hypervisor


@pytest.fixture
def dnsmasq(monkeypatch) -> Dnsmasq:
    dnsmasq = Dnsmasq()

    @contextmanager
    def door(hypervisor_id: int, uri: str) -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(host=dnsmasq)

    monkeypatch.setattr(asking, "connected", door)
    return dnsmasq


@pytest.fixture
def network(db, enqueued) -> Network:
    return make_foreign_network(make_hypervisor(), DOCUMENT)
