"""A NIC that moves to another network releases its addresses on the old one, whatever happens during the move."""

import contextlib
from dataclasses import replace

import pytest

from networks.models import Network
from tests.support.making import make_network
from tests.vms.changes.outside_changes import FIRST
from tests.vms.sync.test_lifecycle import UUID, Model
from virterweb.hypervisors.desired.carry_out import Waiting
from virterweb.hypervisors.gateway.found import Refused
from virterweb.messages import Message
from vms import sync
from vms.definition.nics.edit import take
from vms.models import NIC, VM

pytestmark = pytest.mark.integration


class Killed(BaseException):
    """Ends a worker at once, as SIGKILL does."""


def moving(tmp_path) -> tuple[Model, Network]:
    """Return a VM whose first NIC is to leave a network that has a reservation for it, and that network."""
    model = Model(tmp_path)
    model.verb("adopt", model.vm())
    model.observe()
    make_network(model.hypervisor, "blue")
    old = model.hypervisor.networks.get(name="default")
    old.hosts.create(mac=FIRST, ip="10.255.0.9")
    move(model.vm(), "blue")
    return model, old


def move(vm: VM, network: str, **values: object) -> None:
    spec, _ = vm.desired_nic(FIRST)
    vm.change_nic(replace(spec, source=network, **values))


def release_card(model: Model) -> None:
    """Have the running guest lose its first NIC, which stays in the stored definition."""
    whole = model.connection.domains.stored_document(UUID)
    model.connection.power.force_off(UUID, "web")
    model.connection.domains.define(take(whole, FIRST), "web")
    model.connection.power.start(UUID, "web")
    model.connection.domains.define(whole, "web")


def during(model: Model, monkeypatch, what) -> None:
    """Call `what` when libvirt has the change and the portal has not recorded it yet."""
    define = model.connection.domains.define

    def then(document: str, name: str) -> None:
        define(document, name)
        if model.connection.domains.get(UUID):
            what()

    monkeypatch.setattr(model.connection.domains, "define", then)


def killed() -> None:
    raise Killed


def test_a_poll_during_the_move_does_not_keep_the_reservation(db, enqueued, tmp_path, monkeypatch):
    model, old = moving(tmp_path)
    during(model, monkeypatch, model.observe)
    sync.push(model.vm(), model.connection)
    assert not old.hosts.filter(mac=FIRST).exists()
    assert model.vm().nics.get(mac=FIRST).leaves == []


def test_a_worker_killed_during_the_move_does_not_keep_the_reservation(db, enqueued, tmp_path, monkeypatch):
    model, old = moving(tmp_path)
    with monkeypatch.context() as once, contextlib.suppress(Killed):
        during(model, once, killed)
        sync.push(model.vm(), model.connection)
    assert old.hosts.filter(mac=FIRST).exists(), "it was killed before"
    model.observe()
    sync.push(model.vm(), model.connection)
    assert not old.hosts.filter(mac=FIRST).exists()


def test_a_nic_whose_move_is_cancelled_keeps_its_reservation(db, enqueued, tmp_path):
    model, old = moving(tmp_path)
    move(model.vm(), "default")
    sync.push(model.vm(), model.connection)
    assert old.hosts.filter(mac=FIRST).exists()


def test_a_nic_whose_card_the_guest_released_late_does_not_keep_the_reservation(db, enqueued, tmp_path, monkeypatch):
    model, old = moving(tmp_path)
    move(model.vm(), "blue", model="e1000e")
    model.connection.power.start(UUID, "web")
    with monkeypatch.context() as once, pytest.raises(Waiting):
        once.setattr(model.connection.domains, "detach_nic", lambda *args, **kwargs: None)
        sync.push(model.vm(), model.connection)
    release_card(model)
    attached = []
    monkeypatch.setattr(model.connection.domains, "attach_nic", lambda uuid, device, *_, **__: attached.append(device))
    sync.push(model.vm(), model.connection)
    assert ["e1000e" in device for device in attached] == [True], "it is plugged in again"
    assert not old.hosts.filter(mac=FIRST).exists()


def test_a_card_that_libvirt_does_not_unplug_stays_requested_in_the_same_fields(db, enqueued, tmp_path, monkeypatch):
    model, _ = moving(tmp_path)
    move(model.vm(), "blue", model="e1000e")
    asked = model.vm().nics.get(mac=FIRST).asked_fields
    model.connection.power.start(UUID, "web")

    def refuse(*args: object, **kwargs: object) -> None:
        raise Refused(Message.external("busy"))

    monkeypatch.setattr(model.connection.domains, "detach_nic", refuse)
    with pytest.raises(Refused):
        sync.push(model.vm(), model.connection)
    assert model.vm().nics.get(mac=FIRST).asked_fields == asked == ["model", "source"]


def test_a_nic_that_moves_to_a_bridge_named_like_its_network_leaves_the_network(db, enqueued, tmp_path):
    model, old = moving(tmp_path)
    move(model.vm(), "default", kind=NIC.Kind.BRIDGE)
    sync.push(model.vm(), model.connection)
    assert not old.hosts.filter(mac=FIRST).exists()


def test_a_nic_that_is_sent_back_during_the_move_keeps_its_reservation(db, enqueued, tmp_path, monkeypatch):
    model, old = moving(tmp_path)
    with monkeypatch.context() as once:
        during(model, once, lambda: move(model.vm(), "default"))
        sync.push(model.vm(), model.connection)
    assert old.hosts.filter(mac=FIRST).exists()
    sync.push(model.vm(), model.connection)
    assert old.hosts.filter(mac=FIRST).exists()
    assert model.vm().nics.get(mac=FIRST).leaves == []


def test_another_change_of_a_nic_that_others_moved_releases_nothing(db, enqueued, tmp_path):
    model, old = moving(tmp_path)
    sync.push(model.vm(), model.connection)
    stored = model.connection.domains.stored_document(UUID)
    back = stored.replace("<source network='blue'/>", "<source network='default'/>")
    assert back != stored
    model.connection.domains.define(back, "web")
    model.observe()
    old.hosts.create(mac=FIRST, ip="10.255.0.9")
    vm = model.vm()
    spec, _ = vm.desired_nic(FIRST)
    vm.change_nic(replace(spec, link_up=False))
    sync.push(model.vm(), model.connection)
    assert old.hosts.filter(mac=FIRST).exists()
