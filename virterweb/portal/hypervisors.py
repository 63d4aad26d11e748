"""The list of hypervisors, searched, narrowed by chips, and sorted."""

from django.db.models import Count, F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from virterweb.hypervisors.models import Condition, Hypervisor
from virterweb.pages.chips import Narrowed, Property
from virterweb.pages.tables import Column, Table, natural
from virterweb.people.models import HiddenColumns
from virterweb.people.profile.columns import columns_for
from virterweb.people.rights import Actor, visible_hypervisors
from vms.models import VM, Power

from .restarts import interrupted_vms

COLUMNS = (
    Column(key="name", title="Hypervisor", order=(natural("name"),)),
    Column(key="state", title="State", order=(F("condition"),)),
    Column(key="running", title="VMs running", order=(F("running"),)),
    Column(key="vms", title="VMs", order=(F("all_vms"),)),
    Column(key="version", title="libvirt", order=(F("status__version"),)),
)
STATE = Property(
    key="state",
    title="State",
    columns=("condition",),
    values=lambda code: {code: Condition(code).label},
    having=lambda rows, code: rows.filter(condition=code),
)


@require_GET
def hypervisor_list(request: HttpRequest) -> HttpResponse:
    text = request.GET.get("q", "")
    found = Narrowed(
        visible_hypervisors(request.user).filter(name__icontains=text).with_condition(), (STATE,), request.GET
    )
    columns = columns_for(request.user, HiddenColumns.Table.HYPERVISORS, COLUMNS)
    table = Table(with_vm_counts(found.rows.in_lists(), request.user), columns, request.GET)
    context = {"table": table, "narrowed": found, "interrupted": interrupted_vms(request.user)}
    return render(request, "portal/hypervisors/_list.html" if request.htmx else "portal/hypervisors/list.html", context)


def with_vm_counts(hypervisors: QuerySet[Hypervisor], user: Actor) -> QuerySet[Hypervisor]:
    """Add the number of VMs that run as `running`, and of all VMs as `all_vms`, of those that a user may see."""
    vms = VM.objects.visible_to(user).filter(hypervisor=OuterRef("pk")).order_by().values("hypervisor")
    counts = {"all_vms": vms, "running": vms.filter(status__power=Power.RUNNING)}
    counted = {name: Subquery(rows.annotate(count=Count("pk")).values("count")) for name, rows in counts.items()}
    return hypervisors.annotate(**{name: Coalesce(count, 0) for name, count in counted.items()})
