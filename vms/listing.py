"""The list of VMs as its address asks for it: searched, narrowed by chips, and sorted."""

from collections.abc import Collection, Mapping

from django.db.models import Count, F, OuterRef, Q, Subquery, Value
from django.db.models.functions import Coalesce
from django.http import QueryDict

from virterweb.hypervisors.desired.state import State
from virterweb.pages.chips import OWNER, Narrowed, Property, hypervisor_property
from virterweb.pages.tables import Column, natural
from virterweb.people.ends import listing as ends
from virterweb.people.tags import listing as tags
from vms.addresses.nic_addresses import first_access_address, with_access_addresses

from .models import VM, NICStatus, Power, ShownPower, SSHState, VMQuerySet

UNMANAGED = "unmanaged"


def _words(code: str) -> str:
    """Return the text of a state that `with_shown_state` gives."""
    return next(kind(code).words for kind in (State, SSHState, ShownPower, Power) if code in kind.values)


def _states(shown: str, power: str, managed: bool) -> Mapping[str, str]:
    """Return the state of a VM, with its power if it has drifted and a mark if it is unmanaged."""
    values = {code: _words(code) for code in (shown, power) if code}
    return values if managed else values | {UNMANAGED: State.UNMANAGED.words}


def _in_state(vms: VMQuerySet, code: str) -> VMQuerySet:
    mark = Q(managed=False) if code == UNMANAGED else Q()
    return vms.filter(Q(shown_code=code) | Q(power_code=code) | mark)


COLUMNS_OF_STATE = ("shown_code", "power_code", "managed")
STATE = Property(key="state", title="State", columns=COLUMNS_OF_STATE, values=_states, having=_in_state)


COLUMNS = (
    Column(key="name", title="Name", order=(natural("name"),)),
    Column(key="id", title="ID", order=(Coalesce("number", 0),)),
    Column(key="state", title="State", order=(F("shown_code"), F("power_code"))),
    Column(key="image", title="Image", order=(Coalesce(natural("image__name"), Value("")),)),
    Column(key="memory", title="Memory", order=(F("status__memory"),)),
    Column(key="vcpus", title="vCPUs", order=(F("status__vcpus"),)),
    Column(key="nics", title="NICs", order=(F("nic_count"),)),
    Column(key="address", title="IP", order=(first_access_address().asc(nulls_first=True),)),
    ends.COLUMN,
    Column(key="hypervisor", title="Hypervisor", order=(natural("hypervisor__name"),)),
)


def with_nic_count(vms: VMQuerySet) -> VMQuerySet:
    """Add the number of NICs that a VM has in libvirt, as `nic_count`."""
    nics = NICStatus.objects.filter(vm=OuterRef("status")).order_by().values("vm")
    return vms.annotate(nic_count=Coalesce(Subquery(nics.annotate(count=Count("vm")).values("count")), 0))


def narrowed(vms: VMQuerySet, query: QueryDict, hypervisors: int = 1) -> Narrowed:
    """Return those of the VMs that match the search and the chips of a query, a row a name."""
    found = vms.matching(query.get("q", "")).once_a_name().with_shown_state()
    properties = (hypervisor_property(hypervisors), STATE, OWNER, tags.PROPERTY, ends.PROPERTY)
    return Narrowed(ends.with_end_code(found), properties, query)


def loaded(shown: VMQuerySet, keys: Collection[int]) -> list[VM]:
    """Return the rows of the list with these keys, with the addresses of each and of a successor recreated outside."""
    found = shown.with_replacements(shown.filter(pk__in=keys))
    with_access_addresses(vm.as_found for vm in found)
    return found
