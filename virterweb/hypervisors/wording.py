"""The texts for why a verb does not apply to an object, and for who else changes it. Pure.

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

#: The other portal that was the last to define an object: by its URL, else by the machine of its worker or by its ID.
OTHER_PORTALS = {
    "drift.other_portal_url": "Another portal was the last to define it: {url}, which has the ID {id}.",
    "drift.other_portal_host": "Another portal was the last to define it: its worker runs on {host}, its ID is {id}.",
    "drift.other_portal_id": "Another portal was the last to define it: the one with the ID {id}.",
}

add_wording(TRANSITIONS | OTHER_PORTALS)
