"""The texts for duplicates of VMs. Pure."""

from virterweb.messages import add_wording

add_wording(
    {
        "duplicate.gone": "The VM that {vm} is a duplicate of no longer exists.",
        "duplicate.runs": "{vm} is not off. Its disks can be copied only while it is off.",
        "duplicate.changed": "The NICs of {vm} have changed since the duplicate was requested. Duplicate it again.",
        "duplicate.not_own": "{vm} has a disk {disk}, which the portal did not create. Detach it first.",
        "duplicate.no_snapshot": "{vm} no longer has the external snapshot {name}.",
        "duplicate.other_disks": "The snapshot {name} has other disks than {vm} has now. "
        "Take another external snapshot.",
        "duplicate.later": "The disks of the snapshot {name} are overlays of an earlier one. A linked clone can be "
        "made only of a snapshot that was taken of the disks themselves.",
        "duplicate.format": "The disk {target} of the snapshot {name} is {expected}, but its volume looks like "
        "{found}. Make a full copy.",
        "duplicate.no_folder": "The pool {pool} has no files, so no overlays. Make a full copy.",
        "duplicate.written": "{vm} writes to the disk {path} of the snapshot {name}. Revert it to the snapshot first.",
        "duplicate.wrong_base": "The volume {volume} is not an overlay on the snapshot {name}. Delete the duplicate.",
    }
)
