"""The VMs that leases name, as far as a user may see them.

A lease keeps the names of the VMs that had its MAC. Users who may not see everything on its hypervisor read only the
names of VMs that they see now.
"""

from collections.abc import Iterable

from django.db.models import Exists, OuterRef, Q

from networks.attachments import attachments
from networks.models import Lease
from virterweb.people import rights
from virterweb.people.hidden.names import HIDDEN_VM, sees_all_names
from virterweb.people.verbs import Verb


def named(leases: Iterable[Lease], user: rights.Actor) -> list[Lease]:
    """Return leases that name no VM that the user may not see; nothing is to be saved of them."""
    found = list(leases)
    limited = [lease for lease in found if lease.vm and not sees_all_names(user, lease.hypervisor_id)]
    wanted = {name for lease in limited for name in lease.vm.split(", ")}
    visible = set(attachments().visible_names(user).filter(name__in=wanted)) if limited else set()
    for lease in limited:
        names = (name if (lease.hypervisor_id, name) in visible else HIDDEN_VM for name in lease.vm.split(", "))
        lease.vm = ", ".join(dict.fromkeys(names))
    return found


def readable(user: rights.Actor) -> Q:
    """Return the condition that a user may read which VMs a lease names; empty if the user may read all of them."""
    everywhere = rights.access_of(user).hypervisors(Verb.LIST, at="hypervisor")
    if not everywhere:
        return everywhere
    seen = attachments().visible_names(user).filter(hypervisor=OuterRef("hypervisor"), name=OuterRef("vm"))
    return everywhere | Q(Exists(seen))
