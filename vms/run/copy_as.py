"""Format a VM as Virter's command, for a ticket or a script. Pure: neither ORM nor libvirt."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace

from vms.definition import sizes
from vms.definition.hardware import ALIASES
from vms.definition.nics.spec import NICSpec

FIRST_VNC_PORT = 6000  # the ID is added
VIRTERS = ("network", "bridge")  # the kinds of NICs that Virter has
VIRTERS_ARCHS = {arch: name for name, arch in ALIASES.items() if arch}
NOTES = {
    "direct": "Virter has no flag for NIC {number} ({mac}, macvtap on {source}).",
    "user": "Virter has no flag for NIC {number} ({mac}, user networking).",
    "other NIC": "Virter has no flag for NIC {number} ({mac}, {kind} {source}).",
    "NIC settings": "Virter has no flags for the other settings of NIC {number} ({mac}).",
    "disk": "Virter has no flag for disk {name}, because a value contains a comma.",
    "SSH keys": "Virter has no flag for SSH keys.",
    "user data": "Virter has no flag for user data.",
}


@dataclass(frozen=True, kw_only=True)
class DiskOf:
    """A further disk; `size` in MiB, `pool` empty for the hypervisor's."""

    name: str
    size: int
    format: str = "qcow2"
    bus: str = "virtio"
    pool: str = ""


@dataclass(frozen=True, kw_only=True)
class Run:
    """The values that a VM was run with; `memory` in MiB, `boot_size` in GiB. `nics` lacks the access NIC."""

    image: str
    number: int
    name: str
    memory: int = 1024
    vcpus: int = 1
    boot_size: int = 10
    disks: tuple[DiskOf, ...] = ()
    nics: tuple[NICSpec, ...] = ()
    user: str = "root"
    wait_ssh: bool = False
    secure_boot: bool = False
    arch: str = ""  # by libvirt's name; empty: that of the host
    console_dir: str = ""
    vnc_port: int | None = None
    vnc_bind: str = "127.0.0.1"
    ssh_keys: bool = False
    user_data: bool = False


def virter(run: Run) -> str:
    """Return `virter vm run IMAGE …` with all values that differ from Virter's defaults, on one line.

    A comment line follows for each value that Virter cannot express.
    """
    nics = [pairs for nic in run.nics if (pairs := _pairs(nic))]
    line = shlex.join(["virter", "vm", "run", *_words(run, nics)])
    notes = (f"# {' '.join(note.split())}" for note in _notes(run))  # a name may have line breaks
    return "".join(f"{each}\n" for each in (line, *notes))


def _notes(run: Run) -> Iterator[str]:
    """Yield a sentence about each value that the command lacks."""
    for number, nic in enumerate(run.nics, 2):
        if not _pairs(nic):
            note = NOTES.get(nic.kind, NOTES["other NIC"])
            yield note.format(number=number, mac=nic.mac, kind=nic.kind, source=nic.source)
        elif has_more(nic):
            yield NOTES["NIC settings"].format(number=number, mac=nic.mac)
    for disk in run.disks:
        if not _disk(disk):
            yield NOTES["disk"].format(name=disk.name)
    if run.ssh_keys:
        yield NOTES["SSH keys"]
    if run.user_data:
        yield NOTES["user data"]


def _words(run: Run, nics: list[str]) -> Iterator[str]:
    odd = run.image.startswith("-")
    if not odd:
        yield run.image
    yield from ("--id", str(run.number))
    if run.name != f"{run.image}-{run.number}":
        yield from _flag("--name", run.name)
    if run.memory != Run.memory:
        yield from ("--memory", sizes.text(run.memory))
    if run.vcpus != Run.vcpus:
        yield from ("--vcpus", str(run.vcpus))
    if run.boot_size != Run.boot_size:
        yield from ("--boot-capacity", f"{run.boot_size}G")
    for disk in filter(None, map(_disk, run.disks)):
        yield from ("--disk", disk)
    for nic in nics:
        yield from ("--nic", nic)
    if run.user != Run.user:
        yield from _flag("--user", run.user)
    if run.wait_ssh:
        yield "--wait-ssh"
    if run.arch:
        yield from ("--arch", VIRTERS_ARCHS.get(run.arch, run.arch))
    if run.secure_boot:
        yield "--secure-boot"
    if run.console_dir:
        yield from _flag("--console", run.console_dir)
    yield from _vnc(run)
    if odd:
        yield from ("--", run.image)


def _vnc(run: Run) -> Iterator[str]:
    """Yield the VNC flags. The portal's VMs always have VNC, on the next free port, which Virter cannot express."""
    if run.vnc_port:
        yield "--vnc"
        if run.vnc_port != FIRST_VNC_PORT + run.number:
            yield from ("--vnc-port", str(run.vnc_port))
        if run.vnc_bind != Run.vnc_bind:
            yield from ("--vnc-bind-ip", run.vnc_bind)


def _disk(disk: DiskOf) -> str:
    """Return the value of a disk flag; "" if it cannot be expressed because it contains a comma."""
    values = {"name": disk.name, "size": sizes.text(disk.size), "format": disk.format, "bus": disk.bus}
    values |= {"pool": disk.pool} if disk.pool else {}
    return "" if any("," in value for value in values.values()) else ",".join(f"{k}={v}" for k, v in values.items())


def _pairs(nic: NICSpec) -> str:
    """Return the value of a NIC flag; "" if it cannot be expressed: another kind of NIC, or it contains a comma."""
    if nic.kind not in VIRTERS or "," in nic.source:
        return ""
    model = {} if nic.model == "virtio" else {"model": nic.model}
    values = {"type": nic.kind, "source": nic.source, **model, "mac": nic.mac}
    return ",".join(f"{key}={value}" for key, value in values.items())


def has_more(nic: NICSpec) -> bool:
    """Return whether a NIC has more settings than where it is attached, its model and its MAC."""
    plain = NICSpec(kind=nic.kind, source=nic.source, mode=nic.mode, model=nic.model, mac=nic.mac)
    return replace(nic, alias="", pci="") != plain


def _flag(name: str, value: str) -> tuple[str, ...]:
    return (f"{name}={value}",) if value.startswith("-") else (name, value)
