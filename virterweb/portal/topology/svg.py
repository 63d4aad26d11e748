"""The picture as SVG. Attributes give the colours of the file, `topology.css` those of the page. Pure."""

from lxml import etree

from .graph import Column, Line
from .layout import HEAD, RISE, TOP, Drawing, PlacedColumn, PlacedDot, PlacedLine

STROKE, SOFT, ACCENT, PAPER = "#8a93a0", "#5d6672", "#4a6fd4", "#fff"
NAME, NOTE, EDGE, ACROSS, STATE, UPRIGHT = 24, 28, 22, 12, 13, 17  # characters that have room
NAMED = 30  # VMs of a column whose names are told


def svg(drawing: Drawing) -> str:
    """Return the picture as an element that is a file as well as a part of a page."""
    size = {"width": str(drawing.width), "height": str(drawing.height)}
    what = f"Topology: {len(drawing.lines)} networks, {len(drawing.columns)} columns of VMs"
    root = _element(
        None, "svg", xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {drawing.width} {drawing.height}", **size
    )
    root.attrib.update({"class": "topology", "role": "group", "aria-label": what})
    root.attrib.update({"font-family": "system-ui, sans-serif", "font-size": "12"})
    for line in drawing.lines:
        _line(root, line)
    for column in drawing.columns:
        _column(root, column, drawing.upright)
    return etree.tostring(root, encoding="unicode")


def _line(root: etree._Element, placed: PlacedLine) -> None:
    line = placed.line
    link = _link(root, f"bus {line.tone}", line.url, ", ".join(filter(None, _facts(line))))
    link.set("data-find", f"{line.name} {line.note}")
    path = _element(link, "path", d=f"M{placed.x1} {placed.y}H{placed.x2}", stroke=STROKE, fill="none")
    path.set("stroke-width", "3")
    _text(link, line.name, NAME, 10, placed.y - 2).attrib.update({"class": "name", "font-weight": "600"})
    _note(link, line.note or line.state, NOTE, 10, placed.y + 13)
    _note(link, line.edge, EDGE, placed.x2 + 8, placed.y + 4)


def _facts(line: Line) -> tuple[str, ...]:
    return line.name, line.state, line.note, line.edge


def _column(root: etree._Element, placed: PlacedColumn, upright: bool) -> None:
    column, head = placed.column, RISE if upright else HEAD
    group = _element(root, "g", **{"class": f"vm {column.tone}", "data-find": " ".join((column.name, *column.names))})
    link = _link(group, "", column.url, _who(column))
    if upright:
        _box(link, placed.x - 10, 20, head)
        turned = f"rotate(-90 {placed.x + 4} {head + 8})"
        _text(link, column.name, UPRIGHT, placed.x + 4, head + 8).set("transform", turned)
    else:
        _box(link, placed.x - 41, 82, head)
        _text(link, column.name, ACROSS, placed.x, TOP + 18).set("text-anchor", "middle")
        _note(link, column.state, STATE, placed.x, TOP + 32).set("text-anchor", "middle")
    if placed.dots:
        path = _element(group, "path", d=f"M{placed.x} {TOP + head}V{placed.y2}", stroke=ACCENT, fill="none")
        path.set("stroke-width", "1.5")
    for dot in placed.dots:
        _dot(group, column, dot)


def _who(column: Column) -> str:
    more = f" and {len(column.names) - NAMED} more" if len(column.names) > NAMED else ""
    names = f": {', '.join(column.names[:NAMED])}{more}" if column.names else ""
    return f"{column.name}, {column.state}{names}"


def _dot(group: etree._Element, column: Column, placed: PlacedDot) -> None:
    dot = placed.dot
    link = _link(group, "nic down" if dot.down else "nic", dot.url, f"{column.name}: {dot.facts}")
    circle = _element(link, "circle", cx=str(placed.x), cy=str(placed.y), r=str(placed.radius), stroke=ACCENT)
    circle.attrib.update({"fill": PAPER if dot.down else ACCENT, "stroke-width": "2"})


def _box(parent: etree._Element, x: int, width: int, height: int) -> None:
    size = {"x": str(x), "y": str(TOP), "width": str(width), "height": str(height)}
    _element(parent, "rect", **size, rx="5", fill=PAPER, stroke=STROKE)


def _link(parent: etree._Element, kind: str, url: str, title: str) -> etree._Element:
    values = {"class": kind, "href": url}
    link = _element(parent, "a", **{name: value for name, value in values.items() if value})
    _element(link, "title").text = title
    return link


def _note(parent: etree._Element, text: str, room: int, x: int, y: int) -> etree._Element:
    note = _text(parent, text, room, x, y)
    note.attrib.update({"class": "note", "font-size": "11", "fill": SOFT})
    return note


def _text(parent: etree._Element, text: str, room: int, x: int, y: int) -> etree._Element:
    element = _element(parent, "text", x=str(x), y=str(y))
    element.text = text if len(text) <= room else f"{text[: room - 1]}…"
    return element


def _element(parent: etree._Element | None, name: str, **values: str) -> etree._Element:
    return etree.Element(name, values) if parent is None else etree.SubElement(parent, name, values)
