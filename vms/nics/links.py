"""Pages that set links of NICs up and down, singly and all of a VM."""

from collections.abc import Callable

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from virterweb.people.verbs import Verb
from vms.definition.nics.spec import SharedMAC
from vms.lookup import get_vm
from vms.models import VM


@require_POST
def nic_link(request: HttpRequest, hypervisor: str, name: str, mac: str) -> HttpResponse:
    vm = get_vm(request.user, hypervisor, name, VM.objects.alone().filter(removed_at=None), verb=Verb.EDIT)
    try:
        vm.set_link(mac, request.POST.get("up") == "yes", request.user)
    except SharedMAC as problem:
        messages.error(request, str(problem))
    except LookupError as missing:
        raise Http404(str(missing)) from missing
    return redirect(vm)


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
