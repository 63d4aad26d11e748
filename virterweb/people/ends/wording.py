"""The texts about end dates. Pure."""

from datetime import datetime

from virterweb.messages import add_wording

from .rules import distance

add_wording(
    {
        "transition.ended": "{object} ended on {ended}. Extend it before you start it. {who} can extend it",
        "ends.past": "{until} is in the past. Choose a later time.",
        "ends.far": "Choose a date within the next ten years.",
        "ends.beyond": "{object} may end on {latest} at the latest. Ask an operator for a later date.",
        "ends.required": "{object} needs an end date, on {latest} at the latest. Only operators may remove it.",
        "ends.none": "{object} has no end date. Choose one.",
    }
)

ANYBODY = "An operator, or whoever may edit it,"
OWNER = "{owner}, who owns it, or an operator"

SUBJECTS = {3: "ends in 3 days", 1: "ends tomorrow", 0: "has ended"}
COMING = "{kind} {name} on {hypervisor} ends at {end}. It is stopped then, and deleted {grace} later."
ENDED = "{kind} {name} on {hypervisor} ended at {end}. It is stopped, and is deleted at {deleted}."
HOW = (
    "To keep it, choose Extend on its page in Virterweb, or run “{command} extend {name} --hypervisor {hypervisor}”. "
    "What was deleted cannot be restored; only the definition is kept."
)


def who_extends(owner: object | None) -> str:
    """Return who can extend an object, as the beginning of a sentence."""
    return OWNER.format(owner=owner) if owner else ANYBODY


def countdown(now: datetime, end: datetime) -> str:
    """Return how far away an end is: in 3 days, ended 2 hours ago."""
    return f"in {distance(end - now)}" if end > now else f"ended {distance(now - end)} ago"
