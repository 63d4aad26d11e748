"""Adoption and release of VMs, and the two ways to end drift: accept libvirt's definition, or revert it."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.db import models
from django.utils import timezone

from networks.attaching import Attaching
from virterweb.hypervisors.desired.drift import decoded
from virterweb.hypervisors.desired.refusals import InvalidTransition, Refusal
from virterweb.hypervisors.desired.revisions import Revision, conclude, record, recorded
from virterweb.messages import Message
from virterweb.people import limits, rights
from virterweb.people.models import Team
from virterweb.people.pools import Pools
from vms.definition import domain as domain_xml
from vms.definition import host_reach
from vms.definition.disks import devices, parse_device
from vms.definition.domain_diff import Aspect
from vms.definition.events import Event
from vms.definition.nics import parse
from vms.definition.nics.spec import NICSpec
from vms.definition.wording import adoption as _wording  # noqa: F401, adds the texts of the messages

from ..disk import WORK
from ..images import TAG, Image, Volume
from ..nic import NIC
from ..power import Power

if TYPE_CHECKING:
    from .model import VM

NOT_INTERRUPTED = {"interrupted": "", "interrupted_at": None}


class VMRefusal(StrEnum):
    """Why a VM cannot be adopted, or libvirt's definition of it accepted."""

    ID_TAKEN = "id_taken"
    NOT_READ = "not_read"
    BEING_CREATED = "being_created"
    RENAMED_TO_ANOTHER = "renamed_to_another"
    VOLUMES_KEEP_NAME = "volumes_keep_name"
    STILL_PRESENT = "still_present"
    NO_OTHER = "no_other"
    IN_PROGRESS = "in_progress"


