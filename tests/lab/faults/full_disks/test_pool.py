"""A pool that is full before an upload has ended: nothing remains there, and the page says why."""

import os
from pathlib import Path

import libvirt
import pytest
from lab import Lab

from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab

FOLDER = "/var/lib/libvirt/small"


@pytest.fixture
def small(lab: Lab, host: libvirt.virConnect, portal: Portal):
    """A second hypervisor of the portal: the same libvirt, with a pool of 16 MiB."""
    (lab.directory / "lib/small").mkdir(exist_ok=True)
    lab.run("mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", FOLDER)
    document = f"<pool type='dir'><name>small</name><target><path>{FOLDER}</path></target></pool>"
    pool = host.storagePoolCreateXML(document)
    portal.ask(f"Hypervisor.objects.create(name='small', uri='{lab.uri}', pool='small').pk")
    yield pool
    pool.destroy()
    lab.run("umount", FOLDER)


@pytest.mark.parametrize("kind", ["qcow2", "raw"])
def test_an_upload_into_a_full_pool_leaves_nothing_and_shows_the_reason(
    lab: Lab, portal: Portal, small: libvirt.virStoragePool, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "disk"
    lab.run("qemu-img", "create", "-q", "-f", kind, path, "64M")
    with path.open("ab") as file:
        file.write(os.urandom(40 * 2**20))
    spool = portal.ask("str(settings.SPOOL_DIR)", "from django.conf import settings")
    Path(spool, "waiting").write_bytes(path.read_bytes())
    made = f"hypervisor=Hypervisor.objects.get(name='small'), name='{kind}', volume='{kind}', upload='waiting'"
    portal.ask(f"Image.objects.create({made}, size={path.stat().st_size}).pk")

    def said() -> str:
        return portal.ask(f"Image.objects.get(name='{kind}').status.error")

    wait_for(said, 30, "the upload is refused")
    assert "the pool is full; delete unused volumes there, or enlarge the pool. The incomplete volume" in said()
    small.refresh()
    assert small.listVolumes() == []
    assert said() in portal.get("/images/").text_content()
    portal.ask(f"Image.objects.get(name='{kind}').remove()")
    wait_for(lambda: not portal.ask(f"Image.objects.filter(name='{kind}').exists()"), 20, "the image is forgotten")
    portal.ask("Hypervisor.objects.get(name='small').delete()[0]")
