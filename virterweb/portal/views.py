"""Pages for search, the overview, and the address problems of a network or VM."""

from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from networks.leases.history_form import HistoryForm
from networks.lookup import get_network
from networks.models import Lease, Network, NetworkRevision
from virterweb.hypervisors.desired.history import latest
from virterweb.hypervisors.desired.revisions import Revision
from virterweb.hypervisors.models import Hypervisor, ReadingProblem
from vms.addresses.inventory import visible_to
from vms.lookup import get_vm
from vms.models import VM, Power, VMRevision

from .checks import problems_of, problems_of_nics, worst_first
from .search import answer

NOT_READ = ("status__document", "status__stored", "document")


@require_GET
def search(request: HttpRequest) -> HttpResponse:
    """Show the answer to `?q=`; redirect to a VM or network with exactly this name."""
    text = request.GET.get("q", "").strip()[:100]
    if not text:
        return render(request, "portal/search.html")
    history = HistoryForm(request.GET)
    then = history.among(Lease.objects.all()) if history.is_valid() and history.of_the_past else None
    found = answer(text, visible_to(request.user).select_related("hypervisor", "status"), then)
    if found.only and then is None and "all" not in request.GET:
        return redirect(found.only)
    return render(request, "portal/search.html", {"text": text, "found": found, "history": history, "then": then})


@require_GET
def overview(request: HttpRequest) -> HttpResponse:
    """Show the number of objects, problems, and recent activity."""
    networks = list(Network.objects.shown().defer(*NOT_READ))
    vms = list(VM.objects.select_related("status", "hypervisor").only(*OF_VMS))
    hypervisors = Hypervisor.objects.select_related("status").annotate(
        running=Count("vms", filter=Q(vms__status__power=Power.RUNNING)), all_vms=Count("vms")
    )
    hypervisors = hypervisors.order_by("name")  # a GROUP BY leaves the order of the model out
    context = {
        "hypervisors": hypervisors,
        "networks": networks,
        "unread": ReadingProblem.objects.select_related("hypervisor"),
        "troubled": [one for one in (*networks, *vms) if one.state in ("failed", "drifted")],
        "problems": _with_links([*problems_of_nics(hypervisors), *problems_of(networks)], networks),
        "latest": _latest(8),
    }
    template = "portal/_overview.html" if request.htmx else "portal/overview.html"
    return render(request, template, context)


def _latest(count: int) -> list[Revision]:
    """Return the latest changes of networks and VMs, newest first."""
    found = [*latest(NetworkRevision.objects, count), *latest(VMRevision.objects, count)]
    return sorted(found, key=lambda revision: revision.at, reverse=True)[:count]


OF_VMS = ("name", "hypervisor__name", "managed", "generation", "removed_at")
OF_VMS += tuple(f"status__{name}" for name in ("generation", "error", "tries", "drift", "progress", "power"))
OF_VMS += ("status__present", "status__persistent")


def _with_links(problems: list, networks: list[Network]) -> list[tuple]:
    """Return each problem with its network, for the links of its step."""
    known = {network.pk: network for network in networks}
    return [(problem, known.get(problem.network)) for problem in worst_first(problems)]


@require_GET
def network_problems(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    network = get_network(hypervisor, name, Network.objects.shown().defer(*NOT_READ))
    context = {"problems": _with_links(problems_of([network]), [network]), "network": network, "about": network}
    return render(request, "portal/_problems.html" if request.htmx else "portal/problems.html", context)


@require_GET
def vm_problems(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    """Show the problems on a VM's networks that concern the VM."""
    vm = get_vm(hypervisor, name, VM.objects.shown())
    networks = list(Network.objects.shown().defer(*NOT_READ).filter(nics__vm=vm.status).distinct())
    found = [*problems_of_nics([vm.hypervisor]), *problems_of(networks)]
    macs = set(vm.status.nics.values_list("mac", flat=True))
    mine = [each for each in found if each.vm == vm.name or macs & {each.mac, *each.macs}]
    context = {"problems": _with_links(mine, networks), "vm": vm, "about": vm}
    return render(request, "portal/_problems.html" if request.htmx else "portal/problems.html", context)
