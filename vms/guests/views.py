"""Pages of the guest network configuration of a VM."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from virterweb.hypervisors.models import Hypervisor
from virterweb.messages import Message
from virterweb.people import rights
from virterweb.people.verbs import Verb
from vms.cloud_init import seed
from vms.definition.guest_nic import words
from vms.lookup import get_vm
from vms.models import VM, VMQuerySet

from . import configure


def _configurable() -> VMQuerySet:
    """Return the VMs whose guests the portal configures."""
    return VM.objects.alone().filter(managed=True, removed_at=None).exclude(host_key="")


@require_GET
def guest(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    whole = _configurable().select_related("guest_run", "status__guest_report")
    vm = get_vm(request.user, hypervisor, name, whole, verb=Verb.SEE)
    nics = list(vm.nics.filter(removed_at=None))
    guests = seed.wanted(vm, nics)
    content, secrets = seed.files_for(vm, guests), rights.may(request.user, Verb.SECRETS, vm)
    context = {
        "vm": vm,
        "nics": list(zip(nics, map(words, guests), strict=True)),
        "rules": Hypervisor.GuestNetwork.choices,
        "files": {name: data.decode() for name, data in seed.shown(vm, content, secrets=secrets).items()},
        "written": vm.status.seed == seed.digest(content),
        "run": getattr(vm, "guest_run", None),
        "not_now": _not_now(vm),
    }
    return render(request, "vms/guests/_guest.html" if request.htmx else "vms/guests/guest.html", context)


def _not_now(vm: VM) -> Message:
    """Return why the guest cannot be configured now, as far as is known; an empty message if it can."""
    report = getattr(vm.status, "guest_report", None)
    if reason := configure.why_not(vm):
        return reason
    if report and not report.agent:
        return Message("guest.no_channel" if report.agent is None else "guest.no_agent")
    return Message()


@require_POST
def guest_rule(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    """Set the configuration mode of the guest network; unknown values mean the mode of the hypervisor."""
    vm = get_vm(request.user, hypervisor, name, _configurable(), verb=Verb.EDIT)
    chosen = request.POST.get("guest_network", "")
    vm.decide_guest_network(chosen if chosen in Hypervisor.GuestNetwork.values else "", request.user)
    return redirect("vms:guest", hypervisor, name)


@require_POST
def guest_configure(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    vm = get_vm(request.user, hypervisor, name, _configurable(), verb=Verb.EDIT)
    configure.ask(vm)
    return redirect("vms:guest", hypervisor, name)
