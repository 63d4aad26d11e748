"""The filters of the table of attached NICs."""

from dataclasses import asdict, dataclass, fields

from django.db.models import Q, QuerySet
from django.http import QueryDict

from networks.definition.addressing import may_be_in_mac
from vms.models import NIC, VMStatus

OTHERS = "others"  # the filter value for unmanaged VMs


GROUPED, FLAT = "vm", "flat"


@dataclass(frozen=True, kw_only=True)
class Filters:
    """The filters in the query; empty values match everything.

    Names are those of a hypervisor, network, bridge or port group. `state` is a Power, `owner` a user's name or OTHERS,
    `q` a part of a name or MAC, `group` GROUPED or FLAT, `sort` a column.
    """

    hypervisor: str = ""
    network: str = ""
    bridge: str = ""
    port_group: str = ""
    state: str = ""
    owner: str = ""
    q: str = ""
    group: str = ""
    sort: str = ""

    @classmethod
    def of(cls, query: QueryDict, **fixed: str) -> "Filters":
        typed = {each.name: query.get(each.name, "").strip()[:255] for each in fields(cls)}
        typed["group"] = GROUPED if typed["group"] == GROUPED else ""
        return cls(**{**typed, **fixed})

    @property
    def filters(self) -> dict[str, str]:
        """Return the filters that are set."""
        return {name: value for name, value in asdict(self).items() if value and name not in ("group", "sort")}

    def query(self, *leave_out: str, **other: str) -> str:
        """Return the filters as the end of a URL, `?…` or empty."""
        values = {**asdict(self), **other}
        query = QueryDict(mutable=True)
        query.update({name: value for name, value in values.items() if value and name not in leave_out})
        return f"?{query.urlencode()}" if query else ""

    @property
    def end(self) -> str:
        return self.query()

    def among(self, nics: QuerySet) -> QuerySet:
        """Return the NICs that match."""
        values = {
            "vm__desired__hypervisor__name": self.hypervisor,
            "network__name": self.network,
            "port_group": self.port_group,
            "vm__power": self.state,
        }
        nics = nics.filter(**{name: value for name, value in values.items() if value})
        if self.bridge:
            nics = nics.filter(Q(kind=NIC.Kind.BRIDGE, source=self.bridge) | Q(network__status__bridge=self.bridge))
        if self.owner:
            unmanaged = Q(vm__desired__managed=False) if self.owner == OTHERS else Q()
            nics = nics.filter(Q(vm__desired__owner__username=self.owner) | unmanaged)
        return nics.filter(self._text()) if self.q else nics

    def _text(self) -> Q:
        """Return the condition of the searched text; VMs are searched on their own, and not once for each NIC."""
        text = Q(vm__in=VMStatus.objects.filter(desired__name__icontains=self.q).values("pk"))
        for column in ("source", "target", "port_group", *(["mac"] if may_be_in_mac(self.q) else [])):
            text |= Q(**{f"{column}__icontains": self.q})
        return text
