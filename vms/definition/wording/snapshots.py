"""The texts for snapshots: why one is external, what was refused, and what is lost. Pure."""

from virterweb.messages import add_wording


def _in_use(name: str, others: list[str]) -> str:
    return (
        f"The snapshot {name} was not merged or deleted, because {', '.join(others)} also needs its disks. Delete the "
        "snapshots that were taken after it, or make that volume independent, then try again."
    )


def _vms(names: list[str]) -> str:
    return f"the VM{'s' if len(names) > 1 else ''} {', '.join(names)}"


#: Why something cannot be done with a VM. Without full stop.
TRANSITIONS = {
    "transition.snapshot_in_progress": "Another request about the snapshots of {object} is in progress. Try again when "
    "it is done",
    "transition.being_linked": "Linked clones of {object} are being created: {clones}. Try again when they are "
    "complete, or delete them",
    "transition.snapshot_exists": "{object} already has a snapshot {name}. Choose another name",
    "transition.snapshot_gone": "{object} no longer has the snapshot {name}",
    "transition.transient": "{object} is transient: libvirt would forget its snapshots when it stops. Make it "
    "persistent first",
    "transition.no_disk": "{object} has no disk that can be written to, so there is nothing to take a snapshot of",
    "transition.not_external": "The snapshot {name} of {object} is in the disk itself, so there is nothing to merge. "
    "Delete it instead",
    "transition.beneath_overlays": "The snapshot {name} is in a disk that later external snapshots of {object} are "
    "based on, so it would damage them. Merge or delete these first",
    "transition.no_definition": "libvirt does not tell the definition of {object} at the time of the snapshot {name}",
}

#: Why a snapshot is external.
REASONS = {
    "snapshot.disks_only": "The disks alone of a running VM can only be saved in external files.",
    "snapshot.not_qcow2": "The disk {disk} has the format {format}, and only qcow2 can hold a snapshot itself.",
    "snapshot.uefi": "libvirt does not put the UEFI variables (NVRAM) into an internal snapshot.",
    "snapshot.external_chosen": "External was chosen.",
}

MESSAGES = {
    "snapshot.name_hidden": "Enter visible characters only ({character}).",
    "snapshot.name_empty": "Enter a name without spaces at its ends.",
    "snapshot.name_long": "Enter at most {most} characters, fewer if they are not Latin.",
    "snapshot.name_path": "A name cannot contain / or begin with a dot.",
    "snapshot.name_number": "A name cannot be a number, because QEMU would take it for the number of another snapshot. "
    "Add a word.",
    "snapshot.description_long": "Enter at most {most} characters.",
    "snapshot.exists": "{vm} already has a snapshot {name}.",
    "snapshot.gone": "{vm} no longer has the snapshot {name}.",
    "snapshot.vm_deleted": "{vm} is being deleted.",
    "snapshot.vm_gone": "libvirt no longer has {vm}.",
    "snapshot.transient": "{vm} is transient: libvirt would forget its snapshots when it stops. Make it persistent "
    "first.",
    "snapshot.no_disk": "{vm} has no disk that can be written to.",
    "snapshot.not_a_file": "The disk {disk} of {vm} is no file, so it cannot have an external snapshot.",
    "snapshot.no_volume": "The disk {disk} of {vm} is the volume {volume}, which its pool no longer has.",
    "snapshot.outside": "The file {path} is in no active pool of {hypervisor}, so libvirt cannot create an overlay on "
    "it. Use virsh.",
    "snapshot.cancelled": "It was cancelled. Nothing has changed.",
    "snapshot.in_use": _in_use,
    "snapshot.not_merged": "libvirt reported success, but the disk {disk} still uses the overlay of {name}.",
    "snapshot.no_base": "The snapshot {name} was not merged: there is no disk beneath {path}.",
    "snapshot.used_by_vm": lambda name, vms: (
        f"The snapshot {name} was not merged, because {_vms(vms)} also use{'s' * (len(vms) == 1)} its disks."
    ),
    "snapshot.cloned": lambda name, vms: (
        f"The snapshot {name} was not merged, because the disks of {_vms(vms)} are based on it. Delete "
        f"{'that VM' if len(vms) == 1 else 'those VMs'} first, then try again."
    ),
    "snapshot.of_image": "The snapshot {name} was not merged, because its disk {path} belongs to an image.",
    "snapshot.not_external": "The snapshot {name} is in the disk itself, so there is nothing to merge.",
    "snapshot.beneath_overlays": "The snapshot {name} is in a disk that later external snapshots are based on, and "
    "reverting to it would damage them. Merge or delete these first.",
    "snapshot.no_definition": "libvirt does not tell the definition of {vm} at the time of the snapshot {name}.",
    "snapshot.memory_gone": "The file {path} with the memory of the snapshot {name} is gone.",
    "snapshot.interrupted": "The connection to libvirt was lost while the VM was reverted to {name}. Check the VM, and "
    "revert it again if needed.",
}

#: What a revert does.
PREVIEW = {
    "snapshot.lost_disks": "What was written to the disks of {vm} after {at} is lost.",
    "snapshot.lost_memory": "{vm} is stopped at once, and what it has in memory is lost.",
    "snapshot.stops_first": "The snapshots that were taken later stay.",
    "snapshot.after_memory": "Afterwards the VM is {state} and continues from the saved memory.",
    "snapshot.after_off": "Afterwards the VM is off, unless you choose to start it.",
    "snapshot.drift": "The saved definition stays as it is, so these differences are shown as changed outside the "
    "portal. You can then accept them, or revert to the saved definition.",
    "snapshot.unknown_differences": "It is unknown whether NICs and settings differ.",
    "snapshot.memory": "Memory: {now} MiB → {then} MiB",
    "snapshot.vcpus": "vCPUs: {now} → {then}",
    "snapshot.nic_removed": "NIC {mac} on {place} was added later and is removed.",
    "snapshot.nic_changed": "NIC {mac}: {now} → {then}",
    "snapshot.nic_back": "NIC {mac} on {place} was removed later and comes back.",
}

add_wording(PREVIEW | TRANSITIONS | REASONS | MESSAGES)
