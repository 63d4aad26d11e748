"""What is wrong with user data before a guest finds out, with the line. Pure: neither ORM nor libvirt.

cloud-init takes what begins with one of `cloud_init.KINDS`; everything else it gets as cloud-config from us. Nothing is
refused by this: it knows less than cloud-init does.
"""

from collections.abc import Iterator

import yaml

from .cloud_init import kind_of

Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
MOST = 3  # warnings
DEEPEST = 100  # collections in each other: libyaml takes time that grows with the square of it


def warnings(text: str) -> list[str]:
    """The first few that there are, a sentence each."""
    if not text.strip():
        return []
    return [warning for warning, _ in zip(_warnings(text), range(MOST), strict=False)]


def _warnings(text: str) -> Iterator[str]:
    kind = kind_of(text)
    if kind is None:
        number, line = next((number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip())
        short = line.strip() if len(line) <= 40 else f"{line.strip()[:40]}…"
        yield (
            f"Line {number} is “{short}”, so this is neither cloud-config, which begins with #cloud-config, nor a "
            "script, which begins with #!. It is given to the guest as cloud-config."
        )
    if kind in (None, "cloud-config"):
        yield from _of_cloud_config(text)


def _of_cloud_config(text: str) -> Iterator[str]:
    """By its events alone: aliases are not followed, so however many they stand for, it is quick."""
    anchors, depth, documents = set(), 0, 0
    try:
        for event in yaml.parse(text, Loader=Loader):
            line = event.start_mark.line + 1
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents == 2:
                    yield f"Line {line} begins a second document; cloud-init takes one."
                    return
            if isinstance(event, yaml.NodeEvent) and depth == 0 and not isinstance(event, yaml.MappingStartEvent):
                yield f"Line {line} is no mapping; cloud-config is lines like “package_update: true”."
            if isinstance(event, yaml.AliasEvent) and event.anchor not in anchors:
                yield f"Line {line}: *{event.anchor} stands for nothing before it."
            elif isinstance(event, yaml.NodeEvent) and event.anchor:
                anchors.add(event.anchor)
            if depth > DEEPEST:
                yield f"Line {line} is nested too deep."
                return
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if not documents:
            yield "There is nothing in it but comments."
    except yaml.MarkedYAMLError as wrong:
        yield _place(text, wrong)
    except yaml.reader.ReaderError as wrong:
        line = text[: wrong.position].count("\n") + 1
        yield f"Line {line} has a character that YAML does not allow, {_code(wrong.character)}."


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
