"""Pages of a VM's history."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET, require_http_methods

from virterweb.hypervisors.desired.history import history_page, revision_page
from vms.lookup import get_vm
from vms.models import VM

from .restore import VMRestoration


@require_GET
def vm_history(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    return history_page(request, get_vm(hypervisor, name, VM.objects.alone()))


@require_http_methods(["GET", "POST"])
def vm_revision(request: HttpRequest, hypervisor: str, name: str, pk: int) -> HttpResponse:
    return revision_page(request, get_vm(hypervisor, name, VM.objects.alone()), pk, VMRestoration)
