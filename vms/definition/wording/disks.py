"""The texts for disks and CD-ROM drives of VMs. Pure."""

from collections.abc import Iterable, Sequence

from virterweb.messages import Message, add_wording


def _held(targets: Sequence[str], refused: Iterable[Message]) -> str:
    return " ".join([HELD.format(targets=", ".join(targets)), *map(str, refused)])


def _refused(refused: Iterable[Message]) -> str:
    return " ".join(map(str, refused))


HELD = (
    "the guest has not released disk {targets}. The portal asks it again. It releases the disk once it has booted or "
    "when the VM is off."
)

add_wording(
    {
        "disks.held": _held,
        "disks.refused": _refused,
        "disk.gone": "{vm} has no disk {target}.",
        "disk.smaller": "Disk {target} has {now} MiB. A disk cannot become smaller, so {size} MiB is not possible.",
        "disk.not_own": "The portal did not create disk {target} of {vm}, so it does not delete its volume. Detach it "
        "instead.",
        "disks.in_snapshots": "{vm} has snapshots, whose overlays replace its saved disks. Delete or merge the "
        "snapshots first, or accept the disks from libvirt.",
        "disks.taken": "Another VM has the disk {disk} now, so it is not attached to {vm} again.",
        "disks.not_granted": "Only operators may attach the disk {disk} to {vm} again.",
        "disk.in_snapshot": "{vm} has snapshots, which need all its disks. Delete the snapshots first.",
        "disk.in_use": "Another VM or an overlay uses the volume {volume}.",
    }
)
