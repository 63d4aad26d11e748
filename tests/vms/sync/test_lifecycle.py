"""Any sequence of actions in the portal and outside: libvirt loses only VMs, disks and NICs that a request named."""

from dataclasses import replace

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from tests.support.driver import Driver
from tests.support.examples import examples
from tests.support.making import make_hypervisor, make_network
from tests.vms.changes.outside_changes import DOMAIN, FIRST, OTHER, POOL, SECOND, THIRD, UUID, nic
from virterweb.hypervisors.desired.carry_out import Waiting
from virterweb.hypervisors.desired.drift import decoded
from virterweb.hypervisors.desired.refusals import InvalidTransition, Superseded
from virterweb.hypervisors.gateway.found import Refused
from virterweb.hypervisors.gateway.nouns import power as gateway
from virterweb.hypervisors.gateway.nouns.volumes import Volumes
from virterweb.messages import Message
from vms import sync
from vms.definition.domain import parse
from vms.definition.nics.edit import put, take
from vms.definition.nics.spec import NICSpec
from vms.models import NIC, VM, Power
from vms.run.removal import release_entries
from vms.sync import polling

pytestmark = pytest.mark.integration

NETWORKS = "<network><name>default</name><bridge name='v1'/></network>"
DISK = "virter:work:web"
WITH_DISK = DOMAIN.replace(
    "<devices>",
    f"<devices><disk type='volume'><source pool='default' volume='{DISK}'/><target dev='vda' bus='virtio'/></disk>",
)
QUIET = {"adopt", "release", "accept", "take over"}  # what changes nothing in libvirt, now or later
PORTAL = [*sorted(QUIET), "delete", "revert", "retry", "start", "stop", "persist"]
PORTAL += ["add a NIC", "link down", "remove the first NIC", "keep it"]
OTHERS = ["attach", "detach", "more memory", "undefine", "define again", "rename", "power"]
STEPS = st.lists(st.sampled_from([*PORTAL, *OTHERS, "work", "observe"]), min_size=4, max_size=14)


