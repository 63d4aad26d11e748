"""The desired NICs of VMs: how they are added, changed, removed and looked up."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.utils import timezone

from networks.addresses.reserved import reserved
from networks.attaching import Attaching
from networks.models import Network
from networks.reservations.reservations import Known
from virterweb.hypervisors.desired.revisions import note_activity, recorded
from vms.definition import host_reach
from vms.definition.events import Event
from vms.definition.guest_nic import GuestSpec
from vms.definition.nics import fields as nic_fields
from vms.definition.nics import parse
from vms.definition.nics.spec import FoundNIC, NICSpec

from ..nic import NIC, free_mac

if TYPE_CHECKING:
    from .model import VM


class VMNICs:
    """The NICs of a VM. Part of the model `VM`."""

    def add_nic(self, spec: NICSpec, guest: GuestSpec | None = None, by: AbstractBaseUser | None = None) -> "NIC":
        """Add a desired NIC. Without a MAC in `spec`, one is chosen now and kept."""
        spec = replace(spec, mac=spec.mac or free_mac())
        with self.transition(), recorded(self, Event.NIC_ADDED, by, mac=spec.mac):
            last = self.nics.aggregate(last=models.Max("position"))["last"]
            nic = NIC(vm=self, mac=spec.mac, position=0 if last is None else last + 1)
            nic.follow(spec)
            nic.guest = guest.stored if guest else {}
            nic.save()
            self.ask_again()
        return nic

    def change_nic(
        self,
        spec: NICSpec,
        at_shutdown: bool = False,
        guest: GuestSpec | None = None,
        *,
        key: str = "",
        fields: Iterable[str] = (),
        by: AbstractBaseUser | None = None,
    ) -> None:
        """Change a desired NIC; a NIC that was attached outside the portal becomes a desired one.

        Only the fields that differ from the previous definition, and those in `fields`, are requested from libvirt.
        With `at_shutdown` the card of a running guest is not unplugged for it: the change waits for the next boot.
        `key` is the NIC's MAC unless it is given.
        """
        with self.transition(), recorded(self, Event.NIC_CHANGED, by, mac=spec.mac) as about:
            nic, before = self._desired_nic(key or spec.mac)
            changed = {*nic_fields.changed_fields(spec, before), *fields}
            about["fields"] = [name for name in nic_fields.FIELDS if name in changed]
            nic.ask(spec, changed)
            nic.removed_at, nic.at_shutdown = None, at_shutdown
            nic.guest = nic.guest if guest is None else guest.stored
            nic.save()
            self.ask_again()

    def remove_nic(self, key: str, at_shutdown: bool = False, by: AbstractBaseUser | None = None) -> None:
        """Request the removal of a NIC, desired or not. With `at_shutdown` a running guest keeps it until then."""
        with self.transition(), recorded(self, Event.NIC_REMOVED, by, mac=key):
            nic, _ = self._desired_nic(key)
            nic.removed_at, nic.at_shutdown, nic.refused = timezone.now(), at_shutdown, None
            nic.save()
            self.ask_again()

    def require_attachable(self, spec: NICSpec, by: AbstractBaseUser | None) -> None:
        """Raise PermissionDenied, with the reasons, unless a user may attach a NIC where `spec` says."""
        attaching = Attaching(by, self.hypervisor)
        if attaching.operator:
            return
        reasons = host_reach.refused(frozenset(), host_reach.parts([spec]), attaching)
        if spec.kind == NIC.Kind.NETWORK and (reason := attaching.to_network(spec.source)):
            reasons.append(str(reason))
        if reasons:
            raise PermissionDenied(" ".join(reasons))

    def keep_nic(self, key: str, by: AbstractBaseUser | None = None) -> bool:
        """Cancel the removal of a NIC; return False if none was requested, or the NIC is gone.

        That attaches it again, so it needs the same rights: otherwise members could undo what an operator has removed.
        """
        with self.transition():
            leaving = self.nics.keyed(key).exclude(removed_at=None)
            if (nic := leaving.first()) is None:
                return False
            self.require_attachable(nic.spec(), by)
            again = {"removed_at": None, "at_shutdown": False, "asked_at": timezone.now(), "refused": None}
            with recorded(self, Event.NIC_REMOVAL_CANCELLED, by, mac=key):
                leaving.update(**again, asked_fields=[])
                self.ask_again()
        return True

    def ask_refused_nics_again(self) -> None:
        """Retry the NICs that libvirt refused, and no others, in the fields that were requested."""
        with transaction.atomic():
            refused = self.nics.filter(removed_at=None, refused__isnull=False)
            refused.update(asked_at=timezone.now(), refused=None)
            self.ask_again()

    def retry(self, by: AbstractBaseUser | None = None) -> None:
        """Retry what has failed, as `ask_refused_nics_again` does, at the request of a user."""
        with transaction.atomic():
            self.ask_refused_nics_again()
            self.ask_refused_power_again()
            self.disk_requests.update(refused="")
            note_activity(self, Event.RETRIED, by)

    def _desired_nic(self, key: str) -> tuple["NIC", NICSpec]:
        """Return the desired NIC, new and unsaved if there is none, and its current specification."""
        try:
            before, found = self.desired_nic(key)
        except LookupError as missing:
            if (nic := self.nics.keyed(key).first()) is None:  # a NIC that is being removed cannot be changed
                raise NIC.DoesNotExist(str(missing)) from missing
            return nic, nic.spec()
        if nic := self.nics.keyed(key).first():
            return nic, before
        position = next((nic.position for nic in self.status.nics.keyed(key)), 0)
        nic = NIC(vm=self, mac=found.mac, place=found.place, position=position)
        nic.follow(before)
        nic.asked_at = None
        return nic, before

    def desired_nic(self, key: str) -> tuple[NICSpec, FoundNIC | None]:
        """Return the specification of a NIC, as found if it is not a desired one; and the NIC as found.

        Raises:
            LookupError: The VM has no NIC with that key.
            SharedMAC: Several NICs have that MAC.
        """
        live, stored = self.found_nic(key)
        desired = self.nics.keyed(key).filter(removed_at=None).first()
        if desired is None and (live or stored) is None:
            raise LookupError(f"{self} has no NIC {key}")
        return desired.spec() if desired else self.own(live or stored), live or stored

    def found_nic(self, key: str) -> tuple[FoundNIC | None, FoundNIC | None]:
        """Return a NIC as found in the running VM, and as found in the stored definition.

        Raises:
            SharedMAC: Several NICs have that MAC.
        """
        status = self.status
        live = parse.parse_domain(status.document) if status.running else ()
        stored = parse.parse_domain(status.definition) if status.present and status.persistent else ()
        return parse.find(live, key), parse.find(stored, key)

    def own(self, found: FoundNIC) -> NICSpec:
        """Return the specification of a found NIC, without what its network provides."""
        network = self.network(found.spec)
        return nic_fields.own(found, network and network.definition)

    def network(self, spec: NICSpec) -> Network | None:
        """Return the network that a NIC is on; None for another kind of NIC, or if there is no such network."""
        return self.networks([spec]).get(spec.source) if spec.kind == NIC.Kind.NETWORK else None

    def networks(self, specs: Iterable[NICSpec]) -> dict[str, Network]:
        """Return the networks that NICs are on, by name."""
        names = {spec.source for spec in specs if spec.kind == NIC.Kind.NETWORK}
        named = Network.objects.on(self.hypervisor_id).filter(name__in=names).select_related("hypervisor", "status")
        return {network.name: network for network in named.order_by("managed", "-pk")}


@dataclass(frozen=True)
class NICNetworks:
    """The networks of NICs of a VM, and the addresses that are reserved there for their MACs: each is read once."""

    vm: "VM"
    specs: tuple[NICSpec, ...]

    @cached_property
    def _by_name(self) -> dict[str, Network]:
        return self.vm.networks(self.specs)

    @cached_property
    def _addresses(self) -> dict[tuple[int, str], list[str]]:
        networks = [network.pk for network in self._by_name.values()]
        found: dict[tuple[int, str], list[str]] = {}
        for each in reserved(networks, models.Q(mac__in={spec.mac for spec in self.specs if spec.mac})):
            if not each.going and ":" not in each.host.ip:
                found.setdefault((each.network, each.host.mac), []).append(each.host.ip)
        return found

    @cached_property
    def known(self) -> dict[int, Known]:
        """Return, by the key of the network, what proposals for reservations there follow from."""
        return {network.pk: Known(network) for network in self._by_name.values()}

    def of(self, spec: NICSpec) -> Network | None:
        """Return the network that a NIC is on; None for another kind of NIC, or if there is no such network."""
        return self._by_name.get(spec.source) if spec.kind == NIC.Kind.NETWORK else None

    def addresses(self, spec: NICSpec) -> list[str]:
        """Return the IPv4 addresses that are reserved for a NIC on its network: one, unless others made another."""
        network = self.of(spec)
        return list(dict.fromkeys(self._addresses.get((network.pk, spec.mac), ()))) if network else []

    def address(self, spec: NICSpec) -> str:
        """Return the first of them; "" if there is none."""
        return next(iter(self.addresses(spec)), "")
