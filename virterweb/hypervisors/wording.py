"""The texts for why a verb does not apply to an object. Pure.

Everything else stores, compares and branches on codes.
"""

from virterweb.messages import add_wording

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

add_wording(TRANSITIONS)
