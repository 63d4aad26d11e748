"""How many generated inputs a property test tries: a fifth, unless `THOROUGH` is set, as `script/test slow` does."""

import os
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")

FEWEST = 15


def examples(number: int) -> int:
    """Return how many of `number` examples are tried in this run."""
    return number if os.environ.get("THOROUGH") else min(number, max(FEWEST, number // 5))


def sample(items: Iterable[Item]) -> Iterator[Item]:
    """Return every fifth item, or all of them in a thorough run."""
    return islice(items, 0, None, 1 if os.environ.get("THOROUGH") else 5)
