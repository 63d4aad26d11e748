"""After a restart of the host, networks that were active are started, and those that others stopped are not."""

from datetime import timedelta
from pathlib import Path

import libvirt
import pytest
from django.utils import timezone

from networks import sync
from networks.definition.events import Event
from networks.models import Network
from tests.networks.sync.push.pushed_networks import EMPTY
from tests.support.making import make_hypervisor, make_network
from virterweb.hypervisors.connections.pool import connected, disconnect
from virterweb.hypervisors.desired.carry_out import carry_out
from virterweb.hypervisors.desired.state import State
from virterweb.hypervisors.models import Hypervisor

pytestmark = pytest.mark.integration


@pytest.fixture
def lab(db, tmp_path: Path, enqueued):
    path = tmp_path / "host.xml"
    path.write_text(EMPTY)
    yield make_hypervisor(uri=f"test://{path}")
    disconnect()


@pytest.fixture
def network(lab) -> Network:
    """A network that is active and does not start with its host."""
    network = make_network(lab, autostart=False)
    carry_out(Network, network.pk, sync.push)
    poll()
    return read(network)


def read(network: Network) -> Network:
    return Network.objects.select_related("hypervisor", "status").get(pk=network.pk)


def in_libvirt(network: Network) -> libvirt.virNetwork:
    with connected(network.hypervisor_id, network.hypervisor.uri) as connection:
        return connection.session.libvirt.networkLookupByName(network.name)


def poll(*, restarted: bool = False) -> None:
    hypervisor = Hypervisor.objects.select_related("status").get()
    hypervisor.status.observed_at = timezone.now() - timedelta(minutes=1)
    hypervisor.status.has_restarted = restarted
    with connected(hypervisor.pk, hypervisor.uri) as connection:
        sync.observe(hypervisor, connection)


@pytest.mark.parametrize("on_drift", Network.OnDrift.values)
def test_a_network_that_was_active_before_the_restart_is_started_again(network, on_drift):
    Network.objects.update(on_drift=on_drift)
    in_libvirt(network).destroy()
    poll(restarted=True)
    assert read(network).revisions.first().what == "started again after a restart of the host"
    carry_out(Network, network.pk, sync.push)
    assert in_libvirt(network).isActive()
    assert read(network).state == State.READY


def test_a_change_that_is_pushed_before_the_first_poll_after_the_restart_hides_nothing(network):
    in_libvirt(network).destroy()
    network.ask_again()
    carry_out(Network, network.pk, sync.push)
    poll(restarted=True)
    carry_out(Network, network.pk, sync.push)
    assert in_libvirt(network).isActive()
    assert read(network).state == State.READY


@pytest.mark.parametrize("restarted", [True, False])
def test_a_network_that_is_stopped_by_the_portal_stays_inactive(network, restarted):
    network.change(Event.STOPPED, active=False)
    carry_out(Network, network.pk, sync.push)
    assert not read(network).status.active
    poll(restarted=restarted)
    assert read(network).state == State.READY
    assert not in_libvirt(network).isActive()


def test_a_network_that_others_stopped_before_the_restart_stays_inactive(network):
    in_libvirt(network).destroy()
    poll()
    in_libvirt(network).setAutostart(True)
    poll(restarted=True)
    carry_out(Network, network.pk, sync.push)
    assert not in_libvirt(network).isActive()
    assert read(network).state == State.DRIFTED


def test_a_released_network_is_not_started(network):
    network.release()
    in_libvirt(network).destroy()
    poll(restarted=True)
    assert read(network).state == State.UNMANAGED
    assert not in_libvirt(network).isActive()
