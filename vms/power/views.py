"""Pages that change the power of a VM, and the menu of a row in the list of VMs."""

from urllib.parse import urlsplit

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from virterweb.people.verbs import Verb
from vms.lookup import get_vm
from vms.models import VM, PowerVerb

TABS = ("console/", "console/display/", "disks/", "guest/", "snapshots/", "definition/", "history/")


@require_POST
def vm_power(request: HttpRequest, hypervisor: str, name: str, verb: str) -> HttpResponse:
    """Request a change of power that loses nothing."""
    vm, verb = get_vm(request.user, hypervisor, name, verb=Verb.POWER), PowerVerb(verb)
    if not verb.starts and verb is not PowerVerb.SHUT_DOWN:
        vm.ask_power(verb, request.user)
        if verb is PowerVerb.REBOOT:
            messages.success(request, f"The guest of {vm} is asked to reboot.")
        return _back(request, vm)
    running, leaves_off = verb.starts, "leave_off" in request.POST
    if not vm.end_interruption(running, request.user) and not leaves_off:  # else somebody has started it meanwhile
        vm.ask_power(verb, request.user)
    return _back(request, vm)


@require_http_methods(["GET", "POST"])
def vm_power_confirm(request: HttpRequest, hypervisor: str, name: str, change: str) -> HttpResponse:
    """Request a change of power by which data is lost, after a confirmation."""
    vm, verb = get_vm(request.user, hypervisor, name, VM.objects.alone(), verb=Verb.POWER), PowerVerb(change)
    if request.method == "POST":
        vm.ask_power(verb, request.user)
        return redirect(vm)
    return render(request, "vms/power/confirm.html", {"vm": vm, "verb": verb, "possible": verb in vm.power_verbs})


@require_POST
def vm_autostart(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    """Request that libvirt starts the VM with the host, or not."""
    vm = get_vm(request.user, hypervisor, name, verb=Verb.EDIT)
    vm.ask_autostart(request.POST.get("on") == "yes", request.user)
    return _back(request, vm)


@require_GET
def vm_menu(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    """Show what can be done with a VM, for the menu of its row, which is loaded when it is opened."""
    return render(request, "vms/power/_menu.html", {"vm": get_vm(request.user, hypervisor, name, VM.objects.alone())})


@require_GET
def vm_head(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    """Show the header of the pages of a VM, which shows its state and power."""
    vm = get_vm(request.user, hypervisor, name, VM.objects.alone())
    return render(request, "vms/power/_live_head.html", {"vm": vm})


def _back(request: HttpRequest, vm: VM) -> HttpResponse:
    """Return to the page of the VM whose header was used, such as its console; to the overview from everywhere else."""
    here, own = urlsplit(request.headers.get("Referer", "")).path, vm.get_absolute_url()
    return redirect(here if here in {own + each for each in TABS} else own)