class Model:
    """The portal with libvirt's test driver, and what the requests so far have named."""

    def __init__(self, folder) -> None:
        file = folder / "host.xml"
        file.write_text(f"<node>{NETWORKS}{POOL}{WITH_DISK}</node>")
        self.hypervisor = make_hypervisor()
        make_network(self.hypervisor, "default")
        self.connection = Driver(1, f"test://{file}")
        self.connection.power.force_off(UUID, "web")
        volume = f"<volume><name>{DISK}</name><capacity>1024</capacity></volume>"
        self.connection.volumes.create("default", volume, DISK)
        self.domains_named: set[str] = set()
        self.nics_named: set[str] = set()
        self.asked = False
        self.observe()

    def vm(self) -> VM | None:
        return VM.objects.shown().order_by("-managed", "pk").first()

    def observe(self) -> None:
        polling.observe(self.hypervisor, self.connection)

    def state(self) -> dict:
        found = {domain.uuid: domain for domain in self.connection.domains.all()}
        return {
            "documents": {uuid: (each.document, each.stored) for uuid, each in found.items()},
            "nics": {
                (uuid, one.mac) for uuid, each in found.items() for one in parse(each.stored or each.document).nics
            },
            "volumes": {volume.name for volume in self.connection.volumes.all("default")},
        }

    def step(self, name: str) -> None:
        before = self.state()
        if name in OTHERS:
            self.others(name)
        elif name == "observe":
            self.observe()
        elif name == "work":
            self.work()
        else:
            self.ask(name)
            assert self.state() == before, "a request does not talk to libvirt"
        if name == "work":
            self.check(before, self.state())
            pending = [vm for vm in VM.objects.select_related("status") if not vm.done or vm.removed_at]
            self.asked = self.asked and bool(pending)

    def check(self, before: dict, after: dict) -> None:
        gone = before["documents"].keys() - after["documents"].keys()
        assert gone <= self.domains_named
        if not self.domains_named:
            assert before["volumes"] == after["volumes"]
        lost = {mac for uuid, mac in before["nics"] - after["nics"] if uuid not in gone}
        assert lost <= self.nics_named
        if not self.asked:
            assert before == after, "nothing was asked for"

    def ask(self, name: str) -> None:
        vm = self.vm()
        if vm is None:
            return
        try:
            with transaction.atomic():
                self.verb(name, vm)
        except (InvalidTransition, ValueError, NIC.DoesNotExist, LookupError) as problem:
            assert str(problem), "each refusal says why"
            return
        self.asked = self.asked or name not in QUIET

    def verb(self, name: str, vm: VM) -> None:
        first = vm.nics.order_by("position").first()
        key = first.key if first else FIRST
        match name:
            case "adopt":
                vm.adopt()
            case "release":
                vm.release()
            case "accept":
                vm.follow_found()
            case "take over":
                vm.adopt_replacement()
            case "delete":
                vm.require(managed=True)
                vm.remove()
                self.domains_named.add(vm.uuid_text)
            case "revert":
                vm.revert()
                self.nics_named |= {each["nic"] for each in decoded(vm.status.drift) if each.get("added")}
            case "retry":
                vm.ask_refused_nics_again()
            case "persist":
                vm.persist()
            case "start" | "stop":
                vm.ask_power("start" if name == "start" else "force-off")
                if name == "stop" and vm.status.transient:  # which its page says
                    self.domains_named.add(vm.uuid_text)
            case "add a NIC":
                vm.require()
                vm.add_nic(NICSpec(kind="network", source="default", mac=""))
            case "link down":
                vm.require()
                now, _ = vm.desired_nic(key)
                vm.change_nic(replace(now, link_up=False), key=key)
            case "remove the first NIC":
                vm.require()
                vm.remove_nic(key)
                self.nics_named.add(key)
            case "keep it":
                vm.keep_nic(key)

    def work(self) -> None:
        """Do the pending work as a worker does."""
        for vm in VM.objects.select_related("hypervisor", "status"):
            if vm.done:
                continue
            try:
                values = sync.push(vm, self.connection)
            except Refused as problem:
                values = {"error": problem.message}
            except (Waiting, Superseded):
                continue
            if values is not None:
                vm.status.write(generation=vm.generation, **values)

    def others(self, name: str) -> None:
        found = self.connection.domains.get(UUID) or self.connection.domains.get(OTHER)
        if name == "define again" and found is None:
            self.connection.domains.define(WITH_DISK.replace(UUID, OTHER), "web")
        if found is None:
            return
        uuid, running = found.uuid, found.state != "off"
        stored = self.connection.domains.stored_document(uuid)
        match name:
            case "attach":
                self.connection.domains.define(put(stored, nic(THIRD)), "web")
            case "detach":
                self.connection.domains.define(take(stored, SECOND), "web")
            case "more memory":
                root = etree.fromstring(stored)
                root.find("memory").text = str(int(root.findtext("memory")) + 1024)
                self.connection.domains.define(etree.tostring(root, encoding="unicode"), "web")
            case "undefine":
                self.connection.domains.undefine(uuid, "web")
            case "rename" if not running:
                self.connection.domains.rename(uuid, "other" if found.name == "web" else "web")
            case "power" if running:
                self.connection.power.force_off(uuid, "web")
            case "power":
                self.connection.power.start(uuid, "web")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("lifecycle")


