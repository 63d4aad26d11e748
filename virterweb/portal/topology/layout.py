"""Where everything is drawn, in pixels. Pure."""

from dataclasses import dataclass
from math import log10

from .graph import Column, Dot, Graph, Line

GUTTER = 190  # left of the lines, for their names
EDGE = 150  # right of them, for their bridges
PITCH = 58  # between two lines
HEAD = 40  # the height of a VM's box
TOP = 14
WIDE, NARROW = 92, 26  # the width of a column, with its name written across or upwards
MOST_WIDE = 14  # columns whose names are written across
RISE = 120  # the height of names that are written upwards
LEAST, MOST = 4.5, 9.0  # the radius of a dot
FAINT = 3  # decades of bytes a second that make no dot larger


@dataclass(frozen=True, kw_only=True)
class PlacedLine:
    line: Line
    y: int
    x1: int
    x2: int


@dataclass(frozen=True, kw_only=True)
class PlacedDot:
    dot: Dot
    x: int
    y: int
    radius: float


@dataclass(frozen=True, kw_only=True)
class PlacedColumn:
    column: Column
    x: int
    y2: int
    dots: tuple[PlacedDot, ...]


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """A topology as it is drawn; `upright` says whether the names of VMs are written upwards."""

    width: int
    height: int
    upright: bool
    lines: tuple[PlacedLine, ...]
    columns: tuple[PlacedColumn, ...]

    @property
    def head(self) -> int:
        """Return the height of the heads of the columns."""
        return RISE if self.upright else HEAD


def drawn(graph: Graph) -> Drawing:
    """Return the places of all lines, columns and dots."""
    upright = len(graph.columns) > MOST_WIDE
    step, top = (NARROW, TOP + RISE) if upright else (WIDE, TOP + HEAD)
    right = GUTTER + max(len(graph.columns), 4) * step
    height = {line.key: top + PITCH * (number + 1) - 16 for number, line in enumerate(graph.lines)}
    columns = tuple(
        _column(column, GUTTER + step * number + step // 2, top, height) for number, column in enumerate(graph.columns)
    )
    return Drawing(
        width=right + EDGE,
        height=top + PITCH * len(graph.lines) + 24,
        upright=upright,
        lines=tuple(PlacedLine(line=line, y=height[line.key], x1=GUTTER - 10, x2=right) for line in graph.lines),
        columns=columns,
    )


def _column(column: Column, x: int, top: int, height: dict[str, int]) -> PlacedColumn:
    beside: dict[str, int] = {}
    dots = []
    for dot in column.dots:
        number = beside[dot.line] = beside.get(dot.line, -1) + 1  # several NICs on one network stand side by side
        dots.append(PlacedDot(dot=dot, x=x + 8 * number, y=height[dot.line], radius=_radius(dot.rate)))
    return PlacedColumn(column=column, x=x, y2=max((dot.y for dot in dots), default=top), dots=tuple(dots))


def _radius(rate: float) -> float:
    decades = log10(rate) - FAINT if rate > 0 else 0
    return round(min(MOST, LEAST + max(0, decades)), 1)
