"""Pages that run VMs: the form, what it would do, another like one that is there, and one as text."""

from urllib.parse import urlencode

from django.contrib import messages
from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from virterweb.hypervisors.models import Hypervisor

from . import copy_as, like
from .models import VM
from .run_form import RunForm
from .run_preview import preview
from .views import get_vm


@require_http_methods(["GET", "POST"])
def vm_run(request: HttpRequest) -> HttpResponse:
    data = request.POST if request.method == "POST" else None
    changed = data is not None and "change" in data
    form = RunForm(data, initial=_initial(request), operator=request.user.is_staff)
    if data is not None and not changed and form.is_valid() and (vms := _save(form, request)):
        return _ran(request, vms)
    template = "vms/_run_form.html" if changed and request.htmx else "vms/vm_run.html"
    status = 422 if data is not None and not changed else 200
    context = {"form": form, "quiet": changed, "preview": preview(form)}
    return render(request, template, context, status=status)


def _initial(request: HttpRequest) -> dict[str, object]:
    """What the address asks for: some fields, or another VM like one of ours."""
    asked = request.GET.dict()
    if "like" not in asked:
        return asked
    vms = VM.objects.filter(managed=True, image__isnull=False).select_related("hypervisor", "image")
    hypervisor = asked.get("hypervisor", "")
    found = vms.filter(name=asked["like"], hypervisor=int(hypervisor) if hypervisor.isdecimal() else None).first()
    if found is None:
        raise Http404(f"there is no VM {asked['like']}")
    return like.initial(found)


def _save(form: RunForm, request: HttpRequest) -> list[VM]:
    """The VMs; none, with the form saying why, if somebody was quicker."""
    try:
        return form.save(request.user)
    except IntegrityError:
        form.add_error(None, "Just now somebody ran a VM with such a name or ID; look at both again.")
        return []


def _ran(request: HttpRequest, vms: list[VM]) -> HttpResponse:
    """To the VM, or to the list of the several."""
    if len(vms) == 1:
        return redirect(vms[0])
    messages.success(request, f"Running {len(vms)} VMs: {vms[0]} … {vms[-1]}.")
    query = {"q": vms[0].name.removesuffix(str(vms[0].number))}
    if Hypervisor.objects.count() > 1:
        query["hypervisor"] = vms[0].hypervisor.name
    return redirect(f"{reverse('vms:list')}?{urlencode(query)}")


@require_POST
def vm_run_preview(request: HttpRequest) -> HttpResponse:
    return render(
        request, "vms/_preview.html", {"preview": preview(RunForm(request.POST, operator=request.user.is_staff))}
    )


@require_GET
def vm_copies(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    """A VM as text, for a ticket or a script."""
    vm = get_vm(hypervisor, name, VM.objects.shown().filter(managed=True, image__isnull=False, number__isnull=False))
    return render(request, "vms/vm_copies.html", {"vm": vm, "virter": copy_as.virter(like.run_of(vm))})