@pytest.mark.django_db
@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_nothing_is_lost_that_no_request_has_named(enqueued, folder, steps):
    sequence(folder, steps)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "steps",
    [
        ["adopt", "delete", "release", "adopt", "work"],
        ["adopt", "stop", "power", "undefine", "work", "observe", "add a NIC", "work"],
        ["adopt", "delete", "observe", "release", "work", "adopt", "work"],
        ["adopt", "attach", "observe", "link down", "work", "start", "work"],
        ["adopt", "detach", "observe", "stop", "work", "add a NIC", "work"],
        ["adopt", "undefine", "observe", "define again", "observe", "take over", "work", "release", "work"],
        ["adopt", "undefine", "observe", "define again", "observe", "delete", "work"],
        ["adopt", "rename", "observe", "accept", "work", "revert", "work"],
        ["remove the first NIC", "adopt", "work"],
        ["add a NIC", "adopt", "release", "work"],
        ["adopt", "persist", "power", "detach", "undefine"],
    ],
)
def test_nothing_is_lost_in_sequences_that_once_lost_something(enqueued, folder, steps):
    sequence(folder, steps)


def sequence(folder, steps: list[str]) -> None:
    """Run the steps, then work and poll until nothing changes; in a separate database."""
    with transaction.atomic():
        model = Model(folder)
        try:
            for step in [*steps, "work", "observe", "work"]:
                model.step(step)
        finally:
            model.connection.close()
            transaction.set_rollback(True)


def test_a_started_vm_keeps_its_disks_after_later_refusals(db, enqueued, tmp_path, monkeypatch):
    model = Model(tmp_path)
    model.verb("adopt", model.vm())
    vm = model.vm()
    vm.status.write(made_at=None, generation=0, power_done=0)  # as one that is just being run
    model.connection.power.start(UUID, "web")
    vm.add_nic(NICSpec(kind="network", source="nowhere", mac=""))
    with pytest.raises(Refused):
        sync.push(model.vm(), model.connection)
    assert model.vm().status.made_at
    model.connection.power.force_off(UUID, "web")  # by its user
    monkeypatch.setattr(
        gateway.Power, "start", lambda *given: (_ for _ in ()).throw(Refused(Message.external("the host is full")))
    )
    with pytest.raises(Refused):
        sync.push(model.vm(), model.connection)
    assert {volume.name for volume in model.connection.volumes.all("default")} == {DISK}
    assert model.connection.domains.get(UUID)


@pytest.mark.parametrize("started", [False, True])
def test_a_vm_that_is_forced_off_before_a_worker_has_created_it_is_off(db, enqueued, tmp_path, monkeypatch, started):
    monkeypatch.setattr(Volumes, "upload", lambda *given, **named: None)  # the driver has no such call
    model = Model(tmp_path)
    model.verb("adopt", model.vm())
    model.vm().status.write(made_at=None, generation=0, power_done=0)  # as one that is just being run
    VM.objects.update(power_generation=1, console_log=False)
    if started:  # by a worker that was killed before it could record that
        model.connection.power.start(UUID, "web")
    model.vm().ask_power("force-off")
    sync.push(model.vm(), model.connection)
    assert model.connection.domains.get(UUID).state == Power.OFF
    assert model.vm().status.made_at


def test_removing_a_vm_leaves_the_entries_of_its_mac_on_networks_that_it_is_not_on(db, enqueued, tmp_path):
    model = Model(tmp_path)
    model.verb("adopt", model.vm())
    elsewhere = make_network(model.hypervisor, "elsewhere", "10.7.0.1/24")
    elsewhere.hosts.create(mac=FIRST, ip="10.7.0.9")
    here = model.hypervisor.networks.get(name="default")
    here.hosts.create(mac=FIRST, ip="10.255.0.9")
    release_entries(model.vm(), model.connection, {FIRST})
    assert elsewhere.hosts.filter(mac=FIRST).exists()
    assert not here.hosts.filter(mac=FIRST).exists()


def test_accepting_a_vm_keeps_a_shutdown_that_is_in_progress(db, enqueued, tmp_path):
    model = Model(tmp_path)
    model.verb("adopt", model.vm())
    model.connection.power.start(UUID, "web")
    model.observe()
    vm = model.vm()
    vm.ask_power("shutdown")
    model.vm().follow_found()
    vm = model.vm()
    assert (vm.running, vm.power_generation > vm.status.power_done) == (False, True)
