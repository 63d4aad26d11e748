"""Pages that set links of NICs up and down, singly and all of a VM."""

from collections.abc import Callable

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST

from virterweb.people.verbs import Verb
from vms.addresses.nic_addresses import addresses_of
from vms.definition.nics.spec import SharedMAC
from vms.lookup import get_vm
from vms.models import VM


@require_http_methods(["GET", "HEAD", "POST"])
def nic_link(request: HttpRequest, hypervisor: str, name: str, mac: str) -> HttpResponse:
    """Show a NIC, and set its link up or down. `next` is the page to return to instead of the VM's."""
    vm = get_vm(request.user, hypervisor, name, VM.objects.alone().filter(removed_at=None), verb=Verb.EDIT)
    if request.method != "POST":
        return _confirm(request, vm, mac)
    try:
        vm.set_link(mac, request.POST.get("up") == "yes", request.user)
    except SharedMAC as problem:
        messages.error(request, str(problem))
    except LookupError as missing:
        raise Http404(str(missing)) from missing
    page = request.POST.get("next", "")
    return redirect(page if url_has_allowed_host_and_scheme(page, None) else vm)


def _confirm(request: HttpRequest, vm: VM, key: str) -> HttpResponse:
    found = vm.status.nics.keyed(key)
    nic = found.first()
    if nic is None:
        raise Http404(f"{vm} has no NIC {key}")
    is_down = nic.link == "down"
    context = {"vm": vm, "nic": nic, "is_down": is_down, "addresses": addresses_of(found)[nic.pk].ips}
    context["next"] = request.htmx.current_url_abs_path or ""
    return render(request, "vms/nics/_link.html" if request.htmx else "vms/nics/link.html", context)


@require_POST
def vm_isolate(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    return _change(request, hypervisor, name, VM.isolate)


@require_POST
def vm_end_isolation(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    return _change(request, hypervisor, name, VM.end_isolation)


def _change(request: HttpRequest, hypervisor: str, name: str, change: Callable[..., None]) -> HttpResponse:
    vm = get_vm(request.user, hypervisor, name, VM.objects.alone().filter(removed_at=None), verb=Verb.EDIT)
    try:
        change(vm, request.user)
    except SharedMAC as problem:
        messages.error(request, str(problem))
    return redirect(vm)
