"""Pages for search, the overview, and the address problems of a network or VM."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from networks.leases.history_form import HistoryForm
from networks.lookup import get_network
from networks.models import Lease, Network
from virterweb.operations.disk import data_disk
from virterweb.pages.tables import natural, natural_key, page_of
from virterweb.people import rights
from virterweb.people.ends.listing import ending_soon
from virterweb.people.verbs import Verb
from vms.capacity.figures import capacity_of, sees_any
from vms.lookup import get_vm
from vms.models import VM

from . import attention
from .activity import latest
from .checks import problems_of, problems_on, worst_first
from .first_steps import first_steps, with_first_objects
from .hypervisors import with_vm_counts
from .restarts import interrupted_vms
from .search import answer

HYPERVISORS = 12  # in a part of the overview
NOT_READ = ("status__document", "status__stored")


@require_GET
def search(request: HttpRequest) -> HttpResponse:
    """Show the answer to `?q=`; redirect to a VM, network or template with exactly this name."""
    text = request.GET.get("q", "").strip()[:100]
    if not text:
        return render(request, "portal/search.html")
    history, mine = (
        HistoryForm(request.GET),
        Lease.objects.filter(rights.access_of(request.user).q(Verb.LIST, "network", "network__")),
    )
    then = history.among(mine, request.user) if history.is_valid() and history.of_the_past else None
    found = answer(text, request.user, then)
    if found.only and then is None and "all" not in request.GET:
        return redirect(found.only)
    return render(request, "portal/search.html", {"text": text, "found": found, "history": history, "then": then})


@require_GET
def overview(request: HttpRequest) -> HttpResponse:
    """Show the first steps, what needs attention, changes and hypervisors; capacity and addresses load beside it."""
    ending, more_ending = ending_soon(request.user)
    hypervisors = with_vm_counts(rights.visible_hypervisors(request.user).in_lists().with_condition(), request.user)
    hypervisors = with_first_objects(hypervisors, request.user)
    first = list(hypervisors.order_by("condition", natural("name"))[: HYPERVISORS + 1])
    context = {
        "shown": first[:HYPERVISORS]
        if len(first) > HYPERVISORS
        else sorted(first, key=lambda one: natural_key(one.name)),
        "sees_capacity": sees_any(request.user),
        "are_more": len(first) > HYPERVISORS,
        "networks": attention.failed_networks(request.user),
        "vms": attention.failed_vms(request.user),
        "interrupted": interrupted_vms(request.user),
        "unread": attention.unread(request.user),
        "ending": ending,
        "more_ending": more_ending,
        "disk": data_disk(),
        "latest": latest(request.user, 8),
        "steps": first_steps(first, request.user),
    }
    template = "portal/overview/_overview.html" if request.htmx else "portal/overview/overview.html"
    return render(request, template, context)


@require_GET
def address_problems(request: HttpRequest) -> HttpResponse:
    """Show the worst problems of addresses on all hypervisors: a part of the overview, or a page of its own."""
    template = "portal/_address_problems.html" if request.htmx else "portal/address_problems.html"
    return render(request, template, {"found": attention.address_problems(request.user)})


@require_GET
def capacity(request: HttpRequest) -> HttpResponse:
    """Show the capacity of hypervisors, the fullest first: a part of the overview, or a page of its own."""
    found = capacity_of(request.user, rights.visible_hypervisors(request.user).in_lists())
    found.sort(key=lambda one: (-one.fullest, natural_key(one.hypervisor.name)))
    page = Paginator(found, HYPERVISORS).get_page(request.GET.get("page"))
    return render(
        request, "portal/capacity/_list.html" if request.htmx else "portal/capacity/list.html", {"page": page}
    )


def _with_links(problems: list, networks: list[Network]) -> list[tuple]:
    """Return each problem with its network, for the links of its step."""
    known = {network.pk: network for network in networks}
    return [(problem, known.get(problem.network)) for problem in worst_first(problems)]


@require_GET
def network_problems(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    network = get_network(request.user, hypervisor, name, Network.objects.alone().defer(*NOT_READ))
    context = {
        "page": page_of(_with_links(problems_of([network], request.user), [network]), request.GET),
        "network": network,
        "about": network,
    }
    return render(request, "portal/_problems.html" if request.htmx else "portal/problems.html", context)


@require_GET
def vm_problems(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    """Show the problems on a VM's networks that concern the VM."""
    vm = get_vm(
        request.user, hypervisor, name, VM.objects.select_related("status", "hypervisor", "team").defer(*NOT_READ)
    )
    by_hypervisor, networks = problems_on([vm.hypervisor_id], request.user)
    nics = list(vm.status.nics.values_list("mac", "network"))
    macs, on = {mac for mac, _ in nics}, {network for _, network in nics} | {None}
    found = [each for each in by_hypervisor.get(vm.hypervisor_id, ()) if each.network in on]
    mine = [each for each in found if each.vm == vm.name or macs & {each.mac, *each.macs}]
    context = {"page": page_of(_with_links(mine, networks), request.GET), "vm": vm, "about": vm}
    return render(request, "portal/_problems.html" if request.htmx else "portal/problems.html", context)
