"""What the URL of the address plan asks for: hypervisor, family, overlaps, and the size of the block to propose."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from django.http import QueryDict

from virterweb.pages.chips import OFFERED, Chip, Option, href

SIZES = {4: tuple(range(16, 30)), 6: (64,)}  # prefixes of the blocks to propose, by family
USUAL = {4: 24, 6: 64}
FAMILIES = {"4": "IPv4", "6": "IPv6"}


@dataclass(frozen=True, kw_only=True)
class Choices:
    """The choices of a query; what it says wrongly counts as not said."""

    query: QueryDict

    @cached_property
    def hypervisor(self) -> str:
        return self.query.get("hypervisor", "").replace("\0", "")

    @property
    def family(self) -> int | None:
        chosen = self.query.get("family", "")
        return int(chosen) if chosen in FAMILIES else None

    @property
    def overlaps(self) -> bool:
        return self.query.get("overlaps") == "yes"

    @property
    def whole(self) -> bool:
        """Return whether all rows are shown at once, for printing."""
        return self.query.get("page") == "all"

    @property
    def size(self) -> int:
        chosen = self.query.get("size", "")
        known = {str(size): size for size in SIZES[4]}
        return known.get(chosen, USUAL[4])

    def chips(self, hypervisors: Sequence[str], *, has_families: bool) -> list[Chip]:
        found = [self._chip("hypervisor", "Hypervisor", {name: name for name in hypervisors})]
        found.append(self._chip("family", "Family", FAMILIES if has_families else {}))
        return [chip for chip in found if chip.chosen or chip.more or len(chip.options) > 1]

    def _chip(self, key: str, title: str, values: dict[str, str]) -> Chip:
        chosen = self.hypervisor if key == "hypervisor" else str(self.family or "")
        options = tuple(Option(text=text, href=href(self.query, key, value)) for value, text in values.items())
        return Chip(
            key=key,
            title=title,
            chosen=chosen,
            text=values.get(chosen, chosen),
            clear=href(self.query, key, ""),
            options=options if len(options) <= OFFERED else (),
            more=len(options) if len(options) > OFFERED else 0,
        )

    @property
    def overlaps_href(self) -> str:
        return href(self.query, "overlaps", "" if self.overlaps else "yes")

    @property
    def kept(self) -> dict[str, str]:
        """Return the choices beside the size, for the form that chooses it."""
        return {key: self.query[key] for key in ("hypervisor", "family", "overlaps") if self.query.get(key)}
