"""Builds the image `tiny`: a guest that boots in seconds, raises its network cards and asks for addresses.

A distribution's kernel and a static BusyBox, fetched as packages and never installed, behind syslinux on a FAT disk.
Nothing is mounted and nothing needs root. Standard library only.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import lzma
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
KERNELS = ("linux-image-cloud-amd64", "linux-image-virtual")  # Debian's, Ubuntu's
DRIVERS = ("virtio_pci", "virtio_blk", "virtio_net", "virtio_scsi", "sr_mod", "isofs", "button", "evdev", "af_packet")
BOOT = "console=ttyS0 loglevel=3 panic=1 mitigations=off"
DISK_SIZE = 64 << 20


class ImageError(Exception):
    """The image cannot be built; the message says why."""


def image() -> Path:
    """Return the qcow2 file, built at the first call and whenever its recipe, this folder, has changed."""
    digest = hashlib.sha256()
    for name in ("__init__.py", "init", "lease"):
        digest.update((HERE / name).read_bytes())
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    target = caches / "virterweb" / f"tiny-{digest.hexdigest()[:12]}.qcow2"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # who comes second waits for what the first one builds
            if not target.exists():
                with tempfile.TemporaryDirectory(prefix="tiny-", dir=target.parent) as work:
                    build(Path(work)).rename(target)
    return target


def build(work: Path) -> Path:
    """Make the image in the empty folder `work` and return its path there."""
    packages = fetch(work)
    kernel = next((packages / "boot").glob("vmlinuz-*"))
    make_initramfs(work, packages)
    (work / "syslinux.cfg").write_text(f"DEFAULT tiny\nLABEL tiny\nKERNEL vmlinuz\nINITRD initrd\nAPPEND {BOOT}\n")
    disk, result = work / "tiny.raw", work / "tiny.qcow2"
    with disk.open("wb") as file:
        file.truncate(DISK_SIZE)
    run("mformat", "-i", disk, "-v", "TINY", "-T", str(DISK_SIZE // 512), "-h", "16", "-s", "63", "::")
    run("mcopy", "-i", disk, kernel, "::vmlinuz")
    run("mcopy", "-i", disk, work / "initrd", work / "syslinux.cfg", "::")
    run("syslinux", "--install", disk)
    run("qemu-img", "convert", "-O", "qcow2", disk, result)
    return result


def fetch(work: Path) -> Path:
    """Unpack the kernel, its modules and BusyBox from the distribution's packages into a folder, and return that."""
    try:
        packages = kernel_packages()
    except ImageError:
        run("apt-get", "update", "-q")  # a machine whose package lists were thrown away
        packages = kernel_packages()
    run("apt-get", "download", "-q", *packages, "busybox-static", cwd=work)
    for package in work.glob("*.deb"):
        run("dpkg-deb", "-x", package, work / "packages")
    return work / "packages"


def kernel_packages() -> list[str]:
    """Return the packages of the smallest kernel for virtual machines that apt knows of."""
    for kernel in KERNELS:
        found = dependencies(kernel)
        if found:
            return found
    raise ImageError(f"apt knows none of these kernels: {', '.join(KERNELS)}.")


def dependencies(package: str) -> list[str]:
    """List the kernel and module packages below `package`, itself left out, without kernels that only conflict."""
    listing = subprocess.run(["apt-cache", "depends", package], capture_output=True, text=True).stdout
    direct = re.findall(r"^ *Depends: (linux-(?:image|modules)-\d\S*)$", listing, re.MULTILINE)
    return [*direct, *(deeper for name in direct for deeper in dependencies(name))]


def make_initramfs(work: Path, packages: Path) -> None:
    """Write the compressed initramfs to `initrd` in `work`."""
    root = work / "root"
    for folder in ("bin", "dev", "proc", "sys", "run", "cidata", "modules"):
        (root / folder).mkdir(parents=True)
    busybox = next(path for path in (packages / "bin/busybox", packages / "usr/bin/busybox") if path.exists())
    shutil.copy(busybox, root / "bin/busybox")
    for applet in run(busybox, "--list").split():
        if not (root / "bin" / applet).exists():
            (root / "bin" / applet).symlink_to("busybox")
    for script in ("init", "lease"):
        shutil.copy(HERE / script, root / script)
        (root / script).chmod(0o755)
    names = copy_drivers(packages, root / "modules")
    (root / "modules/order").write_text("".join(f"{name}\n" for name in names))
    files = "\n".join(str(path.relative_to(root)) for path in sorted(root.rglob("*")))
    pack = [busybox, "cpio", "-o", "-H", "newc", "-R", "0:0"]
    archive = subprocess.run(pack, input=files.encode(), capture_output=True, cwd=root, check=True)
    (work / "initrd").write_bytes(gzip.compress(archive.stdout))


def copy_drivers(packages: Path, target: Path) -> list[str]:
    """Copy the drivers and what they need, uncompressed, into `target`; return file names in the order to load them.

    A driver that has no file is built into the kernel.
    """
    lib = next(path for path in (packages / "lib/modules", packages / "usr/lib/modules") if path.exists())
    files = {path.name.split(".")[0].replace("-", "_"): path for path in lib.rglob("*.ko*")}
    order: list[str] = []

    def copy(driver: str) -> None:
        name = f"{driver}.ko"
        if driver not in files or name in order:
            return
        module = uncompressed(files[driver])
        needs = re.search(rb"\0depends=([^\0]*)", module)
        for needed in needs[1].decode().split(",") if needs else []:
            copy(needed.replace("-", "_"))
        (target / name).write_bytes(module)
        order.append(name)

    for driver in DRIVERS:
        copy(driver)
    return order


def uncompressed(path: Path) -> bytes:
    """Return a kernel module's ELF file, which Debian 13 keeps as .xz and Ubuntu as .zst."""
    if path.suffix == ".xz":
        return lzma.decompress(path.read_bytes())
    if path.suffix == ".zst":
        return subprocess.run(["zstd", "-dc", path], stdout=subprocess.PIPE, check=True).stdout
    return path.read_bytes()


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """Run a command and return its output; raise ImageError with its error message."""
    try:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    except FileNotFoundError as missing:
        raise ImageError(f"The program {command[0]} is missing.") from missing
    if done.returncode:
        raise ImageError(f"{command[0]} failed: {(done.stderr or done.stdout).strip()}")
    return done.stdout
