"""The texts for why somebody may not change an object, or why a verb does not apply to it. Pure.

Everything else stores, compares and branches on codes.
"""

from virterweb.messages import add_wording

#: Why a user may not change an object, and who may.
RIGHTS = {
    "rights.unmanaged": "{object} is not managed by this portal. Only operators may change it.",
    "rights.no_owner": "{object} has no owner. Only operators may change it.",
    "rights.other_owner": "{object} belongs to {owner}. Only its owner and operators may change it.",
}

#: Why a verb does not apply to an object as it is now, without full stop.
TRANSITIONS = {
    "transition.gone": "{object} no longer exists",
    "transition.being_deleted": "{object} is being deleted",
    "transition.managed": "The portal already manages {object}",
    "transition.unmanaged": "The portal does not manage {object}. Adopt it first",
    "transition.absent": "libvirt has no {object}",
    "transition.not_replaced": "{object} was not recreated or renamed outside the portal",
    "transition.name_taken": "The portal already manages another {kind} {object} on {hypervisor}",
}

add_wording(RIGHTS | TRANSITIONS)
