from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from virterweb.pages.xml_lines import line_differences, pretty
from virterweb.people import rights
from virterweb.people.limits import Exceeded
from virterweb.people.verbs import Verb
from vms.lookup import get_vm
from vms.models import VM

from .form import DomainForm

PAGE = "vms/xml_editor/xml.html"


@require_http_methods(["GET", "POST"])
def vm_definition(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    """Show the documents that libvirt has of a VM; operators edit the stored one of a managed VM."""
    vm = get_vm(request.user, hypervisor, name, verb=Verb.SEE)
    if request.method == "POST":
        rights.require(request.user, Verb.ADMINISTER, vm)
        vm.require(managed=True, present=True)
    form = DomainForm(request.POST or None, vm=vm) if _editable(vm) else None
    context = {"vm": vm, "form": form, **_sides(vm)}
    if form is None or not form.is_bound:
        return render(request, PAGE, context, status=409 if request.method == "POST" else 200)
    if not form.is_valid():
        return render(request, PAGE, context, status=422)
    context["changed"] = request.POST.get("base", form.base) != form.base
    if context["changed"] or request.POST.get("token") != form.token:
        return render(request, PAGE, context | {"checked": bool(form.lines)}, status=409 if form.lines else 200)
    try:
        vm.ask_document(form.cleaned_data["document"], request.user)
    except Exceeded as problem:
        form.add_error(None, str(problem))
        return render(request, PAGE, context, status=422)
    messages.success(request, f"The definition of {vm} is being saved.")
    return redirect(vm)


def _editable(vm: VM) -> bool:
    status = vm.status
    return bool(vm.managed and not vm.removed_at and status.present and status.persistent and status.definition)


def _sides(vm: VM) -> dict[str, object]:
    """Return the stored document, and the running one with the lines that differ."""
    status = vm.status
    stored, running = pretty(status.definition), pretty(status.document) if status.running else ""
    both = running and status.stored
    return {"stored": stored, "running": running, "between": line_differences(stored, running) if both else []}
