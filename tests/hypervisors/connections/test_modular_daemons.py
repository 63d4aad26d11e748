"""libvirt's modular daemons: one that is away is named, nothing counts as deleted, and a new connection reaches it."""

import libvirt
import pytest

from networks.models import Network
from tests.support.making import make_hypervisor
from virterweb.hypervisors.connections import pool
from virterweb.hypervisors.connections.pool import connected, disconnect
from virterweb.hypervisors.gateway.found import Busy
from virterweb.hypervisors.models import HypervisorStatus
from virterweb.hypervisors.sync import observe
from vms.models import VM

pytestmark = pytest.mark.integration

SOCKET = "Failed to connect socket to '/var/run/libvirt/{}-sock': No such file or directory"
LOST = "a daemon of libvirt on the hypervisor was stopped"
NETWORKD = (SOCKET.format("virtnetworkd"), libvirt.VIR_ERR_SYSTEM_ERROR, "virtnetworkd does not run")
HOST = """<node>
<network><name>net1</name><uuid>3e3fce45-4f53-4fa7-bb32-11f34168b82b</uuid><bridge name='virbr7'/></network>
<domain type='test'><name>test</name><uuid>6695eb01-f6a4-8304-79aa-97f2502e193f</uuid><memory>8192</memory>
<os><type>hvm</type></os></domain></node>"""
ERRORS = [
    NETWORKD,
    ("internal error: client socket is closed", libvirt.VIR_ERR_INTERNAL_ERROR, LOST),
    ("End of file while reading data: Input/output error", libvirt.VIR_ERR_RPC, LOST),
    ("Cannot write data: Broken pipe", libvirt.VIR_ERR_SYSTEM_ERROR, LOST),
]


def refuse(monkeypatch, text: str, code: int, *methods: tuple[type, str]) -> None:
    def call(*args: object) -> None:
        error = libvirt.libvirtError(text)
        error.err = (code, libvirt.VIR_FROM_RPC, text, 2, None, None, None, 0, 0)
        raise error

    for owner, name in methods:
        monkeypatch.setattr(owner, name, call)


@pytest.fixture
def hypervisor(db, enqueued, monkeypatch, tmp_path):
    monkeypatch.setattr(pool, "REOPEN_AFTER", 0)
    file = tmp_path / "host.xml"
    file.write_text(HOST)
    found = make_hypervisor(uri=f"test://{file}")
    observe(found.pk)
    assert (Network.objects.count(), VM.objects.count()) == (1, 1)
    yield found
    disconnect()


def state(hypervisor) -> tuple:
    status = HypervisorStatus.objects.get(hypervisor=hypervisor)
    present = Network.objects.get().status.present, VM.objects.get().status.present
    return str(status.error), status.unreachable_since, present


@pytest.mark.parametrize(("text", "code", "said"), ERRORS)
def test_networks_stay_and_vms_are_read_while_the_daemon_of_networks_is_away(hypervisor, monkeypatch, text, code, said):
    with connected(hypervisor.pk, hypervisor.uri) as before:
        before.session.libvirt.lookupByName("test").destroy()
    with monkeypatch.context() as away:
        calls = [(libvirt.virConnect, name) for name in ("listAllNetworks", "networkLookupByUUIDString")]
        refuse(away, text, code, *calls, (libvirt.virConnect, "networkEventRegisterAny"))
        observe(hypervisor.pk)
        assert VM.objects.get().status.power == "off"
        assert state(hypervisor) == ("", None, (True, True))
        problems = {str(problem) for problem in hypervisor.reading_problems.all()}
        assert any(said in problem for problem in problems), problems
        with pytest.raises(Busy, match=said), connected(hypervisor.pk, hypervisor.uri) as connection:
            connection.networks.get(Network.objects.get().uuid_text)
        assert connection is not before
    with connected(hypervisor.pk, hypervisor.uri) as after:
        assert after is not connection
        assert after.sends_events == before.sends_events
    observe(hypervisor.pk)
    assert not [each for each in hypervisor.reading_problems.all() if said in str(each)]
    with connected(hypervisor.pk, hypervisor.uri) as last:
        assert last is after, "a connection that works is kept"


def test_everything_else_is_read_while_the_daemon_of_storage_is_away(hypervisor, monkeypatch):
    calls = ("listAllStoragePools", "storagePoolLookupByName", "listStoragePools")
    refuse(
        monkeypatch,
        SOCKET.format("virtstoraged"),
        libvirt.VIR_ERR_SYSTEM_ERROR,
        *((libvirt.virConnect, name) for name in calls),
    )
    HypervisorStatus.objects.update(due_at=None)
    with connected(hypervisor.pk, hypervisor.uri) as connection, pytest.raises(Busy, match="virtstoraged does not run"):
        connection.pools.all()
    observe(hypervisor.pk)
    assert state(hypervisor) == ("", None, (True, True))


def test_a_lost_connection_of_the_portal_itself_counts_as_before(hypervisor, monkeypatch):
    with connected(hypervisor.pk, hypervisor.uri) as connection:
        monkeypatch.setattr(libvirt.virConnect, "isAlive", lambda opened: 0)
        refuse(monkeypatch, *ERRORS[1][:2], (libvirt.virConnect, "listAllNetworks"))
    observe(hypervisor.pk)
    assert state(hypervisor)[0] == "the connection to libvirt was lost"
    assert not connection.is_outdated
