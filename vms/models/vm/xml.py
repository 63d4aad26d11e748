"""Edited documents of VMs: requested, taken over once libvirt has them, and withdrawn if it refuses them."""

from collections.abc import Mapping
from dataclasses import replace

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from virterweb.hypervisors.desired.refusals import InvalidTransition
from virterweb.hypervisors.desired.revisions import recorded
from vms.definition import domain as domain_xml
from vms.definition.domain_diff import Aspect
from vms.definition.events import Event
from vms.definition.nics.fields import fields_changed

from ..nic import NIC
from .adoption import VMRefusal


class VMXML:
    """The XML editor's part of the model `VM`."""

    def ask_document(self, document: str, by: AbstractBaseUser | None = None) -> None:
        """Request that libvirt defines an edited document; it is stored for the next start of a running VM.

        Raises:
            InvalidTransition: Other changes are in progress, which the document would undo.
            Exceeded: The team would have more than its limits allow.
        """
        with (
            self.kept_limits(),
            self.transition(managed=True, present=True),
            recorded(self, Event.XML_EDITED, by),
        ):
            self.refresh_from_db(fields=["asked", "hardware"])
            if not self.done or self.asked:
                raise InvalidTransition(self, VMRefusal.IN_PROGRESS)
            self._save_values(document, edited=document, asked=[Aspect.DOCUMENT])
            self.ask_refused_nics_again()

    def withdraw_document(self) -> None:
        """Save the values that libvirt still has, after it has refused an edited document; other requests stay."""
        with transaction.atomic():
            self.lock()
            edited = self.edited
            self.refresh_from_db(fields=["asked", "hardware", "edited", "memory", "vcpus"])
            if self.edited == edited:  # else there is a newer one
                self._save_values(self.status.definition, edited="", asked=self._without_document())

    def _without_document(self) -> list[str]:
        return [each for each in self.asked if each != Aspect.DOCUMENT]

    def _save_values(self, document: str, **values: object) -> None:
        """Save what a document says about the columns of the VM, except those that others have requested.

        Its NICs follow once libvirt has the document.
        """
        found = domain_xml.parse(document)
        sizes = {Aspect.MEMORY: max(found.memory, 1), Aspect.VCPUS: max(found.vcpus, 1)}
        values |= {aspect.value: size for aspect, size in sizes.items() if aspect not in values["asked"]}
        if Aspect.HARDWARE not in values["asked"]:
            values |= self._hardware_of(found)
        type(self).objects.filter(pk=self.pk).update(**values)
        self.refresh_from_db(fields=list(values))

    def _hardware_of(self, found: domain_xml.FoundDomain) -> Mapping[str, object]:
        hardware = {name: getattr(found.hardware, name) for name in self.hardware}
        return {"hardware": hardware, "ssh_user": found.ssh_user or self.ssh_user}

    def follow_document(self, document: str, *, running: bool) -> None:
        """Save the NICs of an edited document that libvirt has just defined.

        In a running VM they are attached and detached at once; changes that need a card unplugged wait until it stops.
        """
        with transaction.atomic():
            self.lock()
            edited = self.edited
            self.refresh_from_db(fields=["asked", "edited"])
            if self.edited == edited:  # else there is a newer one
                asked = sorted({*self._without_document(), Aspect.DISKS})  # of a running VM, they follow next
                self.edited, self.asked = "", asked
                type(self).objects.filter(pk=self.pk).update(edited="", asked=asked)
            self.keep_disks(document)
            self._forget_disks(domain_xml.parse(document))
            self._follow_edited_nics(document, running)

    def _forget_disks(self, found: domain_xml.FoundDomain) -> None:
        """Forget further disks that the document no longer has; their volumes stay."""
        there = {disk.source for disk in found.disks}
        asked = set(self.disk_requests.values_list("disk", flat=True))
        gone = [disk.pk for disk in self.disks.filter(made=True) if disk.path not in there and disk.pk not in asked]
        if not self.snapshots.exists():  # their overlays have names of their own
            self.disks.filter(pk__in=gone).delete()

    def _follow_edited_nics(self, document: str, running: bool) -> None:
        """Save the NICs of the document; those that are requested meanwhile are left alone."""
        rows = list(self.nics.all())
        settled = [nic for nic in rows if not (nic.removed_at or nic.asked_at or nic.refused)]
        leaving = {nic.key: nic for nic in settled}
        others = {nic.key for nic in rows} - leaving.keys()
        for position, found in enumerate(domain_xml.parse(document).nics):
            if found.key in others:
                continue
            spec = replace(found.spec, pci="")
            if nic := leaving.pop(found.key, None):
                fields = [change.field for change in fields_changed(nic.spec(), found)]
                if not fields and nic.position == position:
                    continue
                nic.ask(spec, fields)
                nic.at_shutdown = running and bool(fields)
            else:
                nic = NIC(vm=self, mac=found.mac, place=found.place)
                nic.follow(spec)
            nic.position = position
            nic.save()
        gone = [nic.pk for nic in leaving.values()]
        self.nics.filter(pk__in=gone).update(removed_at=timezone.now(), refused=None)
