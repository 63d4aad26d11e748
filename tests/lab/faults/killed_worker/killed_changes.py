"""Changes that a worker carries out, with the libvirt calls at which it is killed."""

import os
import subprocess
from pathlib import Path

from tests.support.portal import Portal
from tests.support.waiting import wait_for

ADD = ["virNetworkDefineXML", "virNetworkSetAutostart", "virNetworkCreate"]
MAKE = [
    *("virDomainDefineXML", "virStorageVolCreateXML", "virStorageVolCreateXML"),  # its disk, and its console's log
    *("virStorageVolCreateXML", "virStorageVolUpload"),
    *("virNetworkUpdate", "virDomainCreate"),
]


def done(portal: Portal, desired: str) -> str:
    """The state of a wish, given as MODEL NAME, once no worker has to do anything for it."""
    model, name = desired.split()
    # In one query: it may go at any moment.
    rows = f"{model}.objects.select_related('status').filter(name='{name}')"
    state = f"[wish.state for wish in {rows}] or ['gone']"
    (found,) = wait_for(
        lambda: [s for s in portal.ask(state) if s not in ("pending", "removing")], 30, f"{desired} done"
    )
    return found


def upload(portal: Portal, folder: Path) -> bytes:
    """Wish an image of a small disk."""
    raw, qcow2 = (
        folder / "raw",
        Path(portal.ask("str(settings.SPOOL_DIR)", "from django.conf import settings"), "waits"),
    )
    raw.write_bytes(os.urandom(2**20) + bytes(2**20))
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, qcow2], check=True)
    data = qcow2.read_bytes()
    values = f"name='disk', volume='virter:tag:disk', upload='waits', size={len(data)}"
    portal.ask(f"Image.objects.create(hypervisor=Hypervisor.objects.get(), {values}).pk")
    return data
