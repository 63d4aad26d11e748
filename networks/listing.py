"""The list of networks as its address asks for it: searched, narrowed by chips, and sorted."""

from collections.abc import Callable, Collection

from django.db.models import F, QuerySet
from django.http import QueryDict

from networks.models import Network, NetworkQuerySet
from virterweb.hypervisors.desired.state import State
from virterweb.pages.chips import OWNER, Narrowed, Property, hypervisor_property
from virterweb.pages.tables import Column, natural, natural_key
from virterweb.people.ends import listing as ends
from virterweb.people.tags import listing as tags


def _fact(name: str) -> Callable[[QuerySet[Network]], dict[int, list]]:
    """Return what sorts networks by one of Virter's columns: as found, or as desired if libvirt has no such network."""

    def keys(networks: QuerySet[Network]) -> dict[int, list]:
        absent = Network.objects.select_related("status").with_replacements(networks.filter(status__present=False))
        desired = {network.pk: getattr(network.facts, name) for network in absent}
        found = networks.values_list("pk", f"status__{name}")
        return {key: natural_key(desired.get(key, value)) for key, value in found}

    return keys


COLUMNS = (
    Column(key="name", title="Name", order=(natural("name"),)),
    Column(key="forward", title="Forward-Type", keys=_fact("forward_mode")),
    Column(key="range", title="IP-Range", keys=_fact("ip_range")),
    Column(key="domain", title="Domain", keys=_fact("domain")),
    Column(key="dhcp", title="DHCP", keys=_fact("dhcp")),
    Column(key="bridge", title="Bridge", keys=_fact("bridge")),
    Column(key="state", title="State", order=(F("state_code"),)),
    ends.COLUMN,
    Column(key="hypervisor", title="Hypervisor", order=(natural("hypervisor__name"),)),
    Column(key="traffic", title="Traffic"),
)
STATE = Property(
    key="state",
    title="State",
    columns=("state_code",),
    values=lambda code: {code: State(code).words},
    having=lambda rows, code: rows.filter(state_code=code),
)


def narrowed(networks: NetworkQuerySet, query: QueryDict, hypervisors: int = 1) -> Narrowed:
    """Return those of the networks that match the search and the chips of a query, a row a name."""
    found = networks.matching(query.get("q", "")).once_a_name().with_state()
    properties = (hypervisor_property(hypervisors), STATE, OWNER, tags.PROPERTY, ends.PROPERTY)
    return Narrowed(ends.with_end_code(found), properties, query)


def loaded(shown: NetworkQuerySet, keys: Collection[int]) -> list[Network]:
    """Return the rows of the list with these keys, with their successors, if they were recreated outside."""
    return shown.with_replacements(shown.filter(pk__in=keys))
