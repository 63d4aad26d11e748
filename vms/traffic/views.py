"""Pages with the traffic of a network, and of the NICs of a VM: the last hour or day, as charts and as tables."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from networks.lookup import get_network
from virterweb.pages.exports import answer
from vms.lookup import get_vm
from vms.models import TrafficHistory
from vms.nics.sparklines import current_minute
from vms.observed.charts import Chart, table
from vms.observed.history import History, Sample

DAY = "day"
COLUMNS = ("time", "received_bps", "sent_bps", "max_received_bps", "max_sent_bps")


@require_GET
def network_traffic(request: HttpRequest, hypervisor: str, name: str, suffix: str = "") -> HttpResponse:
    network = get_network(request.user, hypervisor, name)
    history = TrafficHistory.objects.of_networks([network.pk]).get(network.pk)
    samples = _asked(request, history)
    if suffix:
        return answer(f"{hypervisor}-{network}-traffic", suffix, COLUMNS, table(samples))
    context = {"network": network, "chart": Chart(samples=samples), "period": _period(request)}
    part = "vms/traffic/_network.html"
    return render(request, part if request.htmx else "vms/traffic/network.html", context)


@require_GET
def vm_traffic(request: HttpRequest, hypervisor: str, name: str, suffix: str = "") -> HttpResponse:
    vm = get_vm(request.user, hypervisor, name)
    histories = TrafficHistory.objects.of_nics([vm.status.pk])
    nics = list(vm.status.nics.all())
    samples = {nic.key: _asked(request, histories.get((vm.status.pk, nic.key))) for nic in nics}
    if suffix:
        rows = ((nic.mac, nic.source, *row) for nic in nics for row in table(samples[nic.key]))
        return answer(f"{hypervisor}-{vm}-traffic", suffix, ("mac", "source", *COLUMNS), rows)
    charts = [(nic, Chart(samples=samples[nic.key])) for nic in nics]
    context = {"vm": vm, "charts": charts, "period": _period(request)}
    return render(request, "vms/traffic/_vm.html" if request.htmx else "vms/traffic/vm.html", context)


def _period(request: HttpRequest) -> str:
    return DAY if request.GET.get("period") == DAY else "hour"


def _asked(request: HttpRequest, history: History | None) -> tuple[Sample, ...]:
    """Return the samples of the period that the URL asks for."""
    history, now = history or History.unpacked(b""), current_minute()
    return history.day(now) if _period(request) == DAY else history.hour(now)
