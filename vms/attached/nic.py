"""The data of an attached NIC that Virter's columns do not have."""

from dataclasses import dataclass
from functools import lru_cache

from django.urls import reverse

from vms.definition import wording
from vms.models import NIC, Power
from vms.observed.guest_seen import State, Verdict

from .filters import OTHERS


@dataclass(frozen=True, kw_only=True)
class AttachedNIC:
    """The data of a NIC that Virter's columns do not have."""

    vm: int  # key of the VM's status
    vm_name: str
    managed: bool
    hypervisor: str
    state: Power
    owner: str
    kind: str
    source: str
    network: str  # empty for other kinds, and while the network is not known
    bridge: str
    bridged: bool  # directly, or by a network in bridge mode
    port_group: str
    dhcp: bool
    model: str = ""
    link: str = ""
    transient: bool = False
    at: str = ""  # the NIC's place, if another NIC of the VM has the same MAC
    guest: Verdict | None = None  # the guest's configuration of the NIC

    @property
    def vm_url(self) -> str:
        return _url("vms:detail", self.hypervisor, self.vm_name)

    @property
    def network_url(self) -> str:
        return _url("networks:detail", self.hypervisor, self.network) if self.network else ""

    @property
    def state_shown(self) -> str:
        return self.state.label.lower()

    @property
    def place(self) -> str:
        """Return the kind as text where the source alone does not tell it."""
        kinds = wording.KINDS | dict(NIC.Kind.choices)
        return "" if self.kind == NIC.Kind.NETWORK else kinds.get(self.kind, self.kind)

    @property
    def owner_shown(self) -> str:
        return self.owner if self.managed else OTHERS

    @property
    def why_empty(self) -> str:
        """Return why no address is known, as text; "" where the guest check tells more."""
        if self.state != Power.RUNNING:
            return "not running"
        if self.dhcp:
            return "waiting for a lease" if self.waits else ""
        if self.kind == NIC.Kind.NETWORK and not self.network:
            return "its network does not exist"
        if self.bridged:
            return "DHCP outside libvirt"
        return "no DHCP here" if self.kind == NIC.Kind.NETWORK else "not visible to the host"

    @property
    def waits(self) -> bool:
        """Return whether the NIC waits for a lease, as far as is known."""
        other = self.guest and self.guest.state != State.WAITING and self.guest.why
        return self.dhcp and self.state == Power.RUNNING and not other


@lru_cache(maxsize=4096)
def _url(name: str, hypervisor: str, thing: str) -> str:
    return reverse(name, args=[hypervisor, thing])


def bridge_of(columns: dict) -> str:
    """Return the bridge of a NIC or of its network."""
    plain = columns["kind"] == NIC.Kind.BRIDGE
    return columns["source"] if plain else columns["network__status__bridge"] or ""


def is_bridged(columns: dict) -> bool:
    """Return whether a NIC is on a bridge of the host, directly or by a network in bridge mode."""
    return columns["kind"] == NIC.Kind.BRIDGE or columns["network__status__forward_mode"] == "bridge"


def attached_nic(columns: dict) -> AttachedNIC:
    return AttachedNIC(
        vm=columns["vm"],
        vm_name=columns["vm__desired__name"],
        managed=columns["vm__desired__managed"],
        hypervisor=columns["vm__desired__hypervisor__name"],
        state=Power(columns["vm__power"]),
        owner=columns["vm__desired__owner__username"] or "",
        kind=columns["kind"],
        source=columns["source"],
        network=columns["network__name"] or "",
        bridge=bridge_of(columns),
        bridged=is_bridged(columns),
        port_group=columns["port_group"],
        dhcp=bool(columns["network__status__dhcp"]),
        model=columns.get("model", ""),
        link=columns.get("link", ""),
        transient=columns.get("vm__present", False) and not columns["vm__persistent"],
        at=columns.get("place", ""),
        guest=columns.get("guest"),
    )
