"""NICs with invisible taps, as on a remote hypervisor: after a restart they may be disconnected."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from networks import sync
from networks.models import Network, NetworkStatus
from tests.networks.sync.push.pushed_networks import EMPTY, again, push
from tests.support.making import make_hypervisor, make_network
from tests.support.waiting import wait_for
from virterweb.hypervisors.connections import events
from virterweb.hypervisors.connections.pool import connected, disconnect
from virterweb.hypervisors.desired.state import State
from virterweb.hypervisors.gateway import connection as gateway
from virterweb.hypervisors.gateway.found import FoundPort
from virterweb.hypervisors.gateway.nouns.ports import Ports
from virterweb.hypervisors.sync import observe

pytestmark = pytest.mark.integration

WEB = FoundPort(
    vm_uuid="1",
    vm="web",
    mac="52:54:00:00:00:09",
    document="<interface/>",
    plugged=True,
    seen=False,
    port="p1",
    half_way=False,
)
DB = replace(WEB, vm_uuid="2", vm="db", mac="52:54:00:00:00:0a", port="p2")


@dataclass
class Remote:
    """A libvirt that lists every port after a restart, as from some release on, and whose taps cannot be seen."""

    nics: list[FoundPort] = field(default_factory=lambda: [WEB, DB])
    packets: dict[str, int] = field(default_factory=lambda: {"web": 7, "db": 0})
    moved: list[str] = field(default_factory=list)
    lies: bool = False

    def reconnect(self, nic: FoundPort) -> None:
        self.moved.append(nic.vm)
        if not self.lies:
            self.nics = [replace(each, port=f"{each.port}+") if each == nic else each for each in self.nics]


@pytest.fixture
def remote(monkeypatch) -> Remote:
    remote = Remote()
    monkeypatch.setattr(Ports, "of_network", lambda host, uuid: list(remote.nics))
    monkeypatch.setattr(Ports, "packets_received", lambda host, nic: remote.packets[nic.vm])
    monkeypatch.setattr(Ports, "reconnect", lambda host, nic, uuid: remote.reconnect(nic))
    return remote


@pytest.fixture
def network(db, tmp_path: Path, enqueued, remote) -> Iterator[Network]:
    path = tmp_path / "host.xml"
    path.write_text(EMPTY)
    network = push(make_network(make_hypervisor(uri=f"test://{path}")))
    poll(network)
    yield network
    disconnect()


def poll(network: Network) -> tuple[list[str], list[str]]:
    """Poll; the VMs that are, and those that may be disconnected."""
    observe(network.hypervisor_id)
    found = again(network)
    return found.disconnected_vms, found.suspect_vms


def restarted_by_others(network: Network) -> None:
    """As libvirt's event says; no poll has seen it off."""
    sync.note_start(network.hypervisor_id, network.uuid_text, timezone.now())


def test_all_nics_of_a_network_restarted_outside_may_be_disconnected(network):
    assert poll(network) == ([], [])
    restarted_by_others(network)
    assert poll(network) == ([], ["web", "db"])
    assert poll(network) == ([], ["web", "db"]), "it stays so while nothing comes to them"


def test_nics_may_be_disconnected_after_a_stop_that_was_polled(network):
    with connected(network.hypervisor_id, network.hypervisor.uri) as connection:
        found = connection.session.libvirt.networkLookupByName("net1")
        found.destroy()
        assert poll(network) == ([], [])
        found.create()
    assert poll(network) == ([], ["web", "db"])


def test_a_nic_that_receives_packets_is_connected(network, remote):
    restarted_by_others(network)
    poll(network)
    remote.packets["db"] += 1
    assert poll(network) == ([], ["web"])


def test_a_nic_with_another_port_was_reconnected(network, remote):
    restarted_by_others(network)
    poll(network)
    remote.nics = [replace(WEB, port="p3"), DB]  # moved outside the portal, or its VM was restarted
    assert poll(network) == ([], ["db"])
    remote.nics = [replace(WEB, port="p3")]
    assert poll(network) == ([], [])


def test_a_nic_with_a_visible_tap_is_not_suspected(network, remote):
    remote.nics = [replace(WEB, seen=True), replace(DB, seen=True, plugged=False)]
    restarted_by_others(network)
    assert poll(network) == (["db"], [])


def test_the_bridge_of_others_stays(network, remote):
    NetworkStatus.objects.update(forward_mode="bridge")
    restarted_by_others(network)
    assert poll(network) == ([], [])


def test_several_workers_hear_of_one_start(network, remote):
    at = timezone.now()
    sync.note_start(network.hypervisor_id, network.uuid_text, at)
    poll(network)
    remote.packets = {"web": 8, "db": 1}
    assert poll(network) == ([], [])
    sync.note_start(network.hypervisor_id, network.uuid_text, at + timedelta(milliseconds=300))
    assert poll(network) == ([], [])


def test_those_that_may_be_disconnected_are_reconnected_and_the_plan_says_so(network, remote, page):
    restarted_by_others(network)
    poll(network)
    shown = page.get(f"/networks/{network.hypervisor}/net1/").content.decode()
    assert "May be disconnected: web, db." in shown
    (step,) = again(network).plan()
    assert sorted(step.vms) == ["db", "web"]
    again(network).ask_again()
    assert push(network).state == State.READY
    assert sorted(remote.moved) == ["db", "web"]
    assert poll(network) == ([], [])
    assert "May be disconnected" not in page.get(f"/networks/{network.hypervisor}/net1/").content.decode()


def test_a_restart_by_the_portal_reconnects_all_nics_and_suspects_none(network, remote):
    begun = [[nic.vm_uuid, nic.vm, nic.mac] for nic in (WEB, DB)]
    # As it stands when the network has just been started.
    NetworkStatus.objects.update(disconnected=begun, restarting=True)
    restarted_by_others(network)  # libvirt reports the same for a restart by the portal
    again(network).ask_again()
    push(network)
    assert sorted(remote.moved) == ["db", "web"]
    assert poll(network) == ([], [])


def test_a_reconnection_without_a_new_port_is_reported_as_failed(network, remote):
    remote.lies = True
    restarted_by_others(network)
    poll(network)
    again(network).ask_again()
    said = push(network).status
    assert "these NICs are still disconnected: web" in str(said.progress) + str(said.error)
    assert [vm for _, vm, _ in said.disconnected] == ["web", "db"]


@pytest.mark.django_db(transaction=True)
def test_a_start_event_is_recorded_by_whichever_process_receives_it(tmp_path, enqueued, monkeypatch):
    for name in ("listener", "start_listener"):
        monkeypatch.setattr(gateway, name, None)
    events.listen(sync.note_start, lambda hypervisor: None)
    path = tmp_path / "host.xml"
    path.write_text(EMPTY)
    network = make_network(make_hypervisor(uri=f"test://{path}"))
    before = timezone.now()
    push(network)
    started = NetworkStatus.objects.filter(started_at__gt=before)
    wait_for(started.exists, 10, "the start is written down")
    disconnect()
