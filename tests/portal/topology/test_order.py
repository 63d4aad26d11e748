"""The order of the topology: NICs are near the heads of their VMs, and what is connected stands together."""

import random

from hypothesis import given
from hypothesis import strategies as st

from virterweb.portal.topology.graph import Column, Dot, Graph, Line, grouped
from virterweb.portal.topology.layout import drawn
from virterweb.portal.topology.order import _length, ordered


def line(name: str, hypervisor: str = "lab") -> Line:
    return Line(key=name, name=name, hypervisor=hypervisor)


def column(name: str, *lines: str, hypervisor: str = "lab", state: str = "running") -> Column:
    dots = tuple(Dot(line=each, on=each, facts="") for each in lines)
    return Column(key=name, name=name, hypervisor=hypervisor, dots=dots, state=state)


NAMES = [f"net{number}" for number in range(8)]


def any_graph(seed: int) -> Graph:
    chance = random.Random(seed)
    vms = [chance.sample(NAMES, chance.randrange(5)) for _ in range(chance.randrange(16))]
    columns = tuple(column(f"vm{number}", *nics) for number, nics in enumerate(vms))
    return Graph(lines=tuple(map(line, NAMES)), columns=columns)


GRAPHS = st.integers(min_value=0, max_value=2**32).map(any_graph)


@given(GRAPHS)
def test_nothing_is_lost_or_doubled(graph):
    found = ordered(graph)
    assert sorted(each.key for each in found.lines) == sorted(each.key for each in graph.lines)
    assert sorted(each.key for each in found.columns) == sorted(each.key for each in graph.columns)


@given(GRAPHS)
def test_strokes_are_never_longer_than_in_natural_order(graph):
    found = ordered(graph)
    assert _length(found.lines, found.columns) <= _length(graph.lines, graph.columns)


@given(GRAPHS)
def test_the_same_graph_is_drawn_the_same(graph):
    assert drawn(ordered(graph)) == drawn(ordered(graph))


def test_vms_on_the_same_networks_stand_together():
    vms = [column(f"vm{number}", "net0" if number % 2 else "net1") for number in range(10)]
    found = ordered(Graph(lines=(line("net0"), line("net1"), line("unused")), columns=tuple(vms)))
    names = [each.dots[0].line for each in found.columns]
    assert names in (["net0"] * 5 + ["net1"] * 5, ["net1"] * 5 + ["net0"] * 5)
    assert found.lines[-1].name == "unused"


def test_hypervisors_stay_apart():
    graph = Graph(
        lines=(line("a1", "a"), line("b1", "b"), line("a2", "a")),
        columns=(column("vb", "b1", hypervisor="b"), column("va", "a2", hypervisor="a")),
    )
    found = ordered(graph)
    assert [each.hypervisor for each in found.lines] == ["a", "a", "b"]
    assert [each.hypervisor for each in found.columns] == ["a", "b"]


def test_many_vms_on_the_same_networks_become_one_column():
    vms = [column(f"vm{number}", "net0", "net1") for number in range(30)] + [column("off", "net0", state="off")]
    first, other = grouped(vms)
    assert (first.name, len(first.names), len(first.dots)) == ("vm0 + 29", 30, 2)
    assert (other.name, other.names) == ("off", ())


def test_all_dots_are_on_their_lines_inside_the_picture():
    graph = Graph(lines=tuple(map(line, NAMES)), columns=tuple(column(f"v{n}", *NAMES[: n % 8]) for n in range(40)))
    drawing = drawn(ordered(graph))
    heights = {each.line.key: each.y for each in drawing.lines}
    for each in drawing.columns:
        assert 0 < each.x < drawing.width
        for dot in each.dots:
            assert dot.y == heights[dot.dot.line] < drawing.height
