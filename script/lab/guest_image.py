"""Builds cloud images: Debian with cloud-init, one image per network renderer.

`PYTHONPATH=script python3 -m lab.guest_image [RENDERER …]` prints the files, built where they are missing. Everything
comes from the packages of the machine's own Debian release and mirror.

Needs root and the packages in `prepare.GUESTS`. Standard library only.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import prepare

RENDERERS = {  # what each has beside PACKAGES
    "ifupdown": ("ifupdown", "isc-dhcp-client"),
    "netplan": ("netplan.io", "systemd-resolved"),
    "networkmanager": ("network-manager",),
}
CALLED = {"ifupdown": "eni", "netplan": "netplan", "networkmanager": "network-manager"}  # by cloud-init
PACKAGES = (
    *("linux-image-cloud-amd64", "systemd-sysv", "udev", "dbus", "iproute2", "netbase", "ca-certificates"),
    *("cloud-init", "openssh-server", "qemu-guest-agent"),
)
# Nobody reads these, and they take half of the time in which dpkg unpacks.
LEFT_OUT = ("/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/info/*", "/usr/share/lintian/*")
MODULES = ("virtio_pci", "virtio_blk", "virtio_scsi", "ext4")  # of the initramfs
SILENT = (  # what only delays an emulated guest that lives for minutes
    *("apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer", "fstrim.timer"),
    *("e2scrub_reap.service", "systemd-pstore.service", "getty@tty1.service", "serial-getty@ttyS0.service"),
    *("systemd-tmpfiles-clean.timer", "wpa_supplicant.service", "systemd-binfmt.service", "systemd-pcrphase.service"),
    *("dev-hugepages.mount", "dev-mqueue.mount", "sys-kernel-debug.mount", "sys-kernel-tracing.mount"),
)
CLOUD_CONFIG = """\
datasource_list: [NoCloud, None]
growpart: {{mode: 'off'}}
resize_rootfs: false
locale: false
grub_dpkg: {{enabled: false}}
system_info: {{network: {{renderers: [{renderer}]}}}}
"""
BOOT = "root=/dev/vda2 ro console=ttyS0 quiet mitigations=off"
MIB = 1 << 20
BOOT_MIB, ROOT_MIB = 64, 1300


class ImageError(Exception):
    """The image cannot be built; the message says why."""


def image(renderer: str) -> Path:
    """Return the qcow2 file of a guest with that renderer, built when it is missing or this recipe has changed."""
    release = sources()
    recipe = hashlib.sha256(Path(__file__).read_bytes() + release.encode()).hexdigest()[:12]
    target = folder() / f"{renderer}-{recipe}.qcow2"
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # who comes second waits for what the first one builds
        if not target.exists():
            with tempfile.TemporaryDirectory(prefix=f"{renderer}-", dir=target.parent) as work:
                build(renderer, release, Path(work)).rename(target)
    return target


def folder() -> Path:
    """Return the folder in which images are cached between runs."""
    chosen = os.environ.get("VIRTERWEB_GUESTS")
    return Path(chosen) if chosen else prepare.CACHE / "guests"


def build(renderer: str, release: str, work: Path) -> Path:
    """Make the image in the empty folder `work` and return its path there."""
    root, disk, result = work / "root", work / "disk.raw", work / "disk.qcow2"
    bootstrap(root, [*PACKAGES, *RENDERERS[renderer]], release)
    furnish(root, renderer)
    boot, system = work / "boot.raw", work / "system.raw"
    make_boot(boot, root, work)
    run("mke2fs", "-q", "-t", "ext4", "-O", "^metadata_csum,^has_journal", "-d", root, system, f"{ROOT_MIB}M")
    join(disk, [boot, system])
    run("qemu-img", "convert", "-c", "-O", "qcow2", disk, result)
    return result


def sources() -> str:
    """Return the lines of sources.list for the machine's own release of Debian."""
    form = "$(ORIGIN) deb $(REPO_URI) $(RELEASE) main"
    command = ("apt-get", "indextargets", "--format", form, "Created-By: Packages", "Component: main")
    for last in (False, True):
        lines = [line.removeprefix("Debian ") for line in run(*command).splitlines() if line.startswith("Debian ")]
        if lines:
            return "".join(f"{line}\n" for line in dict.fromkeys(lines))
        if not last:
            run("apt-get", "update", "-q")  # a machine whose package lists were thrown away
    raise ImageError("apt on this machine knows no mirror of Debian.")


