"""A stand-in for Virter: what its commands ask of libvirt, call by call, with the documents that it writes.

Of each command only that part is here which the portal shares with it: the pool, the networks, the domains.
"""

import hashlib
from io import BytesIO
from pathlib import PurePosixPath

import libvirt
from lxml import etree

LAYER, TAG, WORK = "virter:layer:", "virter:tag:", "virter:work:"
BOTH = libvirt.VIR_NETWORK_UPDATE_AFFECT_LIVE | libvirt.VIR_NETWORK_UPDATE_AFFECT_CONFIG
HOSTS = libvirt.VIR_NETWORK_SECTION_IP_DHCP_HOST
META = "https://github.com/LINBIT/virter"

VOLUME = """<volume type='file'><name>{name}</name><capacity unit='bytes'>{capacity}</capacity>
<target><format type='{format}'/></target>{backing}</volume>"""
BACKING = "<backingStore><path>./{}</path><format type='qcow2'/></backingStore>"
DISK = """<disk type='volume' device='{device}'>
<driver name='qemu' type='{format}' discard='unmap' error_policy='report'/>
<source pool='default' volume='{volume}'/><target dev='{dev}' bus='{bus}'/></disk>"""
NIC = "<interface type='network'><source network='{network}'/>{mac}<model type='virtio'/></interface>"
DOMAIN = """<domain type='qemu'><name>{name}</name><metadata><vir:meta xmlns:vir='{meta}'>
<vir:hostkey>ssh-rsa AAAAB3Nz</vir:hostkey><vir:ssh-user-name>root</vir:ssh-user-name></vir:meta></metadata>
<memory unit='MiB'>32</memory><vcpu>1</vcpu><os><type arch='x86_64'>hvm</type><boot dev='hd'/></os>
<features><acpi/><apic/></features><devices>{disks}<controller type='scsi' model='virtio-scsi'/>{nics}
<serial type='pty'/><console type='pty'/></devices></domain>"""
NETWORK = """<network><name>{name}</name><ip address='{address}' netmask='255.255.255.0'>
<dhcp><range start='{start}' end='{end}'/></dhcp></ip></network>"""


class NotVirters(Exception):
    """What Virter says of a volume that is on top of something else than a layer."""


