"""Edited documents of VMs: requested, taken over once libvirt has them, and withdrawn if it refuses them."""

from collections.abc import Mapping
from dataclasses import replace

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from virterweb.hypervisors.desired.revisions import recorded
from vms.definition import domain as domain_xml
from vms.definition.domain_diff import Aspect
from vms.definition.events import Event
from vms.definition.nics.fields import fields_changed

from ..nic import NIC


class VMXML:
    """The XML editor's part of the model `VM`."""

    def ask_document(self, document: str, by: AbstractBaseUser | None = None) -> None:
        """Request that libvirt defines an edited document; it is stored for the next start of a running VM."""
        with (
            self.kept_limits(),
            self.transition(managed=True, present=True),
            recorded(self, Event.XML_EDITED, by),
        ):
            self.refresh_from_db(fields=["asked", "hardware"])
            self._save_values(document, edited=document, asked=sorted({*self.asked, Aspect.DOCUMENT}))
            self.ask_refused_nics_again()

    def withdraw_document(self) -> None:
        """Save the values that libvirt still has, after it has refused an edited document."""
        with transaction.atomic():
            self.lock()
            if type(self).objects.filter(pk=self.pk, generation=self.generation).exists():  # else there is a newer one
                self._save_values(self.status.definition, edited="")

    def _save_values(self, document: str, **values: object) -> None:
        """Save what a document says about the columns of the VM; its NICs follow once libvirt has the document."""
        found = domain_xml.parse(document)
        values |= {"memory": max(found.memory, 1), "vcpus": max(found.vcpus, 1), **self._hardware_of(found)}
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
            leaving = {nic.key: nic for nic in self.nics.all()}
            for position, found in enumerate(domain_xml.parse(document).nics):
                spec = replace(found.spec, pci="")
                if nic := leaving.pop(found.key, None):
                    fields = [change.field for change in fields_changed(nic.spec(), found)]
                    if nic.removed_at is None and not fields and nic.position == position:
                        continue
                    nic.ask(spec, fields)
                    nic.at_shutdown = running and bool(fields)
                else:
                    nic = NIC(vm=self, mac=found.mac, place=found.place)
                    nic.follow(spec)
                nic.position, nic.removed_at = position, None
                nic.save()
            gone = [nic.pk for nic in leaving.values()]
            self.nics.filter(pk__in=gone, removed_at=None).update(removed_at=timezone.now(), refused=None)
