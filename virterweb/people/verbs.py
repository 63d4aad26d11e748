"""What somebody can do with networks, VMs and images, and the roles and levels that combine these verbs. Pure."""

from collections.abc import Iterable

from django.db.models import TextChoices


class Verb(TextChoices):
    """A kind of action on an object; the label completes “You may not …”."""

    LIST = "list", "see"  # its name, MACs, addresses and state
    SEE = "see", "see the definition of"
    SECRETS = "secrets", "see the secrets of"  # user data, VNC passwords, host keys
    CREATE = "create", "create"
    ATTACH = "attach", "attach NICs to"
    EDIT = "edit", "edit"
    POWER = "power", "start or stop"
    CONSOLE = "console", "open the console of"
    CAPTURE = "capture", "capture packets of"
    SNAPSHOT = "snapshot", "take snapshots of"
    DELETE = "delete", "delete"
    ADOPT = "adopt", "adopt"
    SHARE = "share", "share or hand over"
    ADMINISTER = "administer", "operate the hypervisor of"


# What each verb allows, as lists of verbs say it.
ALLOWS: dict[Verb, str] = {
    Verb.LIST: "see names, addresses and states",
    Verb.SEE: "see definitions and history",
    Verb.SECRETS: "see user data, VNC passwords and host keys",
    Verb.CREATE: "run VMs, add networks and images",
    Verb.ATTACH: "attach NICs to networks",
    Verb.EDIT: "edit",
    Verb.POWER: "start and stop VMs",
    Verb.CONSOLE: "open consoles",
    Verb.CAPTURE: "capture packets",
    Verb.SNAPSHOT: "take snapshots",
    Verb.DELETE: "delete and release",
    Verb.ADOPT: "adopt unmanaged objects",
    Verb.SHARE: "share and hand over",
    Verb.ADMINISTER: "operate the hypervisor: XML, routes, dnsmasq options, bridges, devices",
}
ALL = frozenset(Verb)
OF_HYPERVISORS = frozenset({Verb.ADMINISTER})  # a role of members does not give it: they share the hypervisor
VIEWER = frozenset({Verb.LIST, Verb.SEE})
CONSOLE = VIEWER | {Verb.CONSOLE, Verb.POWER}
SHARED_USER = CONSOLE | {Verb.ATTACH, Verb.EDIT, Verb.CAPTURE, Verb.SNAPSHOT}
USER = SHARED_USER | {Verb.CREATE, Verb.DELETE}
MANAGER = USER | {Verb.SECRETS, Verb.SHARE}
OWNER = frozenset({Verb.SECRETS, Verb.SHARE})  # what owners may beyond their role, as long as it lets them create

# The roles of a new installation: those of members of a team, and those for the other objects on a hypervisor.
VIEWER_ROLE, USER_ROLE, MANAGER_ROLE, NAMES_ROLE, OPERATOR_ROLE = (
    *("viewer", "user", "manager"),
    *("names and addresses", "operator"),
)
ROLES: dict[str, frozenset[Verb]] = {
    VIEWER_ROLE: VIEWER,
    USER_ROLE: USER,
    MANAGER_ROLE: MANAGER,
    "console only": frozenset({Verb.LIST, Verb.CONSOLE}),
    "network administrator": VIEWER | {Verb.ATTACH, Verb.CAPTURE, Verb.EDIT, Verb.CREATE, Verb.ADOPT},
    NAMES_ROLE: frozenset({Verb.LIST}),
    "auditor": VIEWER,
    OPERATOR_ROLE: ALL,
}


class Level(TextChoices):
    """How a single object is shared with a user or a team."""

    VIEWER = "viewer", "Viewer: see everything but secrets"
    CONSOLE = "console", "Console: also start, stop, and open the console"
    USER = "user", "User: also edit, and attach NICs"

    @property
    def verbs(self) -> frozenset[Verb]:
        return {Level.VIEWER: VIEWER, Level.CONSOLE: CONSOLE, Level.USER: SHARED_USER}[self]


def verbs_of(names: Iterable[str] | None) -> frozenset[Verb]:
    """Return the verbs with these codes; codes of another version are left out."""
    return ALL & frozenset(names or ())
