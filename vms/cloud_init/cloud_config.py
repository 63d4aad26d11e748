"""Checks the YAML of cloud-config and finds the lines of its values. Pure: neither ORM nor libvirt.

Checking takes little time for any input: aliases are counted before they are followed.
"""

from collections.abc import Iterator

import yaml

Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
NO_BREAK = "\N{NO-BREAK SPACE}"
MAX_DEPTH = 100  # nested collections: libyaml's time grows with the square of the depth
MAX_VALUES = 100_000  # with aliases expanded
# Raised by PyYAML for a value that does not match its tag, such as `!!timestamp x`.
NO_VALUE = (AttributeError, KeyError, OverflowError, TypeError, ValueError)


def errors(text: str, top: type[yaml.NodeEvent] = yaml.MappingStartEvent) -> Iterator[str]:
    """Yield why the text is not cloud-config, one sentence each with its line; `top` is the required kind of node."""
    found = False
    for error in _errors(text, top):
        found = True
        yield error
    if not found:
        yield from _of_values(text)


def nodes(text: str) -> yaml.MappingNode | None:
    """Return the document's node with lines, None if it is empty. The text must have no errors."""
    return yaml.compose(text, Loader=Loader)


def values(text: str) -> object:
    """Return the document's values. The text must have no errors."""
    return yaml.load(text, Loader=Loader)


def children(node: yaml.Node) -> list[tuple[str | int, int, yaml.Node]]:
    """Return the keys or indexes of a collection, with their lines and values."""
    if isinstance(node, yaml.MappingNode):
        return [(str(key.value), key.start_mark.line + 1, value) for key, value in node.value]
    if isinstance(node, yaml.SequenceNode):
        return [(index, value.start_mark.line + 1, value) for index, value in enumerate(node.value)]
    return []


def line_of(root: yaml.Node, path: tuple[str | int, ...]) -> int:
    """Return the line of the value at a path of keys and indexes, or of its nearest parent."""
    line, node = root.start_mark.line + 1, root
    for step in path:
        for key, at, value in children(node):
            if str(key) == str(step):
                line, node = at, value
    return line


def doubles(root: yaml.Node) -> Iterator[tuple[str, int, int]]:
    """Yield keys that a mapping has twice, with the lines of the one that is lost and of the one that counts."""
    seen, waiting = set(), [root]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:  # an alias of a node that was visited
            continue
        seen.add(id(node))
        lines: dict[str, int] = {}
        for key, line, child in children(node):
            if isinstance(node, yaml.MappingNode) and key in lines and key != "<<":
                yield key, lines[key], line
            lines[str(key)] = line
            waiting.append(child)


def _errors(text: str, top: type[yaml.NodeEvent]) -> Iterator[str]:
    """Yield the errors that the events show, so that aliases are not followed."""
    documents, sizes = 0, _Sizes()
    try:
        for event in yaml.parse(text, Loader=Loader):
            line = event.start_mark.line + 1
            documents += isinstance(event, yaml.DocumentStartEvent)
            if documents == 2:
                yield f"Line {line} begins a second document; cloud-init accepts only one."
                return
            if isinstance(event, yaml.NodeEvent) and not sizes.around and not isinstance(event, top):
                yield f"Line {line} is not a {_KINDS[top]}. cloud-config consists of lines like “package_update: true”."
                return
            if words := sizes.take(event):
                yield f"Line {line}{words}."
                return
    except yaml.MarkedYAMLError as wrong:
        yield _place(text, wrong)
    except yaml.reader.ReaderError as wrong:
        line = text[: wrong.position].count("\n") + 1
        yield f"Line {line} has a character that YAML does not allow: {_code(wrong.character)}."


class _Sizes:
    """Counts the values of a document with aliases expanded."""

    def __init__(self) -> None:
        self.count = 0
        self.around: list[tuple[str | None, int]] = []  # open collections: their anchors, and the count before them
        self.known: dict[str, int] = {}  # closed anchors: the number of their values
        self.begun: set[str] = set()

    def take(self, event: yaml.Event) -> str:
        """Count one more event; return its problem, which follows “Line N”, or "" without one."""
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event.anchor)
        if isinstance(event, yaml.ScalarEvent):
            self.count += 1
            self._end(event.anchor, self.count - 1)
        elif isinstance(event, yaml.CollectionStartEvent):
            self.begun.add(event.anchor)
            self.known.pop(event.anchor, None)  # the anchor is redefined
            self.around.append((event.anchor, self.count))
            self.count += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            self._end(*self.around.pop())
        return " is nested too deeply" if len(self.around) > MAX_DEPTH else ""

    def _end(self, anchor: str | None, before: int) -> None:
        if anchor:
            self.known[anchor] = self.count - before

    def _alias(self, anchor: str) -> str:
        if anchor not in self.known:
            within = anchor in self.begun
            return f": the alias *{anchor} is inside its own anchor" if within else f": no anchor is named {anchor}"
        self.count += self.known[anchor]
        return f": the aliases up to here stand for more than {MAX_VALUES:,} values" if self.count > MAX_VALUES else ""


_KINDS = {yaml.MappingStartEvent: "mapping", yaml.SequenceStartEvent: "list"}


def _of_values(text: str) -> Iterator[str]:
    """Yield errors of single values: unknown tags, invalid keys, invalid dates."""
    try:
        values(text)
    except yaml.MarkedYAMLError as wrong:
        yield _place(text, wrong)
    except NO_VALUE as wrong:
        yield f"YAML cannot read one of its values: {wrong}."


def _code(character: str | int) -> str:
    return f"U+{ord(character) if isinstance(character, str) else character:04X}"


def _place(text: str, wrong: yaml.MarkedYAMLError) -> str:
    mark = wrong.problem_mark or wrong.context_mark
    lines = text.splitlines()
    for number in (mark.line, mark.line - 1):  # libyaml may report the following line
        line = lines[number] if 0 <= number < len(lines) else ""
        if "\t" in line[: len(line) - len(line.lstrip())]:
            return f"Line {number + 1} is indented with a tab. YAML allows only spaces."
    for number, line in enumerate(lines[: mark.line + 1], 1):
        if NO_BREAK in line[: len(line) - len(line.lstrip(f" -{NO_BREAK}"))]:
            return f"Line {number} begins with no-break spaces, often from a web page. YAML allows only plain spaces."
    if "{{" in (lines[mark.line] if mark.line < len(lines) else ""):
        return f"Line {mark.line + 1} has {{{{ … }}}}. Quote the value, or begin the text with “## template: jinja”."
    context = f" {wrong.context}" if wrong.context else ""
    return f"Line {mark.line + 1}, column {mark.column + 1} is not valid YAML: {wrong.problem}{context}."
