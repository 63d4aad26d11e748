"""Disks as qemu-img makes them."""

import random
import shutil
import subprocess

import pytest

from vms.images.qcow2 import SMALL


@pytest.fixture
def make(tmp_path):
    """Make a disk as qemu-img does; its bytes."""
    if not shutil.which("qemu-img"):
        pytest.skip("qemu-img is not there")

    def run(*options: str, kind: str = "qcow2", size: str = "64M") -> bytes:
        path = tmp_path / "made"
        command = ["qemu-img", "create", "-q", "-f", kind, *options, path, size]
        for _ in range(5):  # for encryption it measures the CPU, which fails on a busy machine
            done = subprocess.run(command, capture_output=True, text=True)
            if "CPU usage" not in done.stderr:
                break
        done.check_returncode()
        return path.read_bytes()

    return run


@pytest.fixture
def filled(tmp_path):
    """Make a qcow2 file with 6 MiB of data in it, converted with these options."""
    if not shutil.which("qemu-img"):
        pytest.skip("qemu-img is not there")

    def run(*options: str) -> bytes:
        raw, path = tmp_path / "raw", tmp_path / "qcow2"
        raw.write_bytes(bytes(SMALL) + random.Random(1).randbytes(6 * SMALL) + b"text " * SMALL + bytes(90 * SMALL))
        subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", *options, raw, path], check=True)
        return path.read_bytes()

    return run