class Virter:
    """One hypervisor, with the pool and the network called default."""

    def __init__(self, connection: libvirt.virConnect) -> None:
        self.connection = connection
        self.pool = connection.storagePoolLookupByName("default")
        self.network = connection.networkLookupByName("default")

    # images

    def image_load(self, name: str, data: bytes) -> str:
        """Load an image from a qcow2 file; the digest of its layer."""
        loading = self._create(f"{WORK}load-{name}")
        self._upload(loading, data)
        digest = hashlib.sha256(self.download(loading.name())).hexdigest()
        layer = f"{LAYER}sha256:{digest}"
        if self.find(layer) is None:
            self._upload(self._create(layer), data)
        loading.delete()
        if (old := self.find(TAG + name)) and self.dependency(old) != layer:
            self.delete_all_if_unused(old)
        if self.find(TAG + name) is None:
            self._create(TAG + name, layer)
        return digest

    def image_ls(self) -> dict[str, str]:
        """The images, each with its top layer's digest; those that Virter cannot read are left out."""
        found = {}
        for volume in self.pool.listAllVolumes():
            if volume.name().startswith(TAG):
                try:
                    top = self.dependency(volume)
                except NotVirters:
                    continue
                if top:
                    found[volume.name().removeprefix(TAG)] = top.removeprefix(f"{LAYER}sha256:")
        return found

    def image_save(self, name: str) -> bytes:
        """One qcow2 file with all of an image's layers in it."""
        top = self.find(self.dependency(self.find(TAG + name)))
        capacity = etree.fromstring(top.XMLDesc()).findtext("capacity")
        squashed = f"{WORK}squash-from-{top.name()}"
        document = VOLUME.format(name=squashed, capacity=capacity, format="qcow2", backing="")
        copy = self.pool.createXMLFrom(document, top)
        data = self.download(squashed)
        copy.delete()
        return data

    def image_push(self, name: str) -> list[bytes]:
        """The layers that would go to a registry, the lowest first; each has the digest that its name says."""
        layers, top = [], self.dependency(self.find(TAG + name))
        while top:
            data = self.download(top)
            assert top == f"{LAYER}sha256:{hashlib.sha256(data).hexdigest()}"
            layers.insert(0, data)
            top = self.dependency(self.find(top))
        return layers

    def image_rm(self, name: str) -> None:
        if volume := self.find(TAG + name):
            self.delete_all_if_unused(volume)

    def find(self, name: str) -> libvirt.virStorageVol | None:
        try:
            return self.pool.storageVolLookupByName(name)
        except libvirt.libvirtError as error:
            if error.get_error_code() != libvirt.VIR_ERR_NO_STORAGE_VOL:
                raise
            return None

    def dependency(self, volume: libvirt.virStorageVol) -> str:
        """The layer that a volume is on top of; "" if it is on top of nothing."""
        path = etree.fromstring(volume.XMLDesc()).findtext("backingStore/path")
        if path is None:
            return ""
        name = PurePosixPath(path).name
        if not name.startswith(LAYER):
            raise NotVirters(f"'{name}' is not a virter volume")
        return name

    def delete_all_if_unused(self, volume: libvirt.virStorageVol | None) -> None:
        while volume is not None:
            beneath = self.dependency(volume)
            for other in self.pool.listAllVolumes():
                try:
                    if self.dependency(other) == volume.name():
                        return
                except NotVirters:
                    continue
            volume.delete()
            volume = self.find(beneath) if beneath else None

    def _create(self, name: str, layer: str = "", capacity: int = 0, kind: str = "qcow2") -> libvirt.virStorageVol:
        if layer:
            known = etree.fromstring(self.find(layer).XMLDesc()).findtext("capacity")
            capacity = max(capacity, int(known))
        backing = BACKING.format(layer) if layer else ""
        return self.pool.createXML(VOLUME.format(name=name, capacity=capacity, format=kind, backing=backing))

    def _upload(self, volume: libvirt.virStorageVol, data: bytes) -> None:
        stream, file = self.connection.newStream(), BytesIO(data)
        volume.upload(stream, 0, 0)
        stream.sendAll(lambda stream, count, opaque: file.read(count), None)
        stream.finish()

    def download(self, name: str) -> bytes:
        pieces, stream = [], self.connection.newStream()
        self.find(name).download(stream, 0, 0)
        stream.recvAll(lambda stream, piece, opaque: pieces.append(piece), None)
        stream.finish()
        return b"".join(pieces)

    # VMs

    def vm_run(self, image: str, number: int, *, networks: tuple[str, ...] = (), disks: tuple[str, ...] = ()) -> str:
        name = f"{image}-{number}"
        volumes = [WORK + name, f"{WORK}{name}-cidata", *(f"{WORK}{name}-{disk}" for disk in disks)]
        assert name not in [domain.name() for domain in self.connection.listAllDomains()]
        assert not [volume for volume in volumes if self.find(volume)], "one of the images already exists"
        mac = f"52:54:00:00:00:{number:02x}"
        assert not self._addresses(mac), f"preset ID '{number}' already used"
        shown = [DISK.format(device="disk", format="qcow2", volume=volumes[0], dev="vda", bus="virtio")]
        shown.append(DISK.format(device="cdrom", format="raw", volume=volumes[1], dev="sda", bus="scsi"))
        for letter, volume in zip("bcd", volumes[2:], strict=False):
            shown.append(DISK.format(device="disk", format="qcow2", volume=volume, dev=f"vd{letter}", bus="virtio"))
        nics = [NIC.format(network="default", mac=f"<mac address='{mac}'/>")]
        nics += [NIC.format(network=network, mac="") for network in networks]
        words = {"name": name, "meta": META, "disks": "".join(shown), "nics": "".join(nics)}
        domain = self.connection.defineXML(DOMAIN.format(**words))
        self._create(volumes[0], self.dependency(self.find(TAG + image)), 2**30)
        self._upload(self._create(volumes[1], kind="raw"), b"no ISO, but something")
        for volume in volumes[2:]:
            self._create(volume, capacity=2**20)
        self.host_add(number)
        domain.create()
        return name

    def vm_rm(self, name: str) -> None:
        domain = self.connection.lookupByName(name)
        if domain.isActive():
            domain.destroy()
        root = etree.fromstring(domain.XMLDesc())
        for interface in root.iterfind("devices/interface"):
            network, mac = interface.find("source").get("network"), interface.find("mac").get("address")
            if network == "default":
                for ip in self._addresses(mac):
                    self._update(libvirt.VIR_NETWORK_UPDATE_COMMAND_DELETE, mac, ip)
        for snapshot in domain.listAllSnapshots():
            snapshot.delete()
        for source in root.iterfind("devices/disk/source"):
            if source.get("volume"):
                self.delete_all_if_unused(self.find(source.get("volume")))
        domain.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_NVRAM)

    # networks

    def network_add(self, name: str, block: str) -> None:
        """With DHCP, of a block given as 10.66.0."""
        ends = {"address": f"{block}1", "start": f"{block}2", "end": f"{block}254"}
        network = self.connection.networkDefineXML(NETWORK.format(name=name, **ends))
        network.setAutostart(True)
        network.create()

    def network_rm(self, name: str) -> None:
        network = self.connection.networkLookupByName(name)
        if network.isActive():
            network.destroy()
        network.undefine()

    def host_add(self, number: int) -> None:
        mac = f"52:54:00:00:00:{number:02x}"
        self._update(libvirt.VIR_NETWORK_UPDATE_COMMAND_ADD_LAST, mac, f"192.168.122.{number}")

    def host_rm(self, number: int) -> None:
        mac = f"52:54:00:00:00:{number:02x}"
        for ip in self._addresses(mac):
            self._update(libvirt.VIR_NETWORK_UPDATE_COMMAND_DELETE, mac, ip)

    def _addresses(self, mac: str) -> list[str]:
        return etree.fromstring(self.network.XMLDesc()).xpath(f"ip/dhcp/host[@mac='{mac}']/@ip")

    def _update(self, command: int, mac: str, ip: str) -> None:
        self.network.update(command, HOSTS, -1, f"<host mac='{mac}' ip='{ip}'/>", BOTH)
