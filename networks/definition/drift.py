"""Differences between libvirt and a saved definition, by field, with the value of each side. Pure."""

from dataclasses import asdict, dataclass

from . import wording

#: A network that libvirt no longer has, and one that was recreated outside with another UUID.
GONE, RECREATED = {"code": "gone"}, {"code": "recreated"}


@dataclass(frozen=True, kw_only=True)
class Drift:
    """One field of which the saved definition, libvirt's stored one and the running network are not all the same.

    `field` is path and block; the paths @active, @autostart and @persistent, whose values are yes and no, stand for
    what is no part of a definition. "" is a side that has none of it; `running` is None where nothing runs. `listed`
    is one entry of a list.
    """

    field: tuple[str, str]
    saved: str
    stored: str
    running: str | None = None
    listed: bool = False

    @property
    def code(self) -> dict[str, object]:
        """Return it as a status stores it."""
        return {**asdict(self), "field": list(self.field)}

    @property
    def title(self) -> str:
        return wording.title(*self.field)

    def __str__(self) -> str:
        return wording.drift(self.code)
