"""The texts for the steps of long work with VMs, as pages show them while they are in progress. Pure."""

from virterweb.messages import add_wording

add_wording(
    {
        "step.copying": "copying the disk {volume} ({number} of {count})",
        "step.creating": "creating the volume {volume}",
        "step.deleting": "deleting the volume {volume}",
        "step.starting": "starting",
        "step.stopping": "stopping",
        "step.saving": "saving the memory",
        "step.restoring": "restoring the memory",
        "step.snapshot": "taking the snapshot",
        "step.reverting": "restoring the snapshot",
        "step.deleting_snapshot": "deleting the snapshot from the disks",
        "step.merging": "merging the disk {disk} ({number} of {count})",
    }
)
