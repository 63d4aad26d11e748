"""What of a network's document the grants of its team allow: blocks of addresses, and nothing that reaches the host."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from django.db.models import Q

from networks.definition import host_reach
from networks.definition.host_reach import Part, Reach
from virterweb.people.models import Grant


@dataclass(frozen=True)
class Granted:
    """The grants of a team on a hypervisor."""

    team: int | None
    hypervisor: int

    @cached_property
    def _grants(self) -> list[Grant]:
        here = Q(hypervisor=None) | Q(hypervisor=self.hypervisor)
        return list(Grant.objects.filter(here, team=self.team))

    @property
    def blocks(self) -> list[str]:
        """Return the blocks in which the team may have networks; without a team, private address space."""
        spaces = [block for grant in self._grants for block in grant.blocks.split()]
        return spaces if self.team else list(host_reach.PRIVATE)

    def refused(self, before: str, after: str) -> list[Part]:
        """Return the changes between two documents that are not allowed, each as a part of one of them."""
        changed = [part for part in host_reach.changed(before, after) if part.reach is not Reach.BLOCK]
        new = host_reach.blocks(after) - host_reach.blocks(before)
        parts = (Part(reach=Reach.BLOCK, place="ip", value=block) for block in sorted(new))
        return [*changed, *(part for part in parts if not self._has(part.value))]

    def _has(self, block: str) -> bool:
        return host_reach.lies_in(block, self.blocks)

    def reason(self, part: Part) -> str:
        """Return why a part is refused, in a sentence."""
        if part.reach is not Reach.BLOCK:
            return host_reach.WORDS[part.reach]
        if self.blocks == list(host_reach.PRIVATE):
            return host_reach.WORDS[Reach.BLOCK]
        return f"Only operators may use blocks outside {', '.join(self.blocks)}."

    def reasons(self, parts: Iterable[Part]) -> list[str]:
        """Return why parts are refused, each with its place and value."""
        return [f"{self.reason(part)} ({part.place}: {part.value})" for part in parts]
