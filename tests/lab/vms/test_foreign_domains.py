"""Domains created outside the portal, on a real libvirt: shown completely, changed only as requested."""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import libvirt
import pytest
from lab import Lab
from lxml import etree

from tests.support.making import make_foreign_network, make_hypervisor
from tests.vms.definition.test_every_domain import FILES, filled, names, with_link_down
from virterweb.hypervisors.desired.carry_out import Waiting
from virterweb.hypervisors.desired.state import State
from virterweb.hypervisors.gateway.connection import Connection
from vms import sync
from vms.attached.rows import nic_rows
from vms.definition.domain import parse
from vms.definition.nics.fields import move
from vms.models import VM
from vms.sync import polling

pytestmark = [pytest.mark.lab, pytest.mark.django_db]

LIVE, STORED = 0, libvirt.VIR_DOMAIN_XML_INACTIVE
ATTACHED = "<interface type='network'><mac address='52:54:00:c1:00:0{}'/><source network='default'/></interface>"


class World:
    """The lab's libvirt, with the portal's sync in this process."""

    def __init__(self, lab: Lab, host: libvirt.virConnect) -> None:
        self.libvirt, self.hypervisor = host, make_hypervisor(uri=lab.uri)
        make_foreign_network(self.hypervisor)
        self.connection = Connection(self.hypervisor.pk, lab.uri)
        self.domains: list[str] = []

    def define(self, document: str) -> VM:
        self.domains.append(self.libvirt.defineXML(document).UUIDString())
        return self.observe()

    @property
    def domain(self) -> libvirt.virDomain:
        return self.libvirt.lookupByUUIDString(self.domains[-1])

    def observe(self) -> VM:
        polling.observe(self.hypervisor, self.connection)
        return self.vm

    @property
    def vm(self) -> VM:
        return VM.objects.shown().get(uuid=self.domains[-1])

    def push(self) -> VM:
        row = self.vm
        if not row.done:
            row.status.write(generation=row.generation, **sync.push(row, self.connection))
        return self.observe()

    def documents(self) -> list[str]:
        return [self.domain.XMLDesc(flags) for flags in ((LIVE, STORED) if self.domain.isActive() else (STORED,))]

    def close(self) -> None:
        for uuid in self.domains:
            with contextlib.suppress(libvirt.libvirtError):
                self.libvirt.lookupByUUIDString(uuid).destroy()
            with contextlib.suppress(libvirt.libvirtError):
                flags = libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
                self.libvirt.lookupByUUIDString(uuid).undefineFlags(flags)
        self.connection.close()


@pytest.fixture
def world(lab: Lab, host: libvirt.virConnect, enqueued) -> Iterator[World]:
    found = World(lab, host)
    yield found
    found.close()


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.stem)
def test_the_link_of_each_nic_is_changed_and_nothing_else(page, world, file: Path):
    vm = world.define(file.read_text())
    nics = parse(world.documents()[-1]).nics
    assert [row.nic.key for row in nic_rows(vm)] == [nic.key for nic in nics]
    for index in range(min(len(nics), 4)):
        before = world.documents()[-1]
        path = f"{vm.get_absolute_url()}nics/{parse(before).nics[index].key}/edit/"
        form = etree.HTML(page.get(path).content.decode()).xpath("//form[.//input[@name='link_up']]")[0]
        assert page.post(path, filled(form, without="link_up")).status_code == 302
        world.push()
        assert names(world.documents()[-1]) == names(with_link_down(before, index))


@pytest.fixture
def plain_network(host: libvirt.virConnect) -> Iterator[str]:
    network = host.networkCreateXML("<network><name>plain</name><bridge name='plain0'/></network>")
    yield "plain"
    network.destroy()


# No lab has the network filter of the one, nor every kernel what limits the bandwidth of the other.
@pytest.mark.parametrize(
    "file", [file for file in FILES if file.stem not in ("many", "filtered", "tuned")], ids=lambda path: path.stem
)
def test_nics_that_move_to_a_plain_network_let_the_vm_start(plain_network, world, file: Path):
    vm = world.define(file.read_text())
    for row in nic_rows(vm):
        now, _ = vm.desired_nic(row.nic.key)
        wanted = replace(now, kind="network", source=plain_network, mode="", port_group="")
        vm.change_nic(move(now, wanted), key=row.nic.key)
        vm = world.vm
    world.push()
    world.domain.create()
    assert {nic.source for nic in parse(world.documents()[0]).nics} == {plain_network}
    world.domain.destroy()


def plain(name: str, nics: str = "") -> str:
    root = etree.fromstring((FILES[0].parent / "filtered.xml").read_bytes())
    root.find("name").text, root.find("uuid").text = name, "00c0ffee-0000-4000-8000-0000000000ff"
    devices = root.find("devices")
    devices.remove(devices.find("interface"))
    devices.extend(etree.fromstring(f"<x>{nics or ATTACHED.format(1)}</x>"))
    return etree.tostring(root, encoding="unicode")


