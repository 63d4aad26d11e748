"""A VM on libvirt's test driver whose snapshots are taken, as the portal and others do it."""

from pathlib import Path

import libvirt

from tests.support.making import make_hypervisor
from virterweb.hypervisors.gateway.connection import Connection
from vms.models import VM, Snapshot, SnapshotRequest
from vms.snapshots import work
from vms.sync import polling

EMPTY = """<node><cpu><mhz>1000</mhz><model>i686</model><active>1</active><nodes>1</nodes><sockets>1</sockets>
<cores>1</cores><threads>1</threads></cpu><memory>1000000</memory></node>"""
UUID = "00c0ffee-0000-4000-8000-0000000000aa"
DISK = """<disk type='file' device='disk'><driver name='qemu' type='{format}'/><source file='/pool/{target}'/>
<target dev='{target}'/></disk>"""
CDROM = "<disk type='file' device='cdrom'><source file='/pool/seed'/><target dev='hda' bus='ide'/><readonly/></disk>"
NIC = "<interface type='user'><mac address='52:54:00:00:00:{}'/></interface>"
DEVICES = DISK.format(format="qcow2", target="vda") + CDROM + NIC.format("01")
HEAD = f"<domain type='test'><name>web</name><uuid>{UUID}</uuid>"
DOMAIN = f"{HEAD}<memory>1024</memory><os><type>hvm</type></os><devices>{DEVICES}</devices></domain>"
RAW = DOMAIN.replace("qcow2", "raw")


class World:
    """The portal with libvirt's test driver."""

    connection: Connection

    def __init__(self, folder: Path) -> None:
        path = folder / "host.xml"
        path.write_text(EMPTY)
        self.hypervisor = make_hypervisor(uri=f"test://{path}", pool="pool")

    @property
    def host(self) -> libvirt.virConnect:
        return self.connection.session.libvirt

    @property
    def domain(self) -> libvirt.virDomain:
        return self.host.lookupByUUIDString(UUID)

    @property
    def vm(self) -> VM:
        return VM.objects.alone().get(uuid=UUID)

    def define(self, document: str) -> VM:
        self.host.defineXML(document)
        return self.poll()

    def poll(self) -> VM:
        polling.observe(self.hypervisor, self.connection)
        return self.vm

    def snapshot(self, name: str, flags: int = 0, more: str = "") -> Snapshot:
        """Take a snapshot as others do, and poll."""
        self.domain.snapshotCreateXML(f"<domainsnapshot><name>{name}</name>{more}</domainsnapshot>", flags)
        self.poll()
        return self.vm.snapshots.get(name=name)

    def work(self) -> SnapshotRequest:
        """Carry out the request about the VM; return it."""
        work.carry_out(SnapshotRequest.objects.get(vm=self.vm).pk)
        return SnapshotRequest.objects.get(vm=self.vm)

    def names(self) -> set[str]:
        return {each.getName() for each in self.domain.listAllSnapshots()}
