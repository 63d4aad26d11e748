"""A VM is deleted while Virter or a person runs another one of its name: nothing of the new one is deleted."""

import itertools
from collections.abc import Callable
from pathlib import Path

import libvirt
import pytest
from django.db import transaction
from lxml import etree

from networks import sync as networks_sync
from tests.support.driver import Driver
from tests.support.making import make_hypervisor
from tests.vms.changes.outside_changes import FIRST, OTHER, POOL, UUID
from virterweb.hypervisors.gateway.found import Busy
from vms import sync
from vms.models import VM
from vms.sync import polling

pytestmark = pytest.mark.integration

NETWORK_UUID = "7d3c9c55-8d1b-4c52-9a0a-5a2f0b8f2d11"
NETWORKS = f"""<network><name>default</name><uuid>{NETWORK_UUID}</uuid><bridge name='v1'/>
<ip address='192.168.122.1' netmask='255.255.255.0'><dhcp><range start='192.168.122.2' end='192.168.122.254'/></dhcp>
</ip></network>"""
ENTRY = f"<host mac='{FIRST}' ip='192.168.122.8'/>"
BOTH = libvirt.VIR_NETWORK_UPDATE_AFFECT_LIVE | libvirt.VIR_NETWORK_UPDATE_AFFECT_CONFIG
VOLUMES = ("virter:work:web", "virter:work:web-cidata")
DISKS = "".join(
    f"<disk type='volume'><source pool='default' volume='{name}'/><target dev='vd{letter}' bus='virtio'/></disk>"
    for letter, name in zip("ab", VOLUMES, strict=True)
)
NIC = f"<interface type='network'><source network='default'/><mac address='{FIRST}'/></interface>"
DOMAIN = f"""<domain type='test'><name>web</name><uuid>{{}}</uuid><memory unit='MiB'>512</memory>
<os><type>hvm</type></os><devices>{DISKS}{NIC}</devices></domain>"""


class Libvirt(Driver):
    """libvirt with a VM that is changed outside directly before one of the portal's calls."""

    meanwhile: Callable[[], None] | None = None
    at = calls = 0

    def __init__(self, hypervisor_id: int, uri: str) -> None:
        super().__init__(hypervisor_id, uri)
        for noun, verb in (*CHANGES, *READS):
            found = getattr(self, noun)
            setattr(found, verb, self._interleaved(getattr(found, verb)))

    def _interleaved(self, real: Callable) -> Callable:
        def call(*given: object, **named: object) -> object:
            self.calls += 1
            if self.calls == self.at and self.meanwhile:
                self.meanwhile()
            return real(*given, **named)

        return call

    def run(self, uuid: str) -> bool:
        """Run a VM in Virter's order, unless there is one of its name, or something of one."""
        pool, network = self._pool(), self.session.libvirt.networkLookupByName("default")
        names = [domain.name() for domain in self.session.libvirt.listAllDomains()]
        if "web" in names or {*VOLUMES} & {each.name() for each in pool.listAllVolumes()} or self.entries():
            return False
        self.session.libvirt.defineXML(DOMAIN.format(uuid))
        for name in VOLUMES:
            pool.createXML(f"<volume><name>{name}</name><capacity>1024</capacity></volume>")
        network.update(
            libvirt.VIR_NETWORK_UPDATE_COMMAND_ADD_LAST, libvirt.VIR_NETWORK_SECTION_IP_DHCP_HOST, -1, ENTRY, BOTH
        )
        return True

    def rm(self) -> None:
        for domain in self.session.libvirt.listAllDomains():
            if domain.name() == "web":
                domain.undefine()
        for volume in self._pool().listAllVolumes():
            if volume.name() in VOLUMES:
                volume.delete()
        if self.entries():
            self.session.libvirt.networkLookupByName("default").update(
                libvirt.VIR_NETWORK_UPDATE_COMMAND_DELETE, libvirt.VIR_NETWORK_SECTION_IP_DHCP_HOST, -1, ENTRY, BOTH
            )

    def entries(self) -> list[str]:
        document = self.session.libvirt.networkLookupByName("default").XMLDesc()
        return etree.fromstring(document).xpath("ip/dhcp/host/@mac")

    def state(self) -> dict[str, list[str]]:
        return {
            "domains": [domain.UUIDString() for domain in self.session.libvirt.listAllDomains()],
            "volumes": sorted(volume.name() for volume in self._pool().listAllVolumes()),
            "entries": self.entries(),
        }

    def _pool(self) -> libvirt.virStoragePool:
        return self.session.libvirt.storagePoolLookupByName("default")


CHANGES = (("power", "force_off"), ("domains", "define"), ("volumes", "delete"), ("domains", "undefine"))
READS = (
    ("domains", "get"),
    ("domains", "all"),
    ("domains", "uuid_of"),
    ("networks", "get"),
    ("volumes", "all"),
    ("leases", "of_network"),
    ("snapshots", "documents"),
    ("pools", "folder"),
)


def world(folder: Path) -> Libvirt:
    """A VM of the portal's that libvirt has, and whose deletion is asked for."""
    file = folder / "host.xml"
    file.write_text(f"<node>{NETWORKS}{POOL}</node>")
    hypervisor, connection = make_hypervisor(), Libvirt(1, f"test://{file}")
    assert connection.run(UUID)
    networks_sync.observe(hypervisor, connection)
    polling.observe(hypervisor, connection)
    VM.objects.get().adopt()
    VM.objects.get().remove()
    return connection


def delete(connection: Libvirt) -> None:
    """As workers do, until the row is gone."""
    for _ in range(5):
        if vm := VM.objects.select_related("hypervisor", "status").filter(removed_at__isnull=False).first():
            try:
                sync.push(vm, connection)
            except Busy:
                continue


def run_again(connection: Libvirt) -> None:
    connection.meanwhile = lambda: connection.run(OTHER)


def gone_and_run_again(connection: Libvirt) -> None:
    """Virter has removed it already; it is run once more at any moment."""
    connection.rm()
    connection.meanwhile = lambda: connection.run(OTHER)


def undefined_and_run_again(connection: Libvirt) -> None:
    """The VM was undefined outside; its disks are deleted, and it is run again, at any moment."""
    connection.session.libvirt.lookupByName("web").undefine()
    connection.meanwhile = lambda: (connection.rm(), connection.run(OTHER))


def removed_and_run_again(connection: Libvirt) -> None:
    connection.meanwhile = lambda: (connection.rm(), connection.run(OTHER))


@pytest.mark.django_db
@pytest.mark.parametrize(
    "others",
    [run_again, gone_and_run_again, undefined_and_run_again, removed_and_run_again],
    ids=lambda each: each.__name__,
)
def test_deleting_the_old_vm_deletes_nothing_of_the_new_one(enqueued, tmp_path, others):
    for at in itertools.count(1):
        with transaction.atomic():
            connection = world(tmp_path)
            others(connection)
            connection.at, connection.calls = at, 0
            delete(connection)
            reached, left = connection.calls >= at, connection.state()
            connection.close()
            transaction.set_rollback(True)
        assert not VM.objects.exists()
        if OTHER in left["domains"]:
            assert left == {"domains": [OTHER], "volumes": [*VOLUMES], "entries": [FIRST]}, f"before call {at}"
        else:
            assert left == {"domains": [], "volumes": [], "entries": []}, f"before call {at}"
        if not reached:
            break
    assert at > 8, "the steps of a deletion"