def test_each_nic_of_a_running_pair_with_one_mac_is_changed_separately(world):
    world.define((FILES[0].parent / "same-mac.xml").read_text().replace("network='net1'", "network='default'"))
    world.domain.create()
    vm = world.observe()
    first, second = (row.nic.key for row in nic_rows(vm))
    assert first != second
    before = [parse(document).nics for document in world.documents()]
    now, _ = vm.desired_nic(second)
    vm.change_nic(replace(now, link_up=False, isolated=True), key=second)
    world.push()
    for (one, _), nics in zip(before, (parse(document).nics for document in world.documents()), strict=True):
        assert nics[0] == one
        assert (nics[1].link, nics[1].spec.isolated, nics[1].model) == ("down", True, "e1000")


def test_adopting_a_running_vm_whose_sides_differ_changes_neither(page, world):
    world.define(plain("differs", ATTACHED.format(1) + ATTACHED.format(2)))
    world.domain.create()
    world.domain.attachDeviceFlags(ATTACHED.format(3), libvirt.VIR_DOMAIN_AFFECT_CONFIG)
    world.domain.detachDeviceFlags(ATTACHED.format(2), libvirt.VIR_DOMAIN_AFFECT_CONFIG)
    world.domain.attachDeviceFlags(ATTACHED.format(4), libvirt.VIR_DOMAIN_AFFECT_LIVE)
    vm = world.observe()
    states = {row.nic.mac[-1]: row.state for row in nic_rows(vm)}
    assert states == {"1": "attached", "2": "until shutdown", "4": "until shutdown", "3": "at the next start"}
    before = world.documents()
    assert page.post(f"{vm.get_absolute_url()}adopt/").status_code == 302
    world.push()
    VM.objects.update(generation=world.vm.generation + 1)
    vm = world.push()
    assert world.documents() == before
    assert vm.state == State.DRIFTED
    sides = {each["title"][-1]: (each["saved"], each["stored"], each["running"]) for each in vm.status.differences}
    assert sides == {
        "2": ("none", "none", "on default"),
        "3": ("on default", "on default", "missing"),
        "4": ("none", "none", "on default"),
    }
    page.post(f"{vm.get_absolute_url()}revert/")
    with contextlib.suppress(Waiting):  # no guest is there to release the cards
        world.push()
    live, stored = (parse(document).nics for document in world.documents())
    assert [nic.mac[-1] for nic in stored] == ["1", "3"]
    assert "3" in [nic.mac[-1] for nic in live]


def test_a_transient_vm_is_made_persistent_while_it_runs(page, world):
    world.domains.append(world.libvirt.createXML(plain("passing")).UUIDString())
    vm = world.observe()
    assert vm.status.transient
    page.post(f"{vm.get_absolute_url()}adopt/")
    assert world.observe().state == State.DRIFTED
    live = world.documents()[0]
    page.post(f"{vm.get_absolute_url()}persist/")
    assert world.push().state == State.READY
    assert world.domain.isPersistent()
    assert world.domain.isActive()
    assert world.documents()[0] == live


def test_changes_of_name_memory_and_vcpus_outside_are_reverted(page, world):
    vm = world.define(plain("before"))
    page.post(f"{vm.get_absolute_url()}adopt/")
    saved = world.documents()
    world.domain.rename("after", 0)
    world.libvirt.defineXML(world.documents()[0].replace(">131072<", ">262144<").replace(">2</vcpu>", ">1</vcpu>"))
    vm = world.observe()
    assert {each["title"] for each in vm.status.differences} == {"Name", "Memory", "vCPUs"}
    page.post(f"{vm.get_absolute_url()}revert/")
    assert world.push().state == State.READY
    assert (parse(world.documents()[0]).memory, world.domain.name()) == (128, "before")
    now, before = (re.sub(r" current='\d'", "", document) for document in (world.documents()[0], saved[0]))
    assert names(now) == names(before)


def test_a_vm_removed_outside_is_recreated_and_one_recreated_outside_is_taken_over(page, world):
    vm = world.define(plain("back"))
    page.post(f"{vm.get_absolute_url()}adopt/")
    saved = world.documents()
    world.domain.undefine()
    assert world.observe().state == State.DRIFTED
    page.post(f"{vm.get_absolute_url()}revert/")
    world.push()
    assert names(world.documents()[-1]) == names(saved[0])
    world.domain.undefine()
    other = world.domains[-1].replace("ff", "ee")
    world.domains.append(world.libvirt.defineXML(plain("back").replace(world.domains[-1], other)).UUIDString())
    world.observe()
    before = world.documents()
    page.post(f"{vm.get_absolute_url()}take-over/")
    assert world.push().state == State.READY
    assert VM.objects.filter(name="back").count() == 1
    assert world.documents() == before
