"""Pages of templates: their list, the form that adds and edits one, sharing, and deletion."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods
from django.views.decorators.vary import vary_on_headers

from virterweb.pages import exports
from virterweb.pages.chips import OWNER, Narrowed, hypervisor_property
from virterweb.pages.tables import Table
from virterweb.people import creating, rights
from virterweb.people.sharing.views import share_page
from virterweb.people.verbs import Verb
from vms.lookup import get_template
from vms.models import VMTemplate
from vms.run import similar
from vms.run.template_names import with_shown
from vms.run.views import vm_to_copy

from .form import TemplateForm
from .listing import FILE, columns, file_rows

PARTS = {name: f"vms/templates/_{name}.html" for name in ("base", "crumbs", "tabs")}  # of the page that shares


@require_GET
@vary_on_headers("Accept")
def template_list(request: HttpRequest, suffix: str = "") -> HttpResponse:
    visible = VMTemplate.objects.visible_to(request.user)
    hypervisors = rights.hypervisor_count(request)
    found = visible.matching(request.GET.get("q", ""), request.user)
    narrowed = Narrowed(found, (hypervisor_property(hypervisors), OWNER), request.GET)
    if suffix := exports.wanted_suffix(request, suffix):
        rows = file_rows(narrowed.rows.order_by("hypervisor__name", "name"), request.user)
        return exports.answer("templates", suffix, FILE, rows)
    several = hypervisors > 1
    shown = columns(request.user, several=several)
    table = Table(narrowed.rows, shown, request.GET, lambda keys: with_shown(visible.filter(pk__in=keys), request.user))
    context = {"table": table, "narrowed": narrowed, "several": several}
    return render(request, "vms/templates/list.html", context)


@require_http_methods(["GET", "POST"])
def template_add(request: HttpRequest) -> HttpResponse:
    """Add a template: an empty one, one of a VM (`like`), or one of the values of the form that runs VMs."""
    creating.require(request.user)
    data, initial = _named(request.POST) if request.method == "POST" else None, {}
    if data is None and "like" in request.GET:
        vm = vm_to_copy(request)
        initial = similar.initial(vm, request.user) | {"template": vm.name.removesuffix(f"-{vm.number}")}
    form = TemplateForm(data, initial=initial, user=request.user, stored=VMTemplate(owner=request.user))
    return _form_page(request, form)


@require_http_methods(["GET", "POST"])
def template_edit(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    template = get_template(request.user, hypervisor, name, verb=Verb.EDIT)
    data = request.POST if request.method == "POST" else None
    initial = similar.of_template(template, request.user) | {"template": template.name}
    return _form_page(request, TemplateForm(data, initial=initial, user=request.user, stored=template))


def _named(sent: QueryDict) -> QueryDict:
    """Return the values that the form that runs VMs sends, with a name for the template of the name of the VM."""
    if "template" in sent:
        return sent
    data = sent.copy()
    data["template"] = sent.get("name", "").removesuffix(f"-{sent.get('number', '')}")
    data.setdefault("change", "name")  # the page asks for the name first
    return data


def _form_page(request: HttpRequest, form: TemplateForm) -> HttpResponse:
    """Show the form; save the template if the form was sent and is valid."""
    changed = form.is_bound and "change" in form.data
    before = str(form.stored)
    if form.is_bound and not changed and form.is_valid() and form.store(request.user):
        messages.success(request, f"The template {form.stored} is saved.")
        return redirect("vms:templates")
    fragment = changed and request.htmx
    status = 422 if form.is_bound and not changed else 200
    context = {"form": form, "quiet": changed, "before": before}
    return render(request, f"vms/templates/{'_form' if fragment else 'form'}.html", context, status=status)


@require_http_methods(["GET", "POST"])
def template_share(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    template = get_template(request.user, hypervisor, name, verb=Verb.SHARE)
    return share_page(request, template, {**PARTS, "template": template})


@require_http_methods(["GET", "POST"])
def template_delete(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    template = get_template(request.user, hypervisor, name, verb=Verb.DELETE)
    if request.method == "GET":
        return render(request, "vms/templates/delete.html", {"template": template})
    template.remove(request.user)
    messages.success(request, f"The template {template} is deleted.")
    return redirect("vms:templates")
