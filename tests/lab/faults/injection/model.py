"""The expected networks and VMs, by the answers to changes, and those that the database has."""

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

from .browser import Answer


@dataclass(frozen=True, kw_only=True)
class NetworkModel:
    """A network as it is desired, with the number of entries of its history."""

    block: str
    title: str = ""
    domain: str = ""
    hosts: frozenset[tuple[str, str]] = frozenset()
    changes: int = 1


@dataclass(frozen=True, kw_only=True)
class VMModel:
    """A VM as it is desired; NICs are MAC → network and whether the link is up."""

    number: int
    running: bool = True
    nics: frozenset[tuple[str, str, bool]] = frozenset()
    changes: int = 1


Thing = NetworkModel | VMModel
Things = dict[str, Thing]

SAVED = """[
    {n.name: [f"{n.spec.subnets[0].address}/{n.spec.subnets[0].prefix}", n.spec.title, n.spec.domain,
              [[h.mac, h.ip] for h in n.hosts.filter(removed_at=None)], n.revisions.count()]
     for n in Network.objects.filter(managed=True, removed_at=None)},
    {v.name: [v.number, v.running, [[n.mac, n.source, n.spec().link_up] for n in v.nics.filter(removed_at=None)],
              v.revisions.count()]
     for v in VM.objects.filter(managed=True, removed_at=None)},
]"""


def saved(ask: Callable[[str], object]) -> Things:
    """Return what the database has."""
    networks, vms = ask(SAVED)
    found: Things = {}
    for name, (block, title, domain, hosts, changes) in networks.items():
        values = {"block": block, "title": title or "", "domain": domain or ""}
        found[name] = NetworkModel(**values, hosts=frozenset(map(tuple, hosts)), changes=changes)
        assert len(hosts) == len(found[name].hosts), f"{name} has a reservation twice: {hosts}"
    for name, (number, running, nics, changes) in vms.items():
        found[name] = VMModel(number=number, running=running, nics=frozenset(map(tuple, nics)), changes=changes)
        assert len(nics) == len(found[name].nics), f"{name} has a NIC twice: {nics}"
    return found


@dataclass
class Model:
    """The expected networks and VMs, and how many changes were accepted, refused, or not answered."""

    things: Things
    find: Callable[[], Things]
    """Returns what the database has, when no request can be in progress any more."""
    accepted: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    unknown: list[tuple[str, bool]] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def note(self, verb: str, name: str, after: Thing | None, answer: Answer) -> bool:
        """Note how a change of one thing to `after` (None: it is deleted) was answered; return whether it was made."""
        before = self.things.get(name)
        made = answer is Answer.ACCEPTED
        if answer is Answer.UNKNOWN:
            found = self.find().get(name)
            assert found in (before, after), f"{verb} {name}: neither made nor not made: {found}, {before} → {after}"
            made = found == after
        with self.lock:
            if answer is Answer.UNKNOWN:
                self.unknown.append((verb, made))
            elif made:
                self.accepted += 1
            else:
                self.refused[verb] = self.refused.get(verb, 0) + 1
            if made and after is None:
                del self.things[name]
            elif made:
                self.things[name] = after
        return made
