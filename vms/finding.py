"""Pages that find things: search, the overview, and what is wrong with a network's or a VM's addresses."""

from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from networks.history import HistoryForm
from networks.models import Lease, Network, Revision
from networks.views import get_network
from virterweb.hypervisors.models import Hypervisor
from virterweb.hypervisors.views import leaves_when_gone

from .checks import problems_of, problems_of_nics, worst_first
from .inventory import visible_to
from .models import VM, Power
from .search import answer
from .views import get_vm

NOT_READ = ("status__document", "status__stored", "document")


@require_GET
def search(request: HttpRequest) -> HttpResponse:
    """The answer to `?q=`; a VM or network that goes by just this name is shown itself."""
    text = request.GET.get("q", "").strip()[:100]
    if not text:
        return render(request, "vms/search.html")
    history = HistoryForm(request.GET)
    then = history.among(Lease.objects.all()) if history.is_valid() and history.of_the_past else None
    found = answer(text, visible_to(request.user).select_related("hypervisor", "status"), then)
    if found.only and then is None and "all" not in request.GET:
        return redirect(found.only)
    return render(request, "vms/search.html", {"text": text, "found": found, "history": history, "then": then})


@require_GET
def overview(request: HttpRequest) -> HttpResponse:
    """What is there, what is wrong, what changed last."""
    networks = list(Network.objects.shown().defer(*NOT_READ))
    vms = list(VM.objects.select_related("status", "hypervisor").only(*OF_VMS))
    hypervisors = Hypervisor.objects.select_related("status").annotate(
        running=Count("vms", filter=Q(vms__status__power=Power.RUNNING)), all_vms=Count("vms")
    )
    context = {
        "hypervisors": hypervisors,
        "networks": networks,
        "troubled": [one for one in (*networks, *vms) if one.state in ("failed", "drifted")],
        "problems": _with_links([*problems_of_nics(hypervisors), *problems_of(networks)], networks),
        "latest": Revision.objects.select_related("by", "network__hypervisor")[:8],
    }
    template = "vms/_overview.html" if request.htmx else "vms/overview.html"
    return render(request, template, context)


OF_VMS = ("name", "hypervisor__name", "managed", "generation", "removed_at")
OF_VMS += tuple(f"status__{name}" for name in ("generation", "error", "drift", "progress", "power"))


def _with_links(problems: list, networks: list[Network]) -> list[tuple]:
    """Each problem with the network that it is on, for the links of its step."""
    known = {network.pk: network for network in networks}
    return [(problem, known.get(problem.network)) for problem in worst_first(problems)]


@require_GET
@leaves_when_gone("networks:list")
def network_problems(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    network = get_network(hypervisor, name, Network.objects.shown().defer(*NOT_READ))
    context = {"problems": _with_links(problems_of([network]), [network]), "network": network, "about": network}
    return render(request, "vms/_problems.html" if request.htmx else "vms/problems.html", context)


@require_GET
@leaves_when_gone("vms:list")
def vm_problems(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    """What is wrong on a VM's networks that concerns it."""
    vm = get_vm(hypervisor, name, VM.objects.shown())
    networks = list(Network.objects.shown().defer(*NOT_READ).filter(nics__vm=vm.status).distinct())
    found = [*problems_of_nics([vm.hypervisor]), *problems_of(networks)]
    macs = set(vm.status.nics.values_list("mac", flat=True))
    mine = [each for each in found if each.vm == vm.name or each.mac in macs or any(mac in each.text for mac in macs)]
    context = {"problems": _with_links(mine, networks), "vm": vm, "about": vm}
    return render(request, "vms/_problems.html" if request.htmx else "vms/problems.html", context)
