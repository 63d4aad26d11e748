"""The steps of a plan, and the two sides that it is made from. Pure."""

import enum
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from networks.definition import wording
from networks.definition.document.leaves import Field

NO_FIELD = Field("")


class Verb(enum.Enum):
    DEFINE = "define"
    AUTOSTART = "autostart"
    NO_AUTOSTART = "no autostart"
    START = "start"
    STOP = "stop"
    UNDEFINE = "undefine"
    UPDATE = "update"
    RESTART = "restart"
    RECONNECT = "reconnect"
    DELETE = "delete"


class Variant(enum.Enum):
    """The variant of a step's verb; PLAIN if there is only one."""

    PLAIN = ""
    ANEW = "anew"  # a definition that replaces another
    PERSISTENT = "persistent"  # the definition of a network that only runs
    TRANSIENT = "transient"  # libvirt forgets what it stops
    STORED = "stored"  # a restart that also puts changes from outside into effect
    ALL = "all"  # every NIC on the network, without a list


class Note(enum.Enum):
    """A remark that is shown next to a step."""

    NONE = ""
    STP = "stp"
    ACCESS_NETWORK = "access network"


class Disruption(enum.IntEnum):
    """What a step does to the running VMs on the network."""

    NONE = 0
    BRIEF = 1
    LASTING = 2


class Command(enum.Enum):
    """What an update does, in the order in which several are done."""

    DELETE = "delete"
    MODIFY = "change"
    ADD = "add"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The desired configuration: its whole document, whether it runs, starts with the host, and outlasts its stop.

    `live` is what the running network is to be, where that differs from what is stored. None in what was last agreed
    on means that the value is requested, whether it has changed or not.
    """

    document: str
    active: bool | None = True
    autostart: bool | None = True
    persistent: bool | None = True
    live: str = ""


@dataclass(frozen=True, kw_only=True)
class Found:
    """What libvirt has: the stored definition, the live one ("" if inactive), and how it stands.

    A network that is not `persistent` is forgotten by libvirt when it stops. `attached` are the running VMs on it,
    `disconnected` those of them whose NICs lost their connection in a restart.
    """

    document: str
    live: str
    active: bool
    autostart: bool
    attached: tuple[str, ...] = ()
    disconnected: tuple[str, ...] = ()
    persistent: bool = True


@dataclass(frozen=True, kw_only=True)
class Update:
    """One call of virNetworkUpdate: `index` counts the network's <ip> blocks; live and stored say what it affects."""

    command: Command
    section: str
    xml: str
    index: int = -1
    live: bool
    stored: bool


#: What tells a step from others, of what is stored of it.
IDENTITY = ("step", "variant", "network", "fields", "stored", "command", "field", "was", "value")


def identity(step: Mapping[str, object]) -> str:
    """Return what tells a step that was stored from others, regardless of its name and the VMs that it affects."""
    return json.dumps([step.get(name) for name in IDENTITY])


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of a plan: a verb with its parameters.

    `network` is its name. A restart has the `fields` that libvirt cannot change live, and those that take effect by it
    because others have `stored` them. An update has its `field`, the new `value`, and what it `was`.
    """

    verb: Verb
    variant: Variant = Variant.PLAIN
    network: str = ""
    fields: tuple[Field, ...] = ()
    stored: tuple[Field, ...] = ()
    field: Field = NO_FIELD
    value: str = ""
    was: str = ""
    xml: str = ""
    update: Update | None = None
    disruption: Disruption = Disruption.NONE
    vms: tuple[str, ...] = ()
    seconds: float = 0  # how long VMs are expected to be disconnected
    noted: Note = Note.NONE
    note_about: str = ""

    @property
    def harmless(self) -> bool:
        """Return whether it adds or changes a reservation, which may be requested at any time."""
        return bool(self.update and self.update.section == "ip-dhcp-host" and self.update.command != Command.DELETE)

    @property
    def identity(self) -> str:
        return identity(self.as_json())

    @property
    def text(self) -> str:
        return wording.step(self.as_json())

    @property
    def note(self) -> str:
        return wording.note(self.noted.value, self.note_about)

    def as_json(self) -> dict:
        """Return it as it is stored, compared and worded."""
        return {
            "step": self.verb.value,
            "variant": self.variant.value,
            "network": self.network,
            "fields": [list(field) for field in self.fields],
            "stored": [list(field) for field in self.stored],
            "command": self.update.command.value if self.update else "",
            "field": list(self.field),
            "value": self.value,
            "was": self.was,
            "disruption": self.disruption.name.lower(),
            "vms": list(self.vms),
            "seconds": round(self.seconds, 2),
            "note": self.noted.value,
        }


def worst(steps: Iterable[Step]) -> Disruption:
    return max((step.disruption for step in steps if step.vms), default=Disruption.NONE)


def token(steps: Iterable[Step], found: Found | None) -> str:
    """Return a token of what was shown: libvirt's side, and the steps that disturb VMs."""
    shown = [found and (found.document, found.live, found.active, found.autostart)]
    shown += [(step.identity, step.vms) for step in steps if step.disruption]
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:16]
