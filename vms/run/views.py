"""Pages that run VMs: the form, its preview, the form for a copy, and a VM as text."""

from urllib.parse import urlencode

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from virterweb.people import creating, rights
from virterweb.people.verbs import Verb
from vms.lookup import get_vm
from vms.models import VM, VMTemplate

from . import copy_as, similar
from .fields import asked_count
from .form import RunForm
from .preview import preview

QUERY_PARAMETERS = {*RunForm.base_fields, "network", "like", "template"}  # query parameters that fill in the form


@require_http_methods(["GET", "POST"])
def vm_run(request: HttpRequest) -> HttpResponse:
    creating.require(request.user)
    data = request.POST if request.method == "POST" else None
    changed = data is not None and "change" in data
    form = RunForm(data, initial=_initial(request), user=request.user)
    if data is not None and not changed and form.is_valid() and (vms := form.save(request.user)):
        return _ran(request, vms)
    template = "vms/run/_form.html" if changed and request.htmx else "vms/run/run.html"
    status = 422 if data is not None and not changed else 200
    context = {"form": form, "quiet": changed, "preview": preview(form)}
    return render(request, template, context, status=status)


def _initial(request: HttpRequest) -> dict[str, object]:
    """Return the initial values from the query: single fields, a VM to copy, or a template."""
    query = {name: value for name, value in request.GET.items() if name in QUERY_PARAMETERS}
    if "like" in query:
        return similar.initial(vm_to_copy(request), request.user)
    if "template" in query:
        found = _on(VMTemplate.objects.changeable_by(request.user, Verb.SEE), request).select_related("hypervisor")
        template = get_object_or_404(found, name=query["template"])
        return similar.of_template(template, request.user, asked_count(query.get("count")))
    return query


def vm_to_copy(request: HttpRequest) -> VM:
    """Return the VM that the query names by `like` and `hypervisor`; 404 without one that the user may see."""
    found = _on(VM.objects.changeable_by(request.user, Verb.SEE), request).select_related("hypervisor", "image")
    return get_object_or_404(found, managed=True, image__isnull=False, name=request.GET["like"])


def _on(rows: QuerySet, request: HttpRequest) -> QuerySet:
    """Return the rows on the hypervisor of the query."""
    key = request.GET.get("hypervisor", "")
    return rows.filter(hypervisor=key if key.isdecimal() and len(key) < 19 else None)


def _ran(request: HttpRequest, vms: list[VM]) -> HttpResponse:
    """Redirect to the VM, or to the list if there are several."""
    if len(vms) == 1:
        return redirect(vms[0])
    messages.success(request, f"Running {len(vms)} VMs: {vms[0]} … {vms[-1]}.")
    query = {"q": vms[0].name.removesuffix(str(vms[0].number))}
    if rights.visible_hypervisors(request.user).count() > 1:
        query["hypervisor"] = vms[0].hypervisor.name
    return redirect(f"{reverse('vms:list')}?{urlencode(query)}")


@require_POST
def vm_run_preview(request: HttpRequest) -> HttpResponse:
    creating.require(request.user)
    form = RunForm(request.POST, user=request.user)
    context = {"form": form, "preview": preview(form), "fragment": "vms/run/_preview.html"}
    return render(request, "vms/run/_typed.html", context)


@require_GET
def vm_copies(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    """Show a VM as text, for a ticket or a script."""
    vms = VM.objects.alone().filter(managed=True, image__isnull=False, number__isnull=False)
    vm = get_vm(request.user, hypervisor, name, vms, verb=Verb.SEE)
    return render(request, "vms/run/copies.html", {"vm": vm, "virter": copy_as.virter(similar.run_of(vm))})
