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
    """Return the state of an object, given as MODEL NAME, when no push is pending."""
    model, name = desired.split()
    # One query, because the row can be deleted at any moment.
    rows = f"{model}.objects.select_related('status').filter(name='{name}')"
    state = f"[desired.state for desired in {rows}] or ['gone']"
    (found,) = wait_for(
        lambda: [s for s in portal.ask(state) if s not in ("pending", "removing")], 60, f"{desired} done"
    )
    return found


def upload(portal: Portal, folder: Path) -> bytes:
    """Add an image of a small disk."""
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
