"""The identity of the portal, by which another portal on the same hypervisor can tell who has changed something."""

import socket
import uuid

from django.conf import settings

from virterweb.hypervisors.gateway.marks import Mark
from virterweb.hypervisors.models import Secret


def portal_id() -> str:
    """Return the ID of the portal, which is chosen once and kept in the database."""
    return Secret.kept("portal ID", None, lambda: str(uuid.uuid4()))


def own_mark() -> Mark:
    return Mark(id=portal_id(), url=settings.PORTAL_URL, host=socket.gethostname())
