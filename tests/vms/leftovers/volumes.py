"""A pool of libvirt's test driver, its volumes, and the page of the unused ones, for tests."""

import re

from django.utils import timezone

from virterweb.hypervisors.models import HypervisorStatus
from virterweb.hypervisors.sync import observe
from vms.leftovers import deletion
from vms.models import Volume

EMPTY = """<node><cpu><mhz>1000</mhz><model>i686</model><active>1</active><nodes>1</nodes><sockets>1</sockets>
<cores>1</cores><threads>1</threads></cpu><memory>1000000</memory></node>"""
POOL = "<pool type='dir'><name>{0}</name><target><path>/{0}</path></target></pool>"
VOLUME = """<volume><name>{}</name><capacity>1048576</capacity><target><format type='qcow2'/></target>{}</volume>"""
DOMAIN = "<domain type='test'><name>{}</name><memory>1</memory><os><type>hvm</type></os><devices>{}</devices></domain>"
DISK = "<disk type='file' device='disk'><source file='{}'/><target dev='vda'/></disk>"
PAGE = "/pools/lab-1/{}/unused/"


def make_pool(host, name: str) -> None:
    host.storagePoolDefineXML(POOL.format(name)).create()


def make_volume(host, name: str, backing: str = "", pool: str = "pool") -> None:
    store = f"<backingStore><path>{backing}</path><format type='qcow2'/></backingStore>" if backing else ""
    host.storagePoolLookupByName(pool).createXML(VOLUME.format(name, store))


def define(host, name: str, path: str, running: bool = False) -> None:
    domain = host.defineXML(DOMAIN.format(name, DISK.format(path)))
    if running:
        domain.create()


def names(host, pool: str = "pool") -> set[str]:
    return set(host.storagePoolLookupByName(pool).listVolumes())


def poll(lab) -> None:
    HypervisorStatus.objects.update(stale_at=timezone.now(), due_at=None)
    observe(lab.pk)


def unused() -> set[str]:
    return set(Volume.objects.unused().values_list("name", flat=True))


def listed(page, pool: str = "pool") -> str:
    return " ".join(page.get(PAGE.format(pool)).content.decode().split())


def ask(page, *names: str, pool: str = "pool"):
    """Choose volumes on the page of a pool and confirm."""
    path = f"{PAGE.format(pool)}delete/"
    chosen = {"volume": list(Volume.objects.filter(name__in=names).values_list("pk", flat=True))}
    answer = page.post(path, chosen)
    token = re.search(r'name="token" value="(\w+)"', answer.content.decode())
    return page.post(path, chosen | {"token": token[1]}, follow=True) if token else answer


def work() -> None:
    for volume in Volume.objects.to_delete():
        deletion.carry_out(volume.pk)
