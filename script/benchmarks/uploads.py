"""Benchmark of an upload whose web server is killed twice, compared with a plain copy, run by `script/bench`."""

from __future__ import annotations

import hashlib
import os
import random
import time
from collections.abc import Callable
from pathlib import Path

SIZE = 2 * 1024**3
BLOCK = 16 * 1024**2
KILLS = (700 * 1024**2 + 12_345, 1500 * 1024**2 + 678)


def killed_twice(report: Callable, portal: object) -> None:
    """Upload a file of 2 GiB, kill the web server twice in the midst, and wait until the image is ready."""
    from tests.support.resumable import ResumableUpload
    from tests.support.waiting import wait_for

    file, copy = portal.data / "bench.raw", portal.data / "bench.copy"
    whole = write(file)
    portal.kill_worker()  # otherwise it takes the file away
    portal.log_in()
    began = time.perf_counter()
    copied(file, copy)
    bare = time.perf_counter() - began
    copy.unlink()
    upload = ResumableUpload(portal)
    upload.begin(SIZE, hypervisor=portal.ask("Hypervisor.objects.get().pk"), name="uploaded", filename=file.name)
    began = time.perf_counter()
    resumed = upload.send(file, KILLS)
    seconds = time.perf_counter() - began
    assert len(resumed) == len(KILLS)
    key = portal.ask("Image.objects.get(name='uploaded').upload")
    with (portal.data / "uploads" / key).open("rb") as arrived:
        right = hashlib.file_digest(arrived, "sha256").hexdigest() == whole
    again = sum(max(0, kill - at) for kill, at in zip(KILLS, resumed, strict=True))
    rate, plain = (SIZE / 1024**2 / each for each in (seconds, bare))
    report("Upload of 2 GiB, web server killed twice", f"{rate:.0f} MiB/s", f"plain copy {plain:.0f} MiB/s", "")
    report("… sent again", f"{again / 1024**2:.1f} MiB", "SHA-256 right" if right else "SHA-256 WRONG", "")
    file.unlink()
    portal.start_worker()
    wait_for(lambda: portal.ask("Image.objects.get(name='uploaded').status.made_at"), 300, "the image is ready")
    folder = portal.data / "uploads"
    wait_for(lambda: not any(folder.iterdir()), 30, "the files are deleted")
    rows = portal.ask("[Upload.objects.unfinished().count(), UploadPart.objects.count()]")
    report("… files and rows left when the image is ready", str(len(list(folder.iterdir())) + sum(rows)), "", "goal 0")
    portal.ask("Image.objects.get(name='uploaded').remove()")


def write(file: Path) -> str:
    """Write a raw disk without two equal blocks, and return its SHA-256."""
    digest, block = hashlib.sha256(), bytearray(random.Random(9).randbytes(BLOCK))
    with file.open("wb") as data:
        for number in range(SIZE // BLOCK):
            block[:8] = number.to_bytes(8, "little")
            digest.update(block)
            data.write(block)
    return digest.hexdigest()


def copied(file: Path, copy: Path) -> None:
    """Copy the file by reading and writing, to the disk."""
    with file.open("rb") as source, copy.open("wb") as target:
        while block := source.read(BLOCK):
            target.write(block)
        target.flush()
        os.fsync(target.fileno())
