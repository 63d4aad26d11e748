"""The topology as text for other programs: Mermaid, DOT of Graphviz, and draw.io. Pure.

Documents: https://mermaid.js.org/syntax/flowchart.html, https://graphviz.org/doc/info/lang.html and
https://www.drawio.com/doc/faq/diagram-source-edit.
"""

import re
from collections.abc import Iterator

from lxml import etree

from .graph import Dot, Graph
from .layout import HEAD, WIDE, drawn

SPECIAL = re.compile(r"[^\w .\-/:,+]")
NETWORK = "shape=line;html=0;strokeWidth=3;labelPosition=left;align=right;verticalAlign=middle;"
VM = "rounded=1;whiteSpace=wrap;html=0;"
NIC = "endArrow=oval;html=0;"


def mermaid(graph: Graph) -> str:
    """Return a flowchart in Mermaid."""
    known = _numbers(graph)
    rows = ["flowchart TB"]
    rows += [f'  {known[line.key]}["{_plain(_two(line.name, line.note), "<br/>")}"]' for line in graph.lines]
    rows += [f'  {known[each.key]}(["{_plain(_two(each.name, each.state), "<br/>")}"])' for each in graph.columns]
    for column, dot in _links(graph):
        rows.append(f"  {known[column]} {'-.-' if dot.down else '---'} {known[dot.line]}")
    return "\n".join(rows) + "\n"


def dot(graph: Graph) -> str:
    """Return an undirected graph in DOT."""
    known = _numbers(graph)
    rows = ["graph topology {", "  node [shape=box];"]
    rows += [
        f'  {known[line.key]} [label="{_quoted(_two(line.name, line.note))}", shape=plain];' for line in graph.lines
    ]
    rows += [f'  {known[each.key]} [label="{_quoted(_two(each.name, each.state))}"];' for each in graph.columns]
    for column, nic in _links(graph):
        rows.append(f"  {known[column]} -- {known[nic.line]}{' [style=dashed]' if nic.down else ''};")
    return "\n".join([*rows, "}"]) + "\n"


def drawio(graph: Graph) -> str:
    """Return a file of draw.io, with everything where the portal draws it."""
    known, drawing = _numbers(graph), drawn(graph)
    model = etree.Element("mxGraphModel")
    root = etree.SubElement(model, "root")
    etree.SubElement(root, "mxCell", id="0")
    etree.SubElement(root, "mxCell", id="1", parent="0")
    for placed in drawing.lines:
        cell = _cell(root, known[placed.line.key], ", ".join(_two(placed.line.name, placed.line.note)), NETWORK)
        _geometry(cell, placed.x1, placed.y, placed.x2 - placed.x1, 1)
    for number, column in enumerate(graph.columns):
        cell = _cell(root, known[column.key], column.name, VM)
        _geometry(cell, drawing.lines[0].x1 + number * WIDE if drawing.lines else number * WIDE, 0, WIDE - 16, HEAD)
    for number, (column, nic) in enumerate(_links(graph)):
        style = f"{NIC}{'dashed=1;' if nic.down else ''}"
        link = {"id": f"e{number}", "edge": "1", "parent": "1", "source": known[column], "target": known[nic.line]}
        cell = etree.SubElement(root, "mxCell", value="", style=style, **link)
        etree.SubElement(cell, "mxGeometry", {"relative": "1", "as": "geometry"})
    return etree.tostring(model, pretty_print=True, encoding="unicode")


def _numbers(graph: Graph) -> dict[str, str]:
    """Return a short name for each line and column, which every format takes."""
    lines = {line.key: f"n{number}" for number, line in enumerate(graph.lines)}
    return lines | {column.key: f"v{number}" for number, column in enumerate(graph.columns)}


def _links(graph: Graph) -> Iterator[tuple[str, Dot]]:
    return ((column.key, nic) for column in graph.columns for nic in column.dots)


def _two(*parts: str) -> tuple[str, ...]:
    return tuple(part for part in parts if part)


def _plain(parts: tuple[str, ...], between: str) -> str:
    """Return texts without what Mermaid or HTML would read: such characters as their numbers."""
    return between.join(SPECIAL.sub(lambda found: f"#{ord(found[0])};", part) for part in parts)


def _quoted(parts: tuple[str, ...]) -> str:
    return r"\n".join(part.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") for part in parts)


def _cell(root: etree._Element, key: str, text: str, style: str) -> etree._Element:
    return etree.SubElement(root, "mxCell", id=key, value=text, style=style, vertex="1", parent="1")


def _geometry(cell: etree._Element, x: int, y: int, width: int, height: int) -> None:
    values = {"x": str(x), "y": str(y), "width": str(width), "height": str(height), "as": "geometry"}
    etree.SubElement(cell, "mxGeometry", values)
