"""Benchmark of images that are fetched from a URL, compared with curl, run by `script/bench`."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

SIZE = 512 * 1024**2
SAME_RATE = 0.7  # of curl's, at least


def fetching(report: Callable, portal: object, folder: Path) -> None:
    """Fetch an image of 512 MiB from a local server, and the same file by curl to the same disk."""
    folder.mkdir()
    raw, image = folder / "raw", folder / "image.qcow2"
    write_disk(raw)
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, image], check=True)
    raw.unlink()
    portal.ask("Hypervisor.objects.update(image_sources='127.0.0.1')")
    portal.log_in()
    token, pk = portal.token("/images/"), portal.ask("Hypervisor.objects.get().pk")
    with served(folder) as port:
        url = f"http://127.0.0.1:{port}/{image.name}"
        curl = ["curl", "-s", "--retry", "20", "--retry-connrefused", "-o", folder / "copy", url]
        subprocess.run(curl, check=True)  # now the server answers, and the file is in the cache
        began = time.perf_counter()
        subprocess.run(curl, check=True)
        alone = time.perf_counter() - began
        began = time.perf_counter()
        portal.send("/images/", token, hypervisor=pk, name="fetched", url=url)
        while not portal.ask("Image.objects.get(name='fetched').status.sent >= 512 * 1024**2"):
            time.sleep(0.05)
        fetched = time.perf_counter() - began
        while not portal.ask("Image.objects.get(name='fetched').done"):
            time.sleep(0.1)
        ready = time.perf_counter() - began
    met = "met" if alone / fetched >= SAME_RATE else "missed"
    beside = f"{alone / fetched:.2f} × rate of curl"
    report("Image of 512 MiB by URL, fetched", f"{fetched:.1f} s", beside, f"goal ≥ {SAME_RATE} × curl: {met}")
    report("… in the pool", f"{ready:.1f} s", f"{alone / ready:.2f} × rate of curl", "")


def write_disk(path: Path) -> None:
    """Write a disk whose content cannot be compressed, with the signature of a boot sector."""
    with path.open("wb") as disk:
        for _ in range(SIZE // 1024**2):
            disk.write(os.urandom(1024**2))
        disk.seek(510)
        disk.write(b"\x55\xaa")


@contextmanager
def served(folder: Path) -> Iterator[int]:
    """Serve a folder on loopback by HTTP, and yield the port."""
    from tests.support.portal import free_port

    port = free_port()
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", folder]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield port
    finally:
        server.kill()
        server.wait()