def bootstrap(root: Path, packages: list[str], release: str) -> None:
    """Unpack and configure Debian in the new folder `root`."""
    suite = release.split()[2]
    modules = "\\n".join(MODULES)
    before = (  # the kernel's package makes the initramfs, so this comes first
        'mkdir -p "$1/etc/initramfs-tools/conf.d" "$1/usr/share/initramfs-tools/modules.d"; '
        'printf "MODULES=list\\nBUSYBOX=n\\n" >"$1/etc/initramfs-tools/conf.d/small"; '
        f'printf "{modules}\\n" >"$1/usr/share/initramfs-tools/modules.d/guest"'
    )
    options = [f"--dpkgopt=path-exclude={path}" for path in LEFT_OUT]
    options += ["--dpkgopt=force-unsafe-io", '--aptopt=Acquire::Languages "none"', f"--essential-hook={before}"]
    options += [f'--aptopt=Acquire::{name}::Proxy "{value}"' for name, value in proxies()]
    command = ["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", f"--include={','.join(packages)}", *options]
    run(*command, suite, root, "-", given=release)


def proxies() -> Iterator[tuple[str, str]]:
    """Return the proxy settings of apt on this machine, which mmdebstrap does not inherit."""
    for name in ("http", "https"):
        if found := re.search(r'"(.+)"', run("apt-config", "dump", f"Acquire::{name}::Proxy")):
            yield name, found[1]


def furnish(root: Path, renderer: str) -> None:
    """Configure the installed packages as in a cloud image."""
    etc = root / "etc"
    (etc / "fstab").write_text("/dev/vda2 / ext4 defaults 0 0\n")
    (etc / "cloud/cloud.cfg.d/90_guest.cfg").write_text(CLOUD_CONFIG.format(renderer=CALLED[renderer]))
    (etc / "machine-id").write_text("")  # each guest makes its own; of it are made what names it to DHCP servers
    (etc / "hostname").unlink(missing_ok=True)
    (etc / "resolv.conf").unlink(missing_ok=True)  # mmdebstrap leaves the machine's own
    for key in (etc / "ssh").glob("ssh_host_*"):
        key.unlink()
    for unit in SILENT:
        mask = etc / "systemd/system" / unit
        mask.unlink(missing_ok=True)
        mask.symlink_to("/dev/null")
    if renderer == "netplan":
        (etc / "resolv.conf").symlink_to("../run/systemd/resolve/stub-resolv.conf")
        run("systemctl", f"--root={root}", "--quiet", "enable", "systemd-networkd.service", "systemd-resolved.service")


def make_boot(disk: Path, root: Path, work: Path) -> None:
    """Write the FAT file system that holds boot loader, kernel and initramfs; these leave `root`."""
    config = work / "syslinux.cfg"
    config.write_text(f"DEFAULT guest\nLABEL guest\nKERNEL vmlinuz\nINITRD initrd\nAPPEND {BOOT}\n")
    with disk.open("wb") as file:
        file.truncate(BOOT_MIB * MIB)
    sectors = BOOT_MIB * MIB // 512
    run("mformat", "-i", disk, "-v", "BOOT", "-T", str(sectors), "-h", "16", "-s", "63", "-H", "2048", "::")
    for pattern, name in (("vmlinuz-*", "vmlinuz"), ("initrd.img-*", "initrd")):
        path = next((root / "boot").glob(pattern))
        run("mcopy", "-i", disk, path, f"::{name}")
        path.unlink()
    run("mcopy", "-i", disk, config, "::")
    run("syslinux", "--install", disk)


def join(disk: Path, parts: list[Path]) -> None:
    """Write a disk with an MBR that boots its first partition, and a partition of each file."""
    sizes = [part.stat().st_size // 512 for part in parts]
    with disk.open("wb") as file:
        file.truncate((2048 + sum(sizes)) * 512)
    starts = [2048, 2048 + sizes[0]]
    lines = [f"start={start}, size={size}, type=" for start, size in zip(starts, sizes, strict=True)]
    run("sfdisk", "--quiet", disk, given=f"label: dos\n{lines[0]}c, bootable\n{lines[1]}83\n")
    with disk.open("r+b") as file:
        file.write(Path("/usr/lib/syslinux/mbr/mbr.bin").read_bytes()[:440])
        for start, part in zip(starts, parts, strict=True):
            file.seek(start * 512)
            with part.open("rb") as source:
                shutil.copyfileobj(source, file, MIB)


def run(*command: str | Path, given: str = "") -> str:
    """Run a command and return its output; raise ImageError with its error message."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, input=given)
    except FileNotFoundError as missing:
        raise ImageError(f"The program {command[0]} is missing.") from missing
    if done.returncode:
        raise ImageError(f"{command[0]} failed: {(done.stderr or done.stdout).strip()[-2000:]}")
    return done.stdout


if __name__ == "__main__":
    try:
        for name in sys.argv[1:] or RENDERERS:
            print(image(name), flush=True)
    except (ImageError, KeyError) as error:
        sys.exit(f"{error}")
