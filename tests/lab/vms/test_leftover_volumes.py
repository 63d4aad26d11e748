"""Volumes of a real pool that nothing uses are listed and deleted; what a VM uses by then stays, with the reason."""

from collections.abc import Iterator

import libvirt
import pytest
from lab import Lab

from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab

PAGE = "/pools/lab/default/unused/"
NAMES = ("lo-free", "lo-late", "lo-off", "lo-live", "lo-base", "lo-over", "lo-stored")
VOLUME = """<volume><name>{}</name><capacity unit='MiB'>16</capacity><target><format type='qcow2'/></target>{}
</volume>"""
BACKING = "<backingStore><path>{}</path><format type='qcow2'/></backingStore>"
DOMAIN = """<domain type='qemu'><name>{}</name><memory unit='MiB'>32</memory><os><type>hvm</type></os><devices>
<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='{}'/><target dev='vda' bus='virtio'/>
</disk></devices></domain>"""
DISK = """<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='{}'/>
<target dev='vdb' bus='virtio'/></disk>"""


def pool(host: libvirt.virConnect) -> libvirt.virStoragePool:
    found = host.storagePoolLookupByName("default")
    found.refresh()
    return found


def path_of(host: libvirt.virConnect, name: str) -> str:
    return pool(host).storageVolLookupByName(name).path()


@pytest.fixture
def volumes(host: libvirt.virConnect) -> Iterator[None]:
    """Seven volumes and the VMs that use some: shut off, transient, by its next start, and as a backing file."""
    for name in NAMES:
        beneath = BACKING.format(path_of(host, "lo-base")) if name == "lo-over" else ""
        pool(host).createXML(VOLUME.format(name, beneath))
    host.defineXML(DOMAIN.format("lo-vm-off", path_of(host, "lo-off")))
    host.defineXML(DOMAIN.format("lo-vm-over", path_of(host, "lo-over")))
    host.createXML(DOMAIN.format("lo-vm-live", path_of(host, "lo-live")))
    running = host.lookupByName("lo-vm-over")
    running.create()
    running.attachDeviceFlags(DISK.format(path_of(host, "lo-stored")), libvirt.VIR_DOMAIN_AFFECT_CONFIG)
    yield
    for domain in host.listAllDomains():
        if domain.name().startswith("lo-vm"):
            persistent = domain.isPersistent()
            if domain.isActive():
                domain.destroy()
            if persistent:
                domain.undefine()
    for volume in pool(host).listAllVolumes():
        if volume.name() in NAMES:
            volume.delete()


def listed(portal: Portal) -> dict[str, str]:
    """Return the volumes of this test on the page, with their state."""
    cells = (row["Volume"].partition(" ") for row in portal.table(PAGE))
    return {name: state for name, _, state in cells if name in NAMES}


def delete(portal: Portal, name: str) -> None:
    """Choose a volume and confirm, as a person without JavaScript does."""
    token = portal.token(PAGE)
    chosen = {"volume": portal.ask(f"Volume.objects.get(name='{name}').pk")}
    answer = portal.send(f"{PAGE}delete/", token, **chosen).decode()
    seen = answer.partition('name="token" value="')[2].partition('"')[0]
    portal.send(f"{PAGE}delete/", token, **chosen, token=seen)


def test_only_what_nothing_uses_is_listed_and_deleted(
    lab: Lab, host: libvirt.virConnect, portal: Portal, volumes: None
) -> None:
    portal.ask("[one.request_poll() for one in Hypervisor.objects.all()]")
    wait_for(lambda: set(listed(portal)) == {"lo-free", "lo-late"}, 60, "the free volumes alone are listed")
    delete(portal, "lo-free")
    wait_for(lambda: "lo-free" not in pool(host).listVolumes(), 30, "libvirt no longer has it")
    wait_for(lambda: set(listed(portal)) == {"lo-late"}, 30, "the page no longer has it")
    host.defineXML(DOMAIN.format("lo-vm-late", path_of(host, "lo-late")))  # between the page and the click
    delete(portal, "lo-late")
    refused = "list(Entry.objects.filter(kind='volume', result='failed').values_list('error', flat=True))"
    wait_for(lambda: portal.ask(refused, "from virterweb.activity.models import Entry"), 30, "the deletion is refused")
    state = listed(portal).get("lo-late", "The VM lo-vm-late uses it.")  # gone from the page after the next poll
    assert "The VM lo-vm-late uses it." in state
    assert set(pool(host).listVolumes()) >= set(NAMES) - {"lo-free"}


def test_a_deletion_survives_the_end_of_the_worker(
    lab: Lab, host: libvirt.virConnect, portal: Portal, volumes: None
) -> None:
    portal.ask("[one.request_poll() for one in Hypervisor.objects.all()]")
    wait_for(lambda: "lo-free" in listed(portal), 60, "the free volume is listed")
    portal.kill_worker()
    delete(portal, "lo-free")
    assert listed(portal)["lo-free"] == "being deleted"
    assert "lo-free" in pool(host).listVolumes()
    portal.start_worker()
    wait_for(lambda: "lo-free" not in pool(host).listVolumes(), 60, "another worker has deleted it")
