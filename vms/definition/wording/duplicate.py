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
        "duplicate.later": "The disks of the snapshot {name} are overlays of an earlier snapshot. Linked clones can be "
        "made only of the earliest external snapshot.",
        "duplicate.format": "The disk {target} of the snapshot {name} is {expected}, but its volume looks like "
        "{found}. Make a full copy.",
        "duplicate.no_folder": "The volumes of the pool {pool} are not files, so they cannot have overlays. "
        "Make a full copy.",
        "duplicate.written": "{vm} writes to {path}, a disk of the snapshot {name}. "
        "Revert {vm} to the snapshot, then try again.",
        "duplicate.wrong_base": "The volume {volume} is not an overlay on a disk of the snapshot {name}. "
        "Delete the duplicate.",
    }
)
