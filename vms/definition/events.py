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
    RESUMED = "resumed"
    REBOOTED = "rebooted"
    PAUSED = "paused"
    STATE_SAVED = "state saved"
    STATE_DISCARDED = "state discarded"
    RESET = "reset"
    AUTOSTART_ON = "autostart on"
    AUTOSTART_OFF = "autostart off"
    ISOLATED = "isolated"
    ISOLATION_ENDED = "isolation ended"
    DISK_ADDED = "disk added"
    DISK_GROWN = "disk grown"
    DISK_DETACHED = "disk detached"
    DISK_DELETED = "disk deleted"
    DRIVE_ADDED = "drive added"
    MEDIUM_INSERTED = "medium inserted"
    MEDIUM_EJECTED = "medium ejected"
    DISK_REQUEST_CANCELLED = "disk request cancelled"
    PERSISTENT = "persistent"
    ADOPTED = "adopted"
    RELEASED = "released"
    HANDED_OVER = "handed over"
    HANDED_OVER_TO_TEAM = "handed over to team"
    HANDED_OVER_TO_BOTH = "handed over to both"
    SHARED = "shared"
    UNSHARED = "no longer shared"
    EXTENDED = "extended"
    END_CHANGED = "end changed"
    END_REMOVED = "end removed"
    ENDED = "ended"
    DELETED_AT_END = "deleted at end"
    ACCEPTED = "accepted"
    REVERTED = "reverted"
    REPLACEMENT_ADOPTED = "taken over"
    DELETED = "deleted"
    RESTORED = "restored"
    RETRIED = "retried"
    GUEST_CONFIGURED = "guest configured"
    CONSOLE_OPENED = "console opened"
    CONSOLE_DOWNLOADED = "console downloaded"


#: The events about NICs and consoles, not about the VM itself.
OF_NICS = frozenset(each for each in Event if each.startswith("nic "))
OF_CONSOLES = frozenset(each for each in Event if each.startswith("console "))


class ImageEvent(StrEnum):
    """The codes of events of images; `wording.images.EVENTS` has their texts."""

    ADDED = "added"
    CONVERTED = "converted"
    DELETED = "deleted"
    ADMIN = "admin"
    RETRIED = "retried"
