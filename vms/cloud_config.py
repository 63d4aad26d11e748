"""The YAML of cloud-config: what no parser takes, and where things stand in it. Pure: neither ORM nor libvirt.

Whatever somebody typed takes little time here: aliases are counted before they are followed.
"""

from collections.abc import Iterator

import yaml

Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
DEEPEST = 100  # collections in each other: libyaml takes time that grows with the square of it
MOST_VALUES = 100_000  # once aliases are followed
# What PyYAML raises for a value whose tag says what it is not, such as `!!timestamp x`.
NO_VALUE = (AttributeError, KeyError, OverflowError, TypeError, ValueError)


def errors(text: str, top: type[yaml.NodeEvent] = yaml.MappingStartEvent) -> Iterator[str]:
    """Why it is no cloud-config, a sentence each with its line; `top` is how the document is to begin."""
    found = False
    for error in _errors(text, top):
        found = True
        yield error
    if not found:
        yield from _of_values(text)


def nodes(text: str) -> yaml.MappingNode | None:
    """What it says, with lines; None if it says nothing. For a text without errors."""
    return yaml.compose(text, Loader=Loader)


def values(text: str) -> object:
    """What it says, for a text without errors."""
    return yaml.load(text, Loader=Loader)


def children(node: yaml.Node) -> list[tuple[str | int, int, yaml.Node]]:
    """The keys, or indexes, of a collection, with the lines where they stand and what they lead to."""
    if isinstance(node, yaml.MappingNode):
        return [(str(key.value), key.start_mark.line + 1, value) for key, value in node.value]
    if isinstance(node, yaml.SequenceNode):
        return [(index, value.start_mark.line + 1, value) for index, value in enumerate(node.value)]
    return []


def line_of(root: yaml.Node, path: tuple[str | int, ...]) -> int:
    """Where the value stands that keys and indexes lead to, or the nearest thing around it."""
    line, node = root.start_mark.line + 1, root
    for step in path:
        for key, at, value in children(node):
            if str(key) == str(step):
                line, node = at, value
    return line


def doubles(root: yaml.Node) -> Iterator[tuple[str, int, int]]:
    """Keys that a mapping has twice, with the lines of the one that is lost and of the one that counts."""
    seen, waiting = set(), [root]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:  # an alias
            continue
        seen.add(id(node))
        lines: dict[str, int] = {}
        for key, line, child in children(node):
            if isinstance(node, yaml.MappingNode) and key in lines and key != "<<":
                yield key, lines[key], line
            lines[str(key)] = line
            waiting.append(child)


def _errors(text: str, top: type[yaml.NodeEvent]) -> Iterator[str]:
    """By its events alone, so aliases are not followed."""
    documents, sizes = 0, _Sizes()
    try:
        for event in yaml.parse(text, Loader=Loader):
            line = event.start_mark.line + 1
            documents += isinstance(event, yaml.DocumentStartEvent)
            if documents == 2:
                yield f"Line {line} begins a second document; cloud-init takes one."
                return
            if isinstance(event, yaml.NodeEvent) and not sizes.around and not isinstance(event, top):
                yield f"Line {line} is no {_KINDS[top]}; cloud-config is lines like “package_update: true”."
                return
            if words := sizes.take(event):
                yield f"Line {line}{words}."
                return
    except yaml.MarkedYAMLError as wrong:
        yield _place(text, wrong)
    except yaml.reader.ReaderError as wrong:
        line = text[: wrong.position].count("\n") + 1
        yield f"Line {line} has a character that YAML does not allow, {_code(wrong.character)}."


class _Sizes:
    """Counts the values of a document with all that its aliases stand for."""

    def __init__(self) -> None:
        self.count = 0
        self.around: list[tuple[str | None, int]] = []  # collections not yet ended: anchors, and the count before
        self.known: dict[str, int] = {}  # what is anchored and has ended: how many values it stands for
        self.begun: set[str] = set()

    def take(self, event: yaml.Event) -> str:
        """Count one more event; what is wrong with it goes behind its line, "" for nothing."""
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event.anchor)
        if isinstance(event, yaml.ScalarEvent):
            self.count += 1
            self._end(event.anchor, self.count - 1)
        elif isinstance(event, yaml.CollectionStartEvent):
            self.begun.add(event.anchor)
            self.known.pop(event.anchor, None)  # another of the same name
            self.around.append((event.anchor, self.count))
            self.count += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            self._end(*self.around.pop())
        return " is nested too deep" if len(self.around) > DEEPEST else ""

    def _end(self, anchor: str | None, before: int) -> None:
        if anchor:
            self.known[anchor] = self.count - before

    def _alias(self, anchor: str) -> str:
        if anchor not in self.known:
            return f": *{anchor} stands for {'what it is in' if anchor in self.begun else 'nothing before it'}"
        self.count += self.known[anchor]
        return (
            f": the aliases up to here stand for more than {MOST_VALUES:,} values" if self.count > MOST_VALUES else ""
        )


_KINDS = {yaml.MappingStartEvent: "mapping", yaml.SequenceStartEvent: "list"}


def _of_values(text: str) -> Iterator[str]:
    """Tags that cloud-init knows nothing of, keys that cannot be any, dates that are none."""
    try:
        values(text)
    except yaml.MarkedYAMLError as wrong:
        yield _place(text, wrong)
    except NO_VALUE as wrong:
        yield f"A value in it is none that YAML takes: {wrong}."


def _code(character: str | int) -> str:
    return f"U+{ord(character) if isinstance(character, str) else character:04X}"


def _place(text: str, wrong: yaml.MarkedYAMLError) -> str:
    mark = wrong.problem_mark or wrong.context_mark
    lines = text.splitlines()
    for number in (mark.line, mark.line - 1):  # libyaml may notice on the line that follows
        line = lines[number] if 0 <= number < len(lines) else ""
        if "\t" in line[: len(line) - len(line.lstrip())]:
            return f"Line {number + 1} is indented by a tab; YAML takes spaces alone."
    context = f" {wrong.context}" if wrong.context else ""
    return f"Line {mark.line + 1}, column {mark.column + 1} is no YAML: {wrong.problem}{context}."
