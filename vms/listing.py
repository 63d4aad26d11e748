"""The list of VMs as its address asks for it: searched, and narrowed by chips."""

from django.http import QueryDict

from virterweb.hypervisors.desired.models import one_a_name
from virterweb.pages.chips import Narrowed, Property, hypervisors, owners
from vms.addresses.nic_addresses import with_access_addresses

from .models import VM, VMQuerySet


def _states(vm: VM) -> dict[str, str]:
    """Return the state of a VM for the list, with its power if it has drifted and a mark if it is unmanaged."""
    shown = [each for each in (vm.shown_state, vm.power_beside) if each]
    values = {each.value: each.words for each in shown}
    return values if vm.managed else values | {"unmanaged": "unmanaged"}


PROPERTIES = (
    Property(key="hypervisor", title="Hypervisor", values=hypervisors),
    Property(key="state", title="State", values=_states),
    Property(key="owner", title="Owner", values=owners),
)


def listed(vms: VMQuerySet, query: QueryDict) -> Narrowed[VM]:
    """Return those of the VMs that match the search and the chips of a query, a row a name."""
    found = vms.matching(query.get("q", "")).select_related("owner")
    return Narrowed(one_a_name(with_access_addresses(found)), PROPERTIES, query)
