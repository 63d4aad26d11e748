"""The topology as Mermaid, DOT and draw.io: names are only names there, whatever they contain."""

import re

import pytest
from lxml import etree

from virterweb.portal.topology.graph import Column, Dot, Graph, Line
from virterweb.portal.topology.texts import dot, drawio, mermaid

HOSTILE = ['a"b', "a]b", "<script>", "a\\", 'a\\"', "a;b", "a#b", "a&b", "end", "a\nb", "ä", "%%{init}%%"]


def graph(name: str) -> Graph:
    nics = (Dot(line="n", on=name, facts=""), Dot(line="n", on=name, facts="", down=True))
    vm = Column(key="v", name=name, hypervisor="lab", state="running", dots=nics)
    return Graph(lines=(Line(key="n", name=name, hypervisor="lab", note="10.0.0.1/24"),), columns=(vm,))


def test_mermaid_has_a_node_for_each_and_a_link_for_each_nic():
    assert mermaid(graph("net1")) == (
        'flowchart TB\n  n0["net1<br/>10.0.0.1/24"]\n  v0(["net1<br/>running"])\n  v0 --- n0\n  v0 -.- n0\n'
    )


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_stays_within_its_node_of_mermaid(name):
    for row in mermaid(graph(name)).splitlines()[1:3]:
        assert re.fullmatch(r'  \w+(\["|\(\[")[\w .\-/:,+#;]+<br/>[\w .\-/:,+#;]+("\]|"\]\))', row)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_stays_within_its_quotes_in_dot(name):
    text = dot(graph(name))
    assert text.count("\n") == 7
    for row in text.splitlines()[2:4]:
        assert re.fullmatch(r'  \w+ \[label="(?:[^"\\]|\\.)*"(, shape=plain)?\];', row)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_the_text_of_a_shape_in_drawio(name):
    found = etree.fromstring(drawio(graph(name)))
    values = [cell.get("value") for cell in found.iter("mxCell") if cell.get("vertex")]
    assert values[1] == name
    links = [cell for cell in found.iter("mxCell") if cell.get("edge")]
    assert [(link.get("source"), link.get("target")) for link in links] == [("v0", "n0")] * 2
    assert ["dashed=1" in link.get("style") for link in links] == [False, True]


def test_an_empty_topology_is_a_valid_file():
    empty = Graph(lines=(), columns=())
    assert mermaid(empty) == "flowchart TB\n"
    assert dot(empty).endswith("}\n")
    assert etree.fromstring(drawio(empty)).tag == "mxGraphModel"
