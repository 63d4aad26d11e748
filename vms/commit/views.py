"""The page that makes an image of the boot disk of a VM."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from virterweb.people.verbs import Verb
from vms.lookup import get_vm
from vms.models import VM

from .form import CommitForm, obstacle, require_commit


@require_http_methods(["GET", "POST"])
def vm_commit(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    vm = get_vm(request.user, hypervisor, name, VM.objects.alone(), verb=Verb.SECRETS)
    require_commit(vm, request.user)
    form = CommitForm(request.POST or None, vm=vm, user=request.user)
    if request.method == "POST" and form.is_valid() and (image := form.save(request.user)):
        messages.success(request, f"Creating the image {image} from {vm}.")
        return redirect("vms:images")
    context = {"vm": vm, "form": form, "obstacle": obstacle(vm)}
    return render(request, "vms/commit/form.html", context, status=422 if form.is_bound else 200)
