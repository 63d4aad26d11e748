"""Events that change a network's desired configuration, as the history stores them. Pure."""

from enum import StrEnum


class Event(StrEnum):
    """The codes of events; `wording.EVENTS` has their texts, with the parameters that each has."""

    BASELINE = "baseline"
    ADDED = "added"
    ADMIN = "admin"
    CHANGED = "changed"
    CHANGED_FIELDS = "changed fields"
    XML = "xml"
    XML_FIELDS = "xml fields"
    STARTED = "started"
    STARTED_AGAIN = "started again"
    STOPPED = "stopped"
    AUTOSTART = "autostart"
    NO_AUTOSTART = "no autostart"
    ADOPTED = "adopted"
    RELEASED = "released"
    HANDED_OVER = "handed over"
    HANDED_OVER_TO_TEAM = "handed over to team"
    HANDED_OVER_TO_BOTH = "handed over to both"
    FOLLOWED = "followed"
    RECREATED = "recreated"
    PERSISTENT = "persistent"
    ACCEPTED = "accepted"
    ACCEPTED_BY_ITSELF = "accepted by itself"
    REVERTED = "reverted"
    REVERTED_BY_ITSELF = "reverted by itself"
    REFUSED = "refused"
    RESTORED = "restored"
    RESERVED = "reserved"
    RESERVATION_CHANGED = "reservation changed"
    RESERVATION_OF_VM = "reservation of vm"
    RESERVATIONS_PASTED = "reservations pasted"
    RESERVATIONS_REMOVED = "reservations removed"
    RESERVATIONS_REMOVED_MORE = "reservations removed more"
    ID_RESERVED = "id reserved"
    IDS_RESERVED = "ids reserved"
    ID_RELEASED = "id released"
    IDS_RELEASED = "ids released"
    DELETED = "deleted"
    RETRIED = "retried"
    LEASE_RELEASED = "lease released"
    ON_DRIFT = "on drift"
    DRAFT_DISCARDED = "draft discarded"
    TEXT = "text"


#: The events about DHCP reservations, not about the network itself.
OF_RESERVATIONS = frozenset(each for each in Event if each.startswith(("reserv", "id ", "ids ")))
