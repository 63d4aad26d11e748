"""The closed sets of the activity log."""

from django.db.models import TextChoices


class Via(TextChoices):
    """How somebody, or something, made a change."""

    PAGE = "page", "page"
    ADMIN = "admin", "admin"
    COMMAND = "command", "command line"
    TOKEN = "token", "API token"
    WORKER = "worker", "worker"


class Kind(TextChoices):
    """What an entry is about."""

    HYPERVISOR = "hypervisor", "hypervisor"
    NETWORK = "network", "network"
    RESERVATION = "reservation", "DHCP reservation"
    VM = "VM", "VM"
    NIC = "NIC", "NIC"
    CONSOLE = "console", "console"
    IMAGE = "image", "image"
    TEMPLATE = "template", "template"
    VOLUME = "volume", "volume"
    CATALOGUE = "catalogue", "image catalogue"
    SIGN_IN = "sign-in", "sign-in"
    RIGHTS = "rights", "users and rights"
    NOTIFICATION = "notification", "notifications"


class Result(TextChoices):
    DONE = "done", "done"
    FAILED = "failed", "failed"


#: The kinds of entries that name an object of the same table by its ID.
OF_ONE_OBJECT = ((Kind.NETWORK, Kind.RESERVATION), (Kind.VM, Kind.NIC, Kind.CONSOLE))
OF_PEOPLE = (Kind.SIGN_IN, Kind.RIGHTS, Kind.NOTIFICATION)


def same_object(kind: str) -> tuple[str, ...]:
    """Return the kinds whose entries may be about the same object as those of this kind."""
    return next((kinds for kinds in OF_ONE_OBJECT if kind in kinds), (kind,))


def label(choices: type[TextChoices], value: str) -> str:
    """Return the text of a choice, or the value itself if another version of the portal has stored it."""
    return dict(choices.choices).get(value, value)
