"""The form that duplicates a VM."""

from collections.abc import Iterable
from dataclasses import replace

from django import forms
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import PermissionDenied, ValidationError

from networks.definition import addressing, rules
from virterweb.hypervisors.desired.one_at_a_time import exclusive
from virterweb.hypervisors.desired.revisions import record
from virterweb.messages import Message
from virterweb.people import creating, pools, rights
from virterweb.people.hidden.names import name_in_use
from virterweb.people.limits import Exceeded
from virterweb.people.models import Team
from vms.addresses import ids
from vms.commit.form import obstacle
from vms.definition.documents.duplicate import own_name, volumes
from vms.definition.events import Event
from vms.definition.snapshots.document import Kind, disks
from vms.models import NIC, VM, Disk, Snapshot, SnapshotRequest, Volume, free_mac
from vms.run.form import PLAIN


class DuplicateForm(forms.Form):
    """Name, ID and disks of the duplicate, and whether it is started."""

    number = forms.IntegerField(
        label="ID", min_value=2, max_value=2**24 - 1, help_text="Determines the MAC and IP on the access network."
    )
    name = forms.CharField(max_length=50, required=False, help_text="Empty: the name of the VM with the new ID.")
    snapshot = forms.ChoiceField(
        label="Disks",
        required=False,
        help_text="A linked clone begins with the disks as they were in the external snapshot.",
    )
    start = forms.BooleanField(label="Start the duplicate", required=False, initial=True)

    def __init__(self, *args: object, vm: VM, user: rights.Actor, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.vm, self.user, self.label_suffix = vm, user, ""
        self.team: Team | None = None
        self.fields["number"].initial = ids.next_free_id(vm.hypervisor)
        linked = [(each.name, f"Linked clone: {each.name}") for each in self._snapshots()]
        self.fields["snapshot"].choices = [("", "Full copy"), *linked]
        self.offers_links = bool(linked)

    def clean(self) -> dict:
        data, hypervisor = super().clean(), self.vm.hypervisor
        if reason := self._obstacle_of_link() if data.get("snapshot") else self.obstacle:
            self.add_error(None, reason)
        number = data.get("number")
        for problem in ids.problems(hypervisor, [number], self.user) if number else ():
            self.add_error("number", problem)
        if number and "name" not in self.errors:
            data["name"] = data.get("name") or f"{self.vm.name.removesuffix(f'-{self.vm.number}')}-{number}"
            self._check_name(data["name"])
        self._check_rights()
        return data

    @property
    def obstacle(self) -> str:
        """Return why the VM cannot be copied now, as a text; "" if it can."""
        if reason := obstacle(self.vm):
            return reason
        for pool, volume in volumes(self._document):
            if not volume or own_name(volume, self.vm.name, "") == volume:
                disk = f"{pool}/{volume}" if volume else "that is no volume of a pool"
                return f"{self.vm} has a disk {disk}, which the portal did not create. Detach it first."
        return ""

    def _snapshots(self) -> Iterable[Snapshot]:
        return self.vm.snapshots.filter(kind=Kind.EXTERNAL).exclude(document="")

    @property
    def _document(self) -> str:
        """Return the definition whose disks the duplicate gets: the present one, or that of the chosen snapshot."""
        if name := getattr(self, "cleaned_data", {}).get("snapshot"):
            return self._snapshots().filter(name=name).values_list("document", flat=True).first() or ""
        return self.vm.status.definition

    def _obstacle_of_link(self) -> str:
        """Return why no linked clone can be made of the chosen snapshot now, as a text; "" if one can."""
        vm, name = self.vm, self.cleaned_data["snapshot"]
        if not vm.status.present:
            return f"libvirt has no VM {vm}."
        if not self._document:
            return str(Message("duplicate.no_snapshot", vm=vm.name, name=name))
        if SnapshotRequest.objects.filter(vm=vm, done_at=None).exists():
            return f"Another request about the snapshots of {vm} is in progress. Try again when it is done."
        if any(not volume or own_name(volume, vm.name, "") == volume for _, volume in volumes(self._document)):
            return str(Message("duplicate.later", name=name))
        then, now = ({disk.target for disk in disks(text)} for text in (self._document, vm.status.definition))
        return "" if then == now else str(Message("duplicate.other_disks", vm=vm.name, name=name))

    def _check_name(self, name: str) -> None:
        hypervisor = self.vm.hypervisor
        try:
            rules.validate_name(name)
            rules.validate_hostname(name)
        except ValidationError as problem:
            self.add_error("name", problem)
            return
        if there := VM.objects.on(hypervisor).filter(name=name).first():
            self.add_error("name", name_in_use(self.user, "a VM", there, hypervisor))
            return
        copy = VM(name=name, hypervisor=hypervisor, console_log=self.vm.console_log)
        own = [(pool, own_name(volume, self.vm.name, name)) for pool, volume in volumes(self._document)]
        places = [(hypervisor.pool, copy.seed_volume), *own]
        if left := Volume.objects.at(hypervisor, places).select_related("pool").first():
            self.add_error("name", str(Message("vm.volume_left", pool=left.pool.name, volume=left)))

    def _check_rights(self) -> None:
        """Refuse what the user may not have: the team, its pools, and what the NICs are attached to."""
        hypervisor = self.vm.hypervisor
        try:
            self.team = creating.team_for(self.user, hypervisor, pk=self.vm.team_id) if self.vm.team_id else None
            if self.team is None and not rights.is_operator(self.user, hypervisor):
                raise PermissionDenied(f"{self.vm} has no team. Ask an operator to hand it over to one.")
        except PermissionDenied as problem:
            self.add_error(None, str(problem))
            return
        granted = pools.Pools(self.user, self.team and self.team.pk, hypervisor)
        used = ["", *(pool for pool, _ in volumes(self._document))]
        reasons = [str(why) for pool in dict.fromkeys(used) if (why := granted.refusal(*filter(None, [pool])))]
        reasons += self.vm.reach_refused([], [nic.spec() for nic in self._originals()], self.user)
        for reason in dict.fromkeys(reasons):
            self.add_error(None, reason)

    def _originals(self) -> Iterable[NIC]:
        return self.vm.nics.filter(removed_at=None).order_by("position")

    def save(self, by: AbstractBaseUser | None) -> VM | None:
        """Save the duplicate, which a worker creates; return None, with errors, if something was just taken."""
        copy = self._copy(by)
        copy.make_host_key()  # before the lock, because it takes time
        with exclusive(self.vm.hypervisor):
            self.vm.lock()  # so that no request about its snapshots begins
            self.full_clean()
            if self.errors:
                return None
            try:
                with copy.kept_limits():
                    self._add(copy, by)
            except Exceeded as problem:
                self.add_error(None, str(problem))
                return None
            return copy

    def _copy(self, by: AbstractBaseUser | None) -> VM:
        data, vm = self.cleaned_data, self.vm
        same = (*PLAIN, "hypervisor", "image", "hardware")
        own = {"name": data["name"], "number": data["number"], "owner": by, "team": self.team}
        own |= {"copied_from": vm.uuid, "linked_to": data["snapshot"], "running": data["start"]}
        own["power_generation"] = int(data["start"])  # 0: no change of power is requested
        return VM(**{column: getattr(vm, column) for column in same}, **own)

    def _add(self, copy: VM, by: AbstractBaseUser | None) -> None:
        copy.save()
        NIC.objects.bulk_create(self._nics(copy))
        same = ("name", "size", "format", "bus", "pool", "cache", "discard")
        linked = {"format": "qcow2"} if copy.linked_to else {}
        further = [{column: getattr(disk, column) for column in same} for disk in self.vm.disks.filter(made=True)]
        Disk.objects.bulk_create(Disk(vm=copy, **values | linked) for values in further)
        record(copy, Event.DUPLICATED, by, about={"vm": self.vm.name})

    def _nics(self, copy: VM) -> Iterable[NIC]:
        """Yield the NICs with MACs of their own: the first on the access network gets that of the ID."""
        of_id = addressing.mac_of_id(copy.number)
        for position, nic in enumerate(self._originals()):
            is_access = (nic.kind, nic.source) == (NIC.Kind.NETWORK, copy.hypervisor.access_network)
            mac, of_id = (of_id, "") if is_access and of_id else (free_mac(), of_id)
            guest = replace(nic.guest_spec(), addresses=()).stored  # only one NIC can have an address
            new = NIC(vm=copy, position=position, mac=mac, guest=guest)
            new.follow(replace(nic.spec(), mac=mac))
            yield new
