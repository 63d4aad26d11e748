"""The page that duplicates a VM."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from virterweb.people.verbs import Verb
from vms.commit.form import require_commit
from vms.lookup import get_vm
from vms.models import VM

from .form import DuplicateForm


@require_http_methods(["GET", "POST"])
def vm_duplicate(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    """Show the form; who may make an image of the disk may copy it."""
    vm = get_vm(request.user, hypervisor, name, VM.objects.alone(), verb=Verb.SECRETS)
    require_commit(vm, request.user)
    vm.require(managed=True, present=True)
    form = DuplicateForm(request.POST or None, vm=vm, user=request.user)
    if request.method == "POST" and form.is_valid() and (copy := form.save(request.user)):
        return redirect(copy)
    return render(request, "vms/duplicate/form.html", {"vm": vm, "form": form}, status=422 if form.is_bound else 200)
