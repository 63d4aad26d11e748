"""The state of the portal itself: what health checks and metrics read, on one page."""

import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import django
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import filesizeformat
from django.template.response import TemplateResponse

from networks.models import Network
from virterweb.hypervisors.claims.clock import database_time
from virterweb.hypervisors.connections.identity import portal_id
from virterweb.hypervisors.desired.state import State
from virterweb.hypervisors.models import Chore, Hypervisor, HypervisorStatus, WorkerProcess
from virterweb.notifications.models import Delivery
from virterweb.operations import disk, health, release
from virterweb.people import rights
from vms.models import VM, Image

from .site import site

CHECKS = {
    "database": ("Database", "writable", "not writable"),
    "migrations": ("Migrations", "all applied", "not all applied; run manage.py migrate"),
    "broker": ("Broker", "accepts messages", "does not accept messages; workers find changes later"),
    "disk": ("Disk", "has free space", "full"),
    "worker": ("Worker", "running", "no worker runs; start one with script/server"),
    "polls": ("Polls", "on time", "late; the worker is busy or stopped"),
}
CHORES = {
    "networks.leases.sync.forget": "Delete old leases",
    "virterweb.operations.housekeeping.forget": "Delete expired sessions, attempts, versions and entries",
    "virterweb.portal.attention.check_addresses": "Check addresses",
    "virterweb.people.ends.chore.run": "Stop and delete what has ended, and send reminders",
    "vms.console.sync.forget": "Delete old console logs",
    "vms.images.uploading.uploads.forget": "Delete interrupted uploads",
    "vms.images.exporting.requests.forget": "Delete files of exported images",
    "vms.images.uploading.finishing.finish_all": "Create images from complete uploads",
    "vms.capture.requests.forget": "Delete captures of packets",
}


@dataclass(frozen=True, kw_only=True)
class Check:
    """A health check with its result in words."""

    title: str
    ok: bool
    said: str


def _checks() -> list[Check]:
    found = health.check()
    return [
        Check(title=title, ok=bool(found[name]["ok"]), said=well if found[name]["ok"] else ill)
        for name, (title, well, ill) in CHECKS.items()
    ]


def _backlog() -> list[tuple[str, int]]:
    kinds = (("networks", Network), ("VMs", VM), ("images", Image))
    found = [("hypervisors whose poll is due", Hypervisor.objects.due().count())]
    for name, model in kinds:
        states = model.objects.with_state().order_by()
        found.append((f"{name} with a change in progress", states.filter(state_code=State.PENDING).count()))
        found.append((f"{name} whose last change failed", states.filter(state_code=State.FAILED).count()))
    pending = Delivery.objects.filter(done_at=None, given_up=False)
    return [*found, ("notifications to deliver", pending.count())]


def _versions() -> list[tuple[str, str]]:
    return [
        ("Virterweb", release.version()),
        ("ID of this portal", portal_id()),
        ("Python", platform.python_version()),
        ("Django", django.get_version()),
        ("libvirt binding", _package("libvirt-python")),
        ("Celery", _package("celery")),
    ]


def _package(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"


def _database() -> list[tuple[str, str]]:
    found = disk.data_disk()
    number = ".".join(str(part) for part in connection.Database.sqlite_version_info) if _is_sqlite() else _server()
    return [
        ("Database", f"{connection.display_name} {number}"),
        ("Size", filesizeformat(disk.database_size())),
        ("Disk of the data folder", f"{filesizeformat(found.free)} free of {filesizeformat(found.total)}"),
    ]


def _schedule() -> list[tuple[str, Chore]]:
    return [(CHORES.get(chore.name, chore.name), chore) for chore in Chore.objects.order_by("due_at", "name")]


def _is_sqlite() -> bool:
    return connection.vendor == "sqlite"


def _server() -> str:
    return ".".join(str(part) for part in connection.get_database_version())


def system(request: HttpRequest) -> HttpResponse:
    """Show workers, schedule, backlog, versions, database and disk to operators of all hypervisors."""
    if not rights.is_operator(request.user):
        raise PermissionDenied(rights.ONLY_OPERATORS)
    now = database_time()
    polls = HypervisorStatus.objects.aggregate(last=Max("observed_at"))
    context = site.each_context(request) | {"title": "System", "checks": _checks(), "backlog": _backlog()}
    context |= {"workers": WorkerProcess.objects.order_by("name"), "schedule": _schedule(), "now": now}
    context |= {"last_poll": polls["last"], "facts": _database(), "versions": _versions()}
    return TemplateResponse(request, "admin/system.html", context)
