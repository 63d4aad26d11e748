"""Plans to rebuild a hypervisor from the database: the networks and VMs that libvirt lacks, as the last poll found."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from posixpath import dirname

from django.contrib.auth.base_user import AbstractBaseUser

from networks.definition.events import Event
from networks.models import Network
from virterweb.hypervisors.models import Hypervisor, ReadingProblem
from virterweb.messages import Message
from vms.definition import domain as domain_xml
from vms.models import VM, Volume
from vms.models.document import saved_document

from . import wording as _wording  # noqa: F401, adds the texts of the messages


@dataclass(frozen=True, kw_only=True)
class Step:
    """An object that libvirt lacks, or a network that is not active; one with a `problem` is skipped."""

    desired: Network | VM
    defines: bool = True
    starts: bool = False
    problem: Message = field(default_factory=Message)

    @property
    def is_possible(self) -> bool:
        return not self.problem


@dataclass(frozen=True, kw_only=True)
class Volumes:
    """The volumes of a hypervisor's pool, as last read; `problem` says why they are unknown."""

    pool: str
    names: frozenset[str]
    backing: dict[str, str]  # by path
    problem: Message

    @classmethod
    def of(cls, hypervisor: Hypervisor) -> "Volumes":
        found = list(Volume.objects.of_images(hypervisor))
        unread = hypervisor.reading_problems.filter(kind=ReadingProblem.Kind.POOL, within=hypervisor.pool).first()
        reason = Message("rebuild.pool", pool=hypervisor.pool, reason=unread.reason) if unread else Message()
        names, backing = frozenset(each.name for each in found), {each.path: each.backing for each in found}
        return cls(pool=hypervisor.pool, names=names, backing=backing, problem=reason)

    def missing(self, disks: Iterable[domain_xml.FoundDisk]) -> Iterator[str]:
        """Yield the disks and layers that are missing in the pool; other pools and folders are not checked."""
        for disk in disks:
            path = disk.source
            if disk.volume:
                if disk.pool != self.pool:
                    continue
                if disk.volume not in self.names:
                    yield disk.source
                    continue
                path = next((path for path in self.backing if path.endswith(f"/{disk.volume}")), "")
            yield from self._beneath(path)

    def _beneath(self, path: str) -> Iterator[str]:
        """Yield the first missing file of a path and its chain of backing files."""
        folders, seen = {dirname(each) for each in self.backing}, set()
        while path and path not in seen:
            if path not in self.backing:
                if dirname(path) in folders:
                    yield path
                return
            seen.add(path)
            path = self.backing[path]


def plan(hypervisor: Hypervisor, *, start: bool) -> list[Step]:
    """Return the steps to define and start what is missing, networks first; VMs are started only with `start`.

    Objects that libvirt has never had are not in the plan: workers create them without it.
    """
    return [*_networks(hypervisor), *_vms(hypervisor, start)]


def _networks(hypervisor: Hypervisor) -> Iterator[Step]:
    made = Network.objects.on(hypervisor).filter(managed=True, removed_at=None, status__made_at__isnull=False)
    for network in made.select_related("hypervisor__status", "status"):
        if not network.status.present:
            other = Message("rebuild.other_network", network=network) if network.namesake else Message()
            yield Step(desired=network, starts=network.active, problem=other)
        elif network.active and not network.status.active:
            yield Step(desired=network, defines=False, starts=True)


def _vms(hypervisor: Hypervisor, start: bool) -> Iterator[Step]:
    made = VM.objects.on(hypervisor).filter(managed=True, removed_at=None, status__made_at__isnull=False)
    gone = list(made.filter(status__present=False).select_related("hypervisor__status", "image", "status"))
    volumes = Volumes.of(hypervisor) if gone else None
    for vm in gone:
        yield Step(desired=vm, starts=start and vm.running, problem=_problem(vm, volumes))


def _problem(vm: VM, volumes: Volumes) -> Message:
    """Return why a VM cannot be defined; an empty message if it can."""
    if vm.namesake:
        return Message("rebuild.other_vm", vm=vm)
    if volumes.problem:
        return volumes.problem
    document = saved_document(vm, vm.nics.filter(removed_at=None))
    missing = list(dict.fromkeys(volumes.missing(domain_xml.parse(document).disks)))
    return Message("rebuild.volumes", volumes=missing) if missing else Message()


def carry_out(step: Step, by: AbstractBaseUser | None) -> None:
    """Request that a worker carries out a step, unless libvirt has the object again since the plan was made.

    Otherwise changes that were made outside the portal, and that the plan does not name, would be reverted.
    """
    step.desired.lock()
    if step.defines and type(step.desired).objects.filter(pk=step.desired.pk, status__present=True).exists():
        return
    if isinstance(step.desired, VM):
        step.desired.revert(by, start=step.starts)
    elif step.defines:
        step.desired.change(Event.REVERTED, by, overwrite=True)
    else:
        step.desired.change(Event.STARTED, by, requested=("active",))
