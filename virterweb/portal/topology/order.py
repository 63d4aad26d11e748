"""The order of lines and columns in which NICs are near the heads of their VMs and networks are short. Pure.

Lines and columns are sorted in turns by the mean place of what they cross (the barycentre heuristic of Sugiyama,
Tagawa and Toda, 1981). The result depends on the graph alone: what is equal stays in natural order.
"""

from collections.abc import Sequence
from statistics import fmean

from .graph import Column, Graph, Line

ROUNDS = 8


def ordered(graph: Graph) -> Graph:
    """Return the graph in a better order, hypervisor by hypervisor, given in natural order."""
    lines: list[Line] = []
    columns: list[Column] = []
    for hypervisor in dict.fromkeys(each.hypervisor for each in (*graph.lines, *graph.columns)):
        found = _of_one(
            [line for line in graph.lines if line.hypervisor == hypervisor],
            [column for column in graph.columns if column.hypervisor == hypervisor],
        )
        lines += found[0]
        columns += found[1]
    return Graph(lines=tuple(lines), columns=tuple(columns))


def _of_one(lines: Sequence[Line], columns: Sequence[Column]) -> tuple[Sequence[Line], Sequence[Column]]:
    best = _length(lines, columns), lines, columns
    for _ in range(ROUNDS):
        place = {line.key: number for number, line in enumerate(lines)}
        columns = _by_mean(columns, {each.key: [place[line] for line in each.lines] for each in columns})
        lines = _by_mean(lines, _crossed(columns))
        if (length := _length(lines, columns)) < best[0]:
            best = length, lines, columns
    return best[1:]


def _crossed(columns: Sequence[Column]) -> dict[str, list[int]]:
    """Return the places of the columns that cross each line."""
    found: dict[str, list[int]] = {}
    for place, column in enumerate(columns):
        for line in column.lines:
            found.setdefault(line, []).append(place)
    return found


def _by_mean(things: Sequence, places: dict[str, list[int]]) -> list:
    """Sort by the mean of the places; what crosses nothing comes last."""
    return sorted(things, key=lambda each: fmean(found) if (found := places.get(each.key)) else len(places) * 1000)


def _length(lines: Sequence[Line], columns: Sequence[Column]) -> int:
    """Return how long all strokes are together, in places."""
    place = {line.key: number for number, line in enumerate(lines)}
    down = sum(max(place[line] for line in column.lines) + 1 for column in columns if column.lines)
    across = sum(found[-1] - found[0] for found in _crossed(columns).values())
    return down + across
