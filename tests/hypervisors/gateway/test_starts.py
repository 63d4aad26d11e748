"""What something else starts at the same time, such as another portal, counts as started."""

import libvirt
import pytest

from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import Busy, Refused


@pytest.fixture
def host():
    host = Connection(1, "test:///default")
    yield host
    host.close()


def inactive_at_first(monkeypatch, kind: type) -> None:
    """Have libvirt say once that an object is not active: the other starts it right after that."""
    said, ask = [], kind.isActive
    monkeypatch.setattr(kind, "isActive", lambda self: ask(self) if said else said.append(0) or 0)


@pytest.mark.parametrize(
    ("noun", "kind", "name"),
    [("networks", libvirt.virNetwork, "default"), ("domains", libvirt.virDomain, "test")],
)
def test_a_start_beside_another_succeeds(host, monkeypatch, noun, kind, name):
    inactive_at_first(monkeypatch, kind)
    start = host.power.start if noun == "domains" else host.networks.start
    start(getattr(host, noun).uuid_of(name), name)


def test_a_start_that_libvirt_refuses_is_an_error(host, monkeypatch):
    def refuse(network: libvirt.virNetwork) -> None:
        raise libvirt.libvirtError("no")

    uuid = host.networks.uuid_of("default")
    host.networks.stop(uuid, "default")
    monkeypatch.setattr(libvirt.virNetwork, "create", refuse)
    with pytest.raises(Refused):
        host.networks.start(uuid, "default")


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ([libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_STARTING_UP], "delete /run/libvirt/qemu/test.xml"),
        ([libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_RUNNING_BOOTED], "libvirt is busy: could not stop test"),
    ],
)
def test_a_start_that_libvirt_waits_for_without_end_is_explained(host, monkeypatch, state, said):
    def block(domain: libvirt.virDomain) -> None:
        error = libvirt.libvirtError("cannot acquire state change lock")
        error.err = (libvirt.VIR_ERR_OPERATION_TIMEOUT, *[None] * 8)
        raise error

    monkeypatch.setattr(libvirt.virDomain, "destroy", block)
    monkeypatch.setattr(libvirt.virDomain, "state", lambda self: state)
    with pytest.raises(Busy) as problem:
        host.power.force_off(host.domains.uuid_of("test"), "test")
    assert said in str(problem.value)
