"""Pages that show the console of a VM, also after the VM is gone."""

import re
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet
from django.db.models.functions import Length
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from virterweb.people.rights import Actor, access_of, require
from virterweb.people.verbs import Verb
from vms.definition.events import Event
from vms.lookup import get_vm
from vms.models import VM, ConsoleLog
from vms.observed import console_text

from . import sync as console
from .readers import note_reading

MAX_SHOWN = 64 * 1024  # characters at the end of the log that the page shows; a link leads to the whole text


@dataclass(frozen=True, kw_only=True)
class Console:
    """A log as the page shows it; `version` changes with its content."""

    log: ConsoleLog
    vm: VM | None
    version: str

    @property
    def text(self) -> str:
        return console_text.readable(self.log.text[-MAX_SHOWN:])

    @property
    def is_shortened(self) -> bool:
        return len(self.log.text) > MAX_SHOWN

    @property
    def kept_until(self) -> datetime | None:
        gone = self.log.gone_at
        return gone and gone + timedelta(days=self.log.hypervisor.console_days)


def _logs(user: Actor, hypervisor: str, name: str) -> QuerySet[ConsoleLog]:
    """Return the logs of a name that a user may read, the newest first; the text is read when it is shown.

    Of the log of a deleted VM, its team is known.
    """
    access = access_of(user)
    deleted = Q(vm=None) & access.q(Verb.CONSOLE, "console")
    logs = ConsoleLog.objects.filter(access.q(Verb.CONSOLE, "vm", "vm__") & ~Q(vm=None) | deleted)
    logs = logs.filter(hypervisor__name=hypervisor, name=name)
    related = ("hypervisor", "vm__status", "vm__image", "vm__team", "vm__hypervisor__status")
    return logs.select_related(*related).annotate(length=Length("text")).defer("text").order_by("-pk")


def _find(request: HttpRequest, hypervisor: str, name: str, event: Event) -> Console:
    """Return the log of `?log=`, else the newest, which is that of an existing VM; 404 if there is none."""
    visible = VM.objects.visible_to(request.user).on(hypervisor).select_related("hypervisor", "team").filter(name=name)
    vm = visible.order_by("-managed", "pk").first()
    if vm:
        require(request.user, Verb.CONSOLE, vm)
        console.mark_watched(vm)
    logs = _logs(request.user, hypervisor, name)
    number = request.GET.get("log")
    if number is None:
        log = logs.filter(vm=vm).first() if vm else logs.first()
    else:
        log = logs.filter(pk=number).first() if re.fullmatch(r"[0-9]{1,18}", number) else None
    if log is None:
        raise Http404(f"{name} has no console log.")
    note_reading(log, request.user, event)
    power = log.vm.status.power if log.vm else ""
    said = f"{log.problem.stored()} {power} {log.gone_at}"
    version = f"{log.pk}-{log.size}-{log.length}-{zlib.crc32(said.encode())}"
    return Console(log=log, vm=log.vm, version=version)


@require_GET
@vary_on_headers("HX-Request")
def vm_console(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    """Show the page, or its fragment, which is empty if `?seen=` is the current version."""
    found = _find(request, hypervisor, name, Event.CONSOLE_OPENED)
    if request.htmx and request.GET.get("seen") == found.version:
        return HttpResponse(status=204)
    others = [log for log in _logs(request.user, hypervisor, name) if log.pk != found.log.pk]
    context = {"console": found, "log": found.log, "vm": found.vm, "others": others, "name": name}
    context["live"] = found.vm and "log" not in request.GET
    template = "vms/console/_console.html" if request.htmx else "vms/console/console.html"
    return render(request, template, {**context, **_layout(request), "hypervisor": found.log.hypervisor})


@require_GET
def vm_display(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    """Show the page with the display of a VM, which a websocket fills."""
    related = VM.objects.select_related("hypervisor__status", "status", "image", "team", "console")
    vm = get_vm(request.user, hypervisor, name, related, verb=Verb.CONSOLE)
    context = {"vm": vm, "log": getattr(vm, "console", None)}
    return render(request, "vms/console/display.html", {**context, **_layout(request)})


def _layout(request: HttpRequest) -> dict[str, object]:
    """Return whether a console is alone in its window, and the layout for that."""
    window = "window" in request.GET
    return {"window": window, "layout": "vms/console/window.html" if window else "base.html"}


@require_GET
def vm_console_text(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    """Return the whole kept log as a text file."""
    log = _find(request, hypervisor, name, Event.CONSOLE_DOWNLOADED).log
    answer = HttpResponse(console_text.readable(log.text), content_type="text/plain; charset=utf-8")
    answer["Content-Disposition"] = content_disposition_header(True, f"{name}-console.txt")
    answer["X-Content-Type-Options"] = "nosniff"
    return answer
