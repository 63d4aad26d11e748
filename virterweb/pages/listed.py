"""Lists of names in messages."""

from collections.abc import Sequence


def listed(names: Sequence[str], most: int) -> str:
    """Return the first names of a list, and how many more there are: "a, b and 3 more"."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
