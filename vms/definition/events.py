"""Events that change the saved definition of a VM, as the history stores them. Pure."""

from enum import StrEnum


class Event(StrEnum):
    """The codes of events; `history.EVENTS` has their texts, with the parameters that each has."""

    BASELINE = "baseline"
    RUN = "run"
    ADMIN = "admin"
    NIC_ADDED = "nic added"
    NIC_CHANGED = "nic changed"
    NIC_REMOVED = "nic removed"
    NIC_REMOVAL_CANCELLED = "nic removal cancelled"
    RESIZED = "resized"
    GUEST_NETWORK = "guest network"
    STARTED = "started"
    STARTED_AGAIN = "started again"
    LEFT_OFF = "left off"
    SHUT_DOWN = "shut down"
    FORCED_OFF = "forced off"
    PERSISTENT = "persistent"
    ADOPTED = "adopted"
    RELEASED = "released"
    ACCEPTED = "accepted"
    REVERTED = "reverted"
    REPLACEMENT_ADOPTED = "taken over"
    DELETED = "deleted"
    RESTORED = "restored"
