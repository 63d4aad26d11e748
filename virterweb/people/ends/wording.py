"""The texts about end dates. Pure."""

from datetime import datetime

from virterweb.messages import add_wording

from .rules import distance


def _ended(object: str, ended: str, owner: str = "", **names: str) -> str:
    if owner:
        return (
            f"{object} ended on {ended}. Extend it before you start it. Its owner {owner} or an operator can extend it"
        )
    return (
        f"{object} ended on {ended}. Extend it before you start it. "
        "An operator, or a user who may edit it, can extend it"
    )


add_wording(
    {
        "transition.ended": _ended,
        "ends.past": "{until} is in the past. Choose a later time.",
        "ends.far": "Choose a date within the next ten years.",
        "ends.beyond": "The end date of {object} cannot be later than {latest}. Only operators may choose a later one.",
        "ends.required": "{object} must have an end date, not later than {latest}. Only operators may remove it.",
        "ends.earlier": "You may not choose an earlier end date for {object}, because you may not delete it.",
        "ends.release": "Only operators may release {object}, because its team limits the days until the end date.",
        "ends.none": "{object} has no end date. Choose one.",
    }
)

#: The subjects of reminders by their stage: about one object, and about several.
SUBJECTS = {
    3: ("Virterweb: {name} ends in 3 days", "Virterweb: {name} ends in 3 days. Other reminders: {more}"),
    1: ("Virterweb: {name} ends tomorrow", "Virterweb: {name} ends tomorrow. Other reminders: {more}"),
    0: ("Virterweb: {name} has ended", "Virterweb: {name} has ended. Other reminders: {more}"),
}
COMING = "{kind} {name} on {hypervisor} ends on {end}. It is then stopped, and deleted {grace} later."
ENDED = "{kind} {name} on {hypervisor} ended on {end} and was stopped. It will be deleted on {deleted}."
HOW = (
    "To keep an object, choose Extend on its page in Virterweb, or run a command such as "
    "“{command} extend {name} --hypervisor {hypervisor}”. "
    "A deleted object cannot be restored; only its definition is kept."
)


def countdown(now: datetime, end: datetime) -> str:
    """Return how far away an end is: in 3 days, ended 2 hours ago."""
    return f"in {distance(end - now)}" if end > now else f"ended {distance(now - end)} ago"
