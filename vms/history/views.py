"""Pages of a VM's history."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET, require_http_methods

from virterweb.hypervisors.desired.history import history_page, revision_page
from virterweb.people import rights
from virterweb.people.verbs import Verb
from vms.lookup import get_vm

from .restore import VMRestoration


@require_GET
def vm_history(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    return history_page(request, get_vm(request.user, hypervisor, name, verb=Verb.SEE))


@require_http_methods(["GET", "POST"])
def vm_revision(request: HttpRequest, hypervisor: str, name: str, pk: int) -> HttpResponse:
    vm = get_vm(request.user, hypervisor, name, verb=Verb.SEE)
    return revision_page(request, vm, pk, VMRestoration, rights.refusal(request.user, Verb.EDIT, vm))
