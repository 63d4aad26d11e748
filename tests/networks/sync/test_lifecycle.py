"""Any sequence of actions on networks: libvirt loses only what was requested to be deleted."""

from collections.abc import Callable
from pathlib import Path

import libvirt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from networks import sync
from networks.definition.events import Event
from networks.models import Network
from tests.networks.sync.push.pushed_networks import EMPTY, OTHERS
from tests.support.examples import examples
from tests.support.making import make_hypervisor, make_network
from virterweb.hypervisors.connections.pool import connected, disconnect
from virterweb.hypervisors.desired.carry_out import carry_out
from virterweb.hypervisors.desired.refusals import InvalidTransition
from virterweb.hypervisors.models import Hypervisor
from virterweb.hypervisors.sync import observe

pytestmark = pytest.mark.integration


@pytest.fixture
def lab(db, tmp_path: Path, enqueued):
    path = tmp_path / "host.xml"
    path.write_text(EMPTY)
    yield make_hypervisor(uri=f"test://{path}")
    disconnect()


@pytest.fixture
def raw(lab) -> libvirt.virConnect:
    with connected(lab.pk, lab.uri) as connection:
        return connection.session.libvirt


def restore(network: Network) -> None:
    if first := network.revisions.last():
        network.require(managed=True)
        network.change(Event.CHANGED, document=first.document)


def edit(network: Network) -> None:
    network.require(managed=True)
    network.change(Event.STOPPED, active=not network.active, requested=("active",))


VERBS: dict[str, Callable[[Network], None]] = {
    "delete": lambda network: network.remove(),
    "release": Network.release,
    "adopt": Network.adopt,
    "accept": lambda network: network.accept_found(),
    "revert": lambda network: (network.require(managed=True), network.change(Event.REVERTED, overwrite=True)),
    "take over": Network.adopt_replacement,
    "reserve": lambda network: network.reserve_ids(9, 1),
    "edit": edit,
    "restore": restore,
    "save": Network.save,
}
OUTSIDE = ("others delete", "others recreate", "others define")
steps = st.tuples(
    st.sampled_from([*VERBS, *OUTSIDE, "add", "work", "work", "poll", "poll"]), st.booleans(), st.booleans()
)


class World:
    """The portal's rows, a libvirt, and what has been asked to be deleted."""

    def __init__(self, lab: Hypervisor, raw: libvirt.virConnect) -> None:
        self.lab, self.raw = lab, raw
        self.read_before: dict[str, Network] = {}
        self.doomed: set[str] = set()

    def there(self) -> dict[str, str]:
        return {network.UUIDString(): network.XMLDesc() for network in self.raw.listAllNetworks()}

    def row(self, name: str, stale: bool) -> Network | None:
        """As it is now, or as it was read when it was asked for the first time."""
        now = Network.objects.shown().filter(name=name).order_by("-managed").first()
        if now and not stale:
            self.read_before.setdefault(name, Network.objects.shown().get(pk=now.pk))
        return self.read_before.get(name) if stale else now

    def run(self, what: str, name: str, stale: bool) -> None:
        if what == "poll":
            observe(self.lab.pk)
        elif what == "work":
            for pk in list(Network.objects.overdue().values_list("pk", flat=True)):
                carry_out(Network, pk, sync.push)
        elif what == "add":
            if not Network.objects.filter(name=name, managed=True).exists():
                make_network(self.lab, name, {"others": "10.5.0.1/24"}.get(name, "10.255.0.1/24"))
        elif what in OUTSIDE:
            self.by_others(what, name)
        elif network := self.row(name, stale):
            self.ask(what, network)

    def by_others(self, what: str, name: str) -> None:
        found = {network.name(): network for network in self.raw.listAllNetworks()}
        if name in found and what != "others define":
            if found[name].isActive():
                found[name].destroy()
            found[name].undefine()
        if name not in {network.name() for network in self.raw.listAllNetworks()} and what != "others delete":
            self.raw.networkDefineXML(OTHERS.replace("others", name)).create()

    def ask(self, what: str, network: Network) -> None:
        before = self.there()
        try:
            VERBS[what](network)
        except (InvalidTransition, ValueError):
            return
        assert self.there() == before, "a verb talked to libvirt"
        if what == "delete":
            self.doomed.add(network.uuid_text)

    def clear(self) -> None:
        Network.objects.all().delete()
        for network in self.raw.listAllNetworks():
            if network.isActive():
                network.destroy()
            network.undefine()


@pytest.mark.django_db
@settings(max_examples=examples(120), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=st.lists(steps, min_size=3, max_size=14))
def test_libvirt_loses_only_what_was_asked_to_be_deleted(lab, raw, asked):
    world = World(lab, raw)
    world.clear()
    try:
        for what, first, stale in asked:
            name = "net1" if first else "others"
            before = world.there()
            world.run(what, name, stale)
            after = world.there()
            if what not in OUTSIDE:
                assert set(before) - set(after) <= world.doomed, (what, name)
    finally:
        world.clear()


def test_a_network_that_is_being_deleted_can_be_neither_released_nor_adopted(lab, raw):
    """After a deletion request, while no worker runs, release and adoption are refused."""
    world = World(lab, raw)
    for what in ("add", "work", "poll"):
        world.run(what, "net1", False)
    network = world.row("net1", False)
    network.remove()
    for verb in (network.release, network.adopt):
        with pytest.raises(InvalidTransition, match="net1 is being deleted"):
            verb()
    world.run("work", "net1", False)
    assert world.there() == {}
    assert not Network.objects.exists()


@pytest.mark.parametrize("between", [(), ("poll",), ("work", "poll")])
def test_releasing_and_adopting_a_network_changes_nothing_in_libvirt(lab, raw, between):
    world = World(lab, raw)
    for what in ("add", "work", "poll"):
        world.run(what, "net1", False)
    before = world.there()
    for what in ("release", "adopt", "release", "adopt"):
        world.run(what, "net1", False)
        for other in (*between, "work"):
            world.run(other, "net1", False)
        assert world.there() == before
