"""Restoration of one NIC of a VM."""

from dataclasses import dataclass
from functools import cached_property

from networks.definition.addressing import mac_of_id
from networks.reservations.reservations import Conflict
from virterweb.people import rights
from vms.addresses.reserved_address import AddressChange, plan_address
from vms.definition.nics.fields import changed_fields
from vms.definition.nics.plan import plan
from vms.definition.nics.spec import NICSpec
from vms.definition.nics.steps import NICPlan
from vms.definition.saved import SavedNIC, guest_text
from vms.models import NIC, VM, NICNetworks

from .wording import say


@dataclass(frozen=True)
class NICRestoration:
    """What restoring a NIC would do: `wanted` is None if it is removed, `desired` if it is added."""

    vm: VM
    key: str
    wanted: SavedNIC | None
    desired: NIC | None
    by: rights.Actor
    networks: NICNetworks

    @property
    def leaving(self) -> bool:
        """Return whether the removal of the NIC is in progress, and is cancelled."""
        return bool(self.wanted and self.desired and self.desired.removed_at)

    @property
    def now(self) -> NICSpec | None:
        return self.desired.spec() if self.desired else None

    @property
    def guest_changes(self) -> bool:
        return bool(self.wanted and (self.desired is None or self.desired.guest_spec() != self.wanted.guest))

    @property
    def spec_changes(self) -> bool:
        return bool(self.wanted and self.wanted.spec != self.now)

    @property
    def attaches(self) -> bool:
        """Return whether the NIC is attached to something that it is not on now."""
        if self.wanted is None or self.now is None or self.leaving:
            return self.wanted is not None
        return (self.wanted.spec.kind, self.wanted.spec.source) != (self.now.kind, self.now.source)

    @property
    def changes(self) -> bool:
        if self.wanted is None or self.desired is None:
            return True
        return self.leaving or self.spec_changes or self.guest_changes or self.address_changes

    @property
    def decided_by_id(self) -> bool:
        """Return whether creating the VM reserves the address of the NIC, which follows from the ID."""
        number, made = self.vm.number, self.vm.status.made_at
        return not made and number is not None and self.key == mac_of_id(number)

    @cached_property
    def address_changes(self) -> bool:
        had = self.networks.address(self.now) if self.now and not self.leaving else ""
        return bool(self.wanted) and not self.decided_by_id and had != self.wanted.address

    @cached_property
    def address(self) -> AddressChange:
        """Return the change of the reserved address; Conflict if it is not available or the user may not change it."""
        if self.wanted is None or self.decided_by_id:
            return AddressChange()
        return plan_address(self.networks, self.now, self.wanted.spec, self.wanted.address, self.by)

    @cached_property
    def plan(self) -> NICPlan:
        """Return the steps in libvirt; NotAttachable or SharedMAC if there is no way."""
        live, stored = self.vm.found_nic(self.key)
        wanted = self.wanted.spec if self.wanted else None
        settled = self.desired and not (self.desired.asked_at or self.desired.refused or self.leaving)
        only = changed_fields(wanted, self.now) if wanted and settled else None
        return plan(wanted, live, stored, self.vm.status.running, only=only)

    @property
    def texts(self) -> list[str]:
        """Return the changes in addition to the steps in libvirt, one sentence each."""
        found = [say("keep", mac=self.key)] if self.leaving else []
        if not self.plan.steps and (self.wanted is None or self.spec_changes):
            found.append(say("definition" if self.wanted else "remove", mac=self.key))
        if self.guest_changes and (self.desired or self.wanted.guest.stored):
            found.append(say("guest", mac=self.key, text=guest_text(self.wanted.guest) or say("nothing set")))
        return [*found, *(say("NIC", mac=self.key, reason=text) for text in self.address.texts)]

    @cached_property
    def address_problem(self) -> str:
        """Return why the reserved address cannot be restored; "" if it can."""
        try:
            self.address  # noqa: B018
        except Conflict as problem:
            return str(problem)
        return ""

    def save(self) -> None:
        """Save the NIC as it was."""
        if self.wanted is None:
            self.vm.remove_nic(self.key)
            return
        self.address.save(self.vm, self.by)
        if self.desired is None:
            self.vm.add_nic(self.wanted.spec, self.wanted.guest)
            return
        if self.leaving:
            self.vm.keep_nic(self.key)
        if self.spec_changes or self.guest_changes:
            self.vm.change_nic(self.wanted.spec, guest=self.wanted.guest, key=self.key)
