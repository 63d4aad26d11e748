"""Benchmark of many VMs run from one form, compared with plain libvirt calls, run by `script/bench`."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

COUNT = 10
THREADS = 4
ROUNDS = 3
MEMORY = 128  # MiB
FIRST = {"bare": 100, "clicked": 150}  # IDs
FOLDER = "/var/lib/libvirt/images"


def many(compare: Callable, host: object, portal: object) -> None:
    """From the click on the form to all running, and a script that makes the same VMs from the same documents."""
    pk = portal.ask("Hypervisor.objects.get().pk")
    portal.log_in()
    token = portal.token("/vms/run/")
    documents = Documents(pk)
    bare, clicked = [], []
    for _ in range(ROUNDS):  # in turns, for a machine is not equally quick all the time
        began = time.perf_counter()
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(lambda number: run(host, documents.of(number)), numbers("bare")))
        bare.append(time.perf_counter() - began)
        for number in numbers("bare"):
            remove(host, documents.of(number))
        began = time.perf_counter()
        values = {"hypervisor": pk, "image": "tiny", "number": FIRST["clicked"], "count": COUNT, "memory": MEMORY}
        portal.send("/vms/run/", token, vcpus=1, boot_size=1, **values)
        while not all_run(host):
            time.sleep(0.01)
        clicked.append(time.perf_counter() - began)
        for number in numbers("clicked"):
            portal.manage("vm", "rm", f"tiny-{number}", "--no-wait")
        while any(domain.name().startswith("tiny-") for domain in host.listAllDomains()):
            time.sleep(0.1)
    middle = ROUNDS // 2
    compare(f"{COUNT} VMs from one form, click to all started", sorted(clicked)[middle], sorted(bare)[middle], 1.3)


def numbers(what: str) -> range:
    return range(FIRST[what], FIRST[what] + COUNT)


def all_run(host: object) -> bool:
    import libvirt

    running = {domain.name() for domain in host.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_RUNNING)}
    return running >= {f"tiny-{number}" for number in numbers("clicked")}


class Documents:
    """The documents of a VM with an ID as the portal creates them, made before the measurement."""

    def __init__(self, pk: int) -> None:
        from vms.models import VM

        self.known = {}
        for number in numbers("bare"):
            vm = VM(hypervisor_id=pk, name=f"bare-{number}", number=number, memory=MEMORY, boot_size=1)
            vm.make_host_key()
            self.known[number] = self._make(vm)

    def of(self, number: int) -> dict:
        return self.known[number]

    def _make(self, vm: object) -> dict:
        from networks.definition.addressing import mac_of_id
        from vms.definition import cloud_init
        from vms.definition import domain as domain_xml
        from vms.definition import volume as volume_xml
        from vms.definition.nics.spec import NICSpec

        seed = f"{vm.boot_volume}-cidata"
        common = {"pool": vm.hypervisor.pool}
        disks = (
            domain_xml.DiskSpec(target="vda", bus="virtio", volume=vm.boot_volume, format="qcow2", **common),
            domain_xml.DiskSpec(target="sda", bus="scsi", volume=seed, format="raw", device="cdrom", **common),
        )
        mac = mac_of_id(vm.number)
        spec = domain_xml.DomainSpec(
            name=vm.name,
            uuid=vm.uuid_text,
            type="qemu",
            memory=MEMORY,
            vcpus=1,
            disks=disks,
            nics=(NICSpec(kind="network", source="default", mac=mac),),
            host_key=vm.host_key_public,
        )
        keys = {"keys": (), "private_key": vm.host_key, "public_key": vm.host_key_public}
        user_data = cloud_init.user_data(name=vm.name, domain="", network=cloud_init.network_user_data(()), **keys)
        iso = cloud_init.iso({"meta-data": cloud_init.meta_data(vm.name).encode(), "user-data": user_data.encode()})
        boot = volume_xml.VolumeSpec(name=vm.boot_volume, capacity=2**30, backing=f"{FOLDER}/virter:tag:tiny")
        return {
            "domain": domain_xml.build(spec),
            "boot": volume_xml.build(boot),
            "seed": volume_xml.build(volume_xml.VolumeSpec(name=seed, capacity=len(iso), format="raw")),
            "iso": iso,
            "entry": f"<host mac='{mac}' ip='192.168.122.{vm.number}'/>",
            "names": (vm.name, vm.boot_volume, seed),
        }


def run(host: object, documents: dict) -> None:
    """Create a VM in Virter's order: domain, boot volume, cloud-init ISO, DHCP reservation, start."""
    pool = host.storagePoolLookupByName("default")
    domain = host.defineXML(documents["domain"])
    pool.createXML(documents["boot"])
    seed = pool.createXML(documents["seed"])
    stream, data = host.newStream(), BytesIO(documents["iso"])
    seed.upload(stream, 0, len(documents["iso"]))
    stream.sendAll(lambda stream, count, opaque: data.read(count), None)
    stream.finish()
    entry(host, documents, delete=False)
    domain.create()


def remove(host: object, documents: dict) -> None:
    name, *volumes = documents["names"]
    pool = host.storagePoolLookupByName("default")
    domain = host.lookupByName(name)
    domain.destroy()
    for volume in volumes:
        pool.storageVolLookupByName(volume).delete()
    entry(host, documents, delete=True)
    domain.undefine()


def entry(host: object, documents: dict, delete: bool) -> None:
    import libvirt

    add, drop = libvirt.VIR_NETWORK_UPDATE_COMMAND_ADD_LAST, libvirt.VIR_NETWORK_UPDATE_COMMAND_DELETE
    flags = libvirt.VIR_NETWORK_UPDATE_AFFECT_LIVE | libvirt.VIR_NETWORK_UPDATE_AFFECT_CONFIG
    section = libvirt.VIR_NETWORK_SECTION_IP_DHCP_HOST
    host.networkLookupByName("default").update(drop if delete else add, section, -1, documents["entry"], flags)
