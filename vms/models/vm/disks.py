"""Requests to change the disks and CD-ROM drives of VMs."""

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction

from virterweb.hypervisors.desired.revisions import recorded
from vms.definition.disks import devices, with_disks
from vms.definition.events import Event

from ..disk import Disk, DiskRequest

Verb = DiskRequest.Verb
MIB_OF_GIB = 1024
ATTACHING = (Event.DISK_ADDED, Event.DISK_DETACHED, Event.DISK_DELETED)  # events that change the list of disks


class VMDisks:
    """Disks and CD-ROM drives. Part of the model `VM`."""

    def add_disk(self, disk: Disk, by: AbstractBaseUser | None = None) -> None:
        """Request a further disk, with a new volume; `disk` is unsaved."""
        with (
            self.kept_limits(),
            self.transition(managed=True, present=True),
            recorded(self, Event.DISK_ADDED, by, name=disk.name),
        ):
            disk.vm, disk.made = self, False
            disk.save()
            self._ask_disk(Verb.ADD, disk=disk)

    def grow_disk(self, target: str, size: int, by: AbstractBaseUser | None = None) -> None:
        """Request another size, in MiB, of the disk with this target; live if the VM runs."""
        about = {"target": target, "size": size}
        asked = self.transition(managed=True, present=True)
        with self.kept_limits(), asked, recorded(self, Event.DISK_GROWN, by, **about):
            if disk := self.disk_at(target):
                Disk.objects.filter(pk=disk.pk, size__lt=size).update(size=size)
            elif target == self.boot_target:
                boot_size = -(-size // MIB_OF_GIB)
                type(self).objects.filter(pk=self.pk, boot_size__lt=boot_size).update(boot_size=boot_size)
            self._ask_disk(Verb.GROW, target=target, size=size)

    def remove_disk(self, target: str, *, delete: bool, by: AbstractBaseUser | None = None) -> None:
        """Request that a disk is detached; with `delete`, its volume is deleted as well."""
        event = Event.DISK_DELETED if delete else Event.DISK_DETACHED
        with self.transition(managed=True, present=True), recorded(self, event, by, target=target):
            self._ask_disk(Verb.DELETE if delete else Verb.DETACH, target=target, disk=self.disk_at(target))

    def add_drive(self, by: AbstractBaseUser | None = None) -> None:
        """Request an empty CD-ROM drive; a running VM has it from its next boot on."""
        with self.transition(managed=True, present=True), recorded(self, Event.DRIVE_ADDED, by):
            self._ask_disk(Verb.DRIVE)

    def change_medium(self, target: str, pool: str, volume: str, by: AbstractBaseUser | None = None) -> None:
        """Request that a volume is inserted into a CD-ROM drive, or, without a volume, that the medium is ejected."""
        event, about = Event.MEDIUM_EJECTED, {"target": target}
        if volume:
            event, about = Event.MEDIUM_INSERTED, about | {"volume": volume}
        with self.transition(present=True), recorded(self, event, by, **about):
            verb = Verb.INSERT if volume else Verb.EJECT
            self._ask_disk(verb, target=target, pool=pool, volume=volume)

    def cancel_disk_request(self, request: DiskRequest, by: AbstractBaseUser | None = None) -> None:
        """Withdraw a request that was refused, with the disk that was not created for it."""
        with self.transition(), recorded(self, Event.DISK_REQUEST_CANCELLED, by):
            if request.verb == Verb.ADD and not request.disk.made:
                request.disk.delete()
            self.disk_requests.filter(pk=request.pk).delete()
            self.ask_again()

    def keep_disk(self, target: str, device: str = "") -> None:
        """Record what was done: the VM has this <disk> now, or, without one, none with this target."""
        with transaction.atomic():
            self.lock()
            self.refresh_from_db(fields=["saved_disks"])
            if self.saved_disks is None:
                return
            kept = {key: value for key, value in self.saved_disks.items() if key != target}
            self.saved_disks = {**kept, target: device} if device else kept
            type(self).objects.filter(pk=self.pk).update(saved_disks=self.saved_disks)
            self._complete_history()

    def _complete_history(self) -> None:
        """Give the disks to the revision that requested them, so that no later change seems to have added them."""
        if requested := self.revisions.filter(event__in=ATTACHING).first():
            for revision in self.revisions.filter(pk__gte=requested.pk):
                revision.document = with_disks(revision.document, self.saved_disks)
                revision.save(update_fields=["document"])

    def keep_disks(self, document: str) -> None:
        """Save the disks of a document as those that the VM should have."""
        self.saved_disks = devices(document)
        type(self).objects.filter(pk=self.pk).update(saved_disks=self.saved_disks)

    def follow_sources(self, document: str) -> None:
        """Save where the disks are stored now, after snapshots have moved them."""
        now = devices(document)
        with transaction.atomic():
            self.lock()
            self.refresh_from_db(fields=["saved_disks"])
            kept = {target: now.get(target, device) for target, device in (self.saved_disks or {}).items()}
            if self.saved_disks is not None and kept != self.saved_disks:
                self.saved_disks = kept
                type(self).objects.filter(pk=self.pk).update(saved_disks=kept)
                self.status.write(fingerprint="")  # so that it is compared again

    @property
    def boot_target(self) -> str:
        """Return the target of the disk that is named after the VM; "" if libvirt has none."""
        return self._target_of(f"{self.hypervisor.pool}/{self.boot_volume}")

    def disk_at(self, target: str) -> Disk | None:
        """Return the further disk that has this target in libvirt."""
        return next((disk for disk in self.disks.all() if self._target_of(disk.path) == target), None)

    def _target_of(self, path: str) -> str:
        return next((disk["target"] for disk in self.status.disks if disk["source"] == path), "")

    def _ask_disk(self, verb: DiskRequest.Verb, **values: object) -> None:
        """Save a request, in place of one of the same kind for the same disk."""
        if values.get("target"):
            self.disk_requests.filter(verb=verb, target=values["target"]).delete()
        self.disk_requests.create(verb=verb, **values)
        self.ask_again()