class VMAdoption:
    """Adoption, release and the end of drift. Part of the model `VM`."""

    def require_host_rights(self, by: rights.Actor, *, revert: bool = False) -> None:
        """Raise PermissionDenied if accepting libvirt's definition needs rights on the host or its networks.

        With `revert`, the saved definition is checked instead: an operator may have removed such access in libvirt.
        """
        if rights.is_operator(by, self.hypervisor_id) or not self.status.definition:
            return
        saved = [nic.spec() for nic in self.nics.filter(removed_at=None)]
        found = [nic.spec for nic in parse.parse_domain(self.status.definition)]
        reasons = self.reach_refused(*((found, saved) if revert else (saved, found)), by)
        used = {pool for pool, _ in self.volumes()}
        reasons += self._disks_refused(by) if revert else self._pools_refused(by, used=used)
        if reasons:
            raise PermissionDenied(" ".join(reasons))

    def reach_refused(self, before: Iterable[NICSpec], after: Iterable[NICSpec], by: rights.Actor) -> list[str]:
        """Return why a user may not have these NICs in the place of others, one sentence for each reason."""
        before, after = list(before), list(after)
        attaching = Attaching(by, self.hypervisor)
        reasons = host_reach.refused(host_reach.parts(before), host_reach.parts(after), attaching)
        networks = {nic.source for nic in after if nic.kind == NIC.Kind.NETWORK}
        networks -= {nic.source for nic in before if nic.kind == NIC.Kind.NETWORK}
        return reasons + [str(why) for name in sorted(networks) if (why := attaching.to_network(name))]

    def _disks_refused(self, by: rights.Actor) -> list[str]:
        """Return why saved disks that libvirt no longer has are not attached again, one sentence for each."""
        there = devices(self.status.definition)
        saved = {target: parse_device(device) for target, device in (self.saved_disks or {}).items()}
        granted = Pools(by, self.team_id, self.hypervisor)
        missing = [disk for target, disk in saved.items() if target not in there]
        refused = [disk for disk in missing if not disk.volume or granted.refusal(disk.pool)]
        return [str(Message("disks.not_granted", disk=disk.source, vm=self)) for disk in refused]

    def _pools_refused(self, by: rights.Actor, used: Collection[str] = ()) -> list[str]:
        """Return why libvirt's disks are not accepted, one sentence for each pool that the team may not use.

        The VM may keep disks in the pools that it has `used`.
        """
        found = {disk.pool for disk in domain_xml.parse(self.status.definition).disks if disk.pool}
        granted = Pools(by, self.team_id, self.hypervisor)
        return [str(why) for pool in sorted(found.difference(used)) if (why := granted.refusal(pool))]

    def adopt(self, by: AbstractBaseUser | None = None, team: Team | None = None) -> None:
        """Save libvirt's definition as the desired one and manage the VM for a team; nothing changes in libvirt.

        Raises:
            InvalidTransition: A VM that the portal manages has the same name or ID.
            Exceeded: The team would have more than its limits allow.
            PermissionDenied: The team may not use a pool of its disks.
        """
        kept, adopted = limits.kept(team and team.pk, self.hypervisor_id), recorded(self, Event.ADOPTED, by)
        with kept, self.transition(managed=False, present=True), adopted:
            others = type(self).objects.on(self.hypervisor_id).filter(managed=True).exclude(pk=self.pk)
            if others.filter(name=self.name).exists():
                raise InvalidTransition(self, Refusal.NAME_TAKEN)
            if self.number and (other := others.filter(number=self.number).first()):
                raise InvalidTransition(self, VMRefusal.ID_TAKEN, other=other, number=self.number)
            type(self).objects.filter(pk=self.pk).update(managed=True)
            self.belong_to(by, team)
            if team and self.status.definition and (reasons := self._pools_refused(by)):
                raise PermissionDenied(" ".join(reasons))
            self.status.write(made_at=timezone.now())
            self.follow_found()

    def follow_found(self, by: AbstractBaseUser | None = None) -> None:
        """Save the definition that libvirt stores (of a transient VM: runs); nothing changes in libvirt.

        Requests in progress continue.

        Raises:
            InvalidTransition: The definition is not known yet, or the VM was renamed while its volumes have the old
                name.
        """
        with self.kept_limits(), self.transition(managed=True, present=True), recorded(self, Event.ACCEPTED, by):
            status, done = self.status, self.done
            if not status.definition:
                raise InvalidTransition(self, VMRefusal.NOT_READ)
            if not done and status.made_at is None:
                raise InvalidTransition(self, VMRefusal.BEING_CREATED)
            found = domain_xml.parse(status.definition)
            self._follow_name(found.name)
            asked_power = not done and self.power_generation > status.power_done
            if not asked_power:
                self.running = status.power != Power.OFF
            self.memory, self.vcpus, self.asked = max(found.memory, 1), max(found.vcpus, 1), []
            self.edited = ""
            self.hardware = {name: getattr(found.hardware, name) for name in self.hardware}
            if self.autostart is not None:
                self.autostart = status.autostart
            self.image = self.image or self._image_found()
            self.saved_disks = devices(status.definition)
            self.save()
            self._follow_nics(found)
            self._follow_disks()
            settled = {"generation": self.generation} if done else {}
            # A VM that is off shall be so from now on, whatever has stopped it.
            settled |= {} if asked_power else {"power_done": self.power_generation, **NOT_INTERRUPTED}
            status.write(made_at=timezone.now(), **settled)

    def _follow_name(self, name: str) -> None:
        """Save the name that libvirt has; InvalidTransition if it is taken, or volumes have the old name."""
        if name == self.name:
            return
        if type(self).objects.on(self.hypervisor_id).filter(managed=True, name=name).exclude(pk=self.pk).exists():
            raise InvalidTransition(self, VMRefusal.RENAMED_TO_ANOTHER, name=name)
        if Volume.objects.at(self.hypervisor, self.volumes()).exists():
            raise InvalidTransition(self, VMRefusal.VOLUMES_KEEP_NAME, name=name)
        self.name = name

    def _follow_nics(self, found: domain_xml.FoundDomain) -> None:
        """Save the NICs that libvirt has, except those with requests in progress."""
        settled = self.nics.filter(removed_at=None, asked_at=None)
        before = {nic.key: nic for nic in settled}
        settled.delete()
        known = {nic.key for nic in self.nics.all()}
        for position, nic_found in enumerate(found.nics):
            if nic_found.key in known:
                continue
            nic = NIC(vm=self, mac=nic_found.mac, place=nic_found.place, position=position)
            nic.follow(replace(nic_found.spec, pci="") if self.status.persistent else self.own(nic_found))
            nic.asked_at = None
            if nic.key in before:
                nic.keep_beside_definition(before[nic.key])
            nic.save()

    def _follow_disks(self) -> None:
        """Save the further disks that are named after the VM, and forget those that it no longer has."""
        there = {disk["source"] for disk in self.status.disks}
        asked = set(self.disk_requests.values_list("disk", flat=True))
        gone = [disk.pk for disk in self.disks.all() if disk.path not in there and disk.pk not in asked]
        if not self.snapshots.exists():  # their overlays have names of their own
            self.disks.filter(pk__in=gone).delete()
        places = [tuple(disk["source"].split("/", 1)) for disk in self.status.disks if "/" in disk["source"]]
        found = Volume.objects.at(self.hypervisor, places).values_list("pool__name", "name", "capacity")
        capacities = {(pool, name): capacity for pool, name, capacity in found}
        for disk in self.status.disks:
            pool, _, volume = disk["source"].partition("/")
            name = volume.removeprefix(f"{WORK}{self.name}-")
            if name in (volume, "cidata", "console") or (pool, volume) not in capacities:
                continue
            place = {"pool": "" if pool == self.hypervisor.pool else pool, "bus": disk["bus"]}
            size = max(1, capacities[pool, volume] // 1024**2)
            self.disks.get_or_create(name=name, defaults={"size": size, "format": disk["format"], **place})

    def _image_found(self) -> Image | None:
        """Return the image whose volume, or whose layer, the boot disk is an overlay on."""
        boot = Volume.objects.of_images(self.hypervisor).filter(name=self.boot_volume).exclude(backing="").first()
        if boot is None:
            return None
        beneath = Volume.objects.of_images(self.hypervisor).filter(
            models.Q(path=boot.backing) | models.Q(backing=boot.backing, name__startswith=TAG)
        )
        return Image.objects.on(self.hypervisor_id).filter(volume__in=beneath.values("name")).first()

    def revert(self, by: AbstractBaseUser | None = None, *, start: bool = True) -> None:
        """Request that libvirt agrees with the saved definition in everything; NICs added outside are removed.

        A VM that libvirt no longer has is recreated. It is started if it should run, unless `start` is false.
        """
        with self.transition(managed=True), recorded(self, Event.REVERTED, by):
            self.status.refresh_from_db()
            found = decoded(self.status.drift)
            asked = {each["aspect"] for each in found if "aspect" in each}
            asked |= set() if self.status.present else {Aspect.DOMAIN} if start else {Aspect.DOMAIN, Aspect.STAYS_OFF}
            self.asked = sorted(asked)
            type(self).objects.filter(pk=self.pk).update(asked=self.asked, edited="")
            if self.status.present:
                for each in found:
                    if each.get("added") and "nic" in each:
                        self.remove_nic(each["nic"])
            self.nics.filter(removed_at=None).update(asked_at=timezone.now(), asked_fields=[], refused=None)
            self.ask_again()

    @property
    def namesake(self) -> "VM | None":
        """Return the unmanaged VM with the same name, for example after it was recreated outside the portal."""
        if not self.managed:
            return None
        others = type(self).objects.on(self.hypervisor_id).filter(managed=False, name=self.name, removed_at=None)
        return others.select_related("status").filter(status__present=True).first()

    def adopt_replacement(self, by: AbstractBaseUser | None = None) -> None:
        """Manage the unmanaged VM of the same name in place of this one; nothing changes in libvirt.

        Raises:
            InvalidTransition: There is no such VM, or libvirt still has this one.
        """
        with self.transition(managed=True), recorded(self, Event.REPLACEMENT_ADOPTED, by):
            self.status.refresh_from_db()
            if self.status.present:
                raise InvalidTransition(self, VMRefusal.STILL_PRESENT)
            other = self.namesake
            if other is None:
                raise InvalidTransition(self, VMRefusal.NO_OTHER)
            seen = ("present", "power", "memory", "vcpus", "disks", "persistent", "document", "stored", "autostart")
            values = {name: getattr(other.status, name) for name in seen}
            if other.host_key_public != self.host_key_public:  # the guest was reinstalled
                self.host_key, self.host_key_public = "", other.host_key_public
            self.uuid, self.number, self.ssh_user = other.uuid, other.number, other.ssh_user
            other.delete()
            self.status.write(**values, generation=self.generation, error="", detail="", progress="")
            self.nics.all().delete()
            self.follow_found()

    def release(self, by: AbstractBaseUser | None = None) -> None:
        """Stop managing the VM: libvirt keeps it, and the portal only shows it. Its history stays."""
        self.require_release(by)
        with self.transition(managed=True, present=True):
            conclude(self, Message("revision.released"))
            record(self, Event.RELEASED, by, result=Revision.Result.DONE)
            self.nics.all().delete()
            self.disks.all().delete()
            self.disk_requests.all().delete()
            cleared = {"generation": 0, "power_generation": 0, "running": True, "asked": []}
            cleared |= {"autostart": None, "hardware": {}, "isolated": [], "saved_disks": None}
            self.belong_to_nobody()
            type(self).objects.filter(pk=self.pk).update(managed=False, **cleared)
            clean = {
                "generation": 0,
                "drift": "",
                "error": "",
                "detail": "",
                "progress": "",
                "made_at": None,
            }
            self.status.write(**clean, power_done=0, shut_down_at=None, compared=0)
