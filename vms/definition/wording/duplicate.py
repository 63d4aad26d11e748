"""The texts for duplicates of VMs. Pure."""

from virterweb.messages import add_wording

add_wording(
    {
        "duplicate.gone": "The VM that {vm} is a duplicate of no longer exists.",
        "duplicate.runs": "{vm} is not off. Its disks can be copied only while it is off.",
        "duplicate.changed": "The NICs of {vm} have changed since the duplicate was requested. Duplicate it again.",
        "duplicate.not_own": "{vm} has a disk {disk}, which the portal did not create. Detach it first.",
    }
)
