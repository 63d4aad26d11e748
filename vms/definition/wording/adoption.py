"""The texts for why a VM cannot be adopted, or its definition accepted. Pure: no decision depends on them."""

from virterweb.messages import add_wording

#: Without full stop.
TRANSITIONS = {
    "transition.id_taken": "The managed VM {other} already has the ID {number}",
    "transition.not_read": "The definition of {object} has not been read yet. Try again in a moment",
    "transition.being_created": "{object} is still being created. Try again when it runs",
    "transition.renamed_to_another": "The portal already has another VM {name} on {hypervisor}. Revert to the name "
    "{object}",
    "transition.volumes_keep_name": "The volumes of {object} are named after it, so it cannot be renamed to {name}. "
    "Revert to the saved name",
    "transition.still_present": "libvirt still has {object}. Only a VM that no longer exists can be replaced by "
    "another one of the same name",
    "transition.in_progress": "Other changes of {object} are in progress, which the document would undo. "
    "Try again when they are done",
    "transition.no_other": "libvirt has no other VM {object}",
}

add_wording(TRANSITIONS)
