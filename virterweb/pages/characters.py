"""Characters that hide parts of a text (control, bidirectional, invisible), and names that look like others. Pure."""

import re
import unicodedata
from collections.abc import Iterable

# Invisible although `str.isprintable` says otherwise: fillers, blanks and marks without a glyph.
FILLERS = "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef"
# Invisible characters that reorder, join or break a text, and control characters except tab and line ends.
UNSEEN = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff"
UNSEEN += "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff"
HIDDEN = re.compile(f"[{FILLERS}{UNSEEN}]")
OF_HTML = re.compile(rf"(<textarea\b.*?</textarea>|<[^>]*>)|{HIDDEN.pattern}", re.DOTALL)

# Letters that look like Latin ones, and Latin letters that look like others.
HOMOGLYPHS = dict(
    zip(
        "аеорсухіјѕԁԛԝһӏАВЕКМНОРСТУХЅІЈԌԜΑΒΕΖΗΙΚΜΝΟΡΤΥΧονρυιαɑıⅼ",
        "aeopcyxijsdqwhlABEKMHOPCTYXSIJGWABEZHIKMNOPTYXovpuiaail",
        strict=True,
    )
)
LETTERS = str.maketrans({**HOMOGLYPHS, **dict.fromkeys("‐‑‒–—―−", "-")})
STROKES = str.maketrans({"I": "l", "1": "l", "|": "l", "0": "O"})
SCRIPTS = {"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC", "GEORGIAN", "LISU"}


def hidden_in(text: str) -> str:
    """Describe the first character of a one-line text that cannot be seen; "" without."""
    for place, char in enumerate(text, 1):
        if not char.isprintable() or HIDDEN.match(char):
            return f"character {place} is U+{ord(char):04X} {unicodedata.name(char, '')}".rstrip()
    return ""


def visible(text: str) -> str:
    """Return the text of one line with invisible characters spelled out, like [U+202E]."""
    if text.isprintable() and not HIDDEN.search(text):
        return text
    return "".join(_spelled(char) if not char.isprintable() or HIDDEN.match(char) else char for char in text)


def visible_html(page: str) -> str:
    """Return a page with invisible characters in its texts spelled out; tags and editable text stay as they are."""
    if not HIDDEN.search(page):
        return page
    return OF_HTML.sub(lambda match: match[1] or _spelled(match[0]), page)


def _spelled(char: str) -> str:
    return f"[U+{ord(char):04X}]"


def skeleton(name: str) -> str:
    """Return the skeleton of a name, which is the same for all names that look alike."""
    bare = "".join(char for char in unicodedata.normalize("NFKD", name) if not unicodedata.combining(char))
    return HIDDEN.sub("", bare).translate(LETTERS).translate(STROKES).casefold().replace("rn", "m")


def mixed_scripts(name: str) -> bool:
    """Return whether a name mixes letters of similar scripts, or has variants of letters such as full-width ones."""
    letters = [char for char in name if char.isalpha()]
    scripts = {unicodedata.name(char, "").partition(" ")[0] for char in letters} & SCRIPTS
    return len(scripts) > 1 or any(unicodedata.normalize("NFKC", char) != char for char in letters)


def warnings(names: Iterable[str]) -> dict[str, str]:
    """Return a warning for each name that looks like another one; names without a warning are left out."""
    alike: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        alike.setdefault(skeleton(name), []).append(name)
    found = {}
    for group in alike.values():
        for name in group:
            if len(group) > 1:
                found[name] = f"looks like {next(other for other in group if other != name)}"
            elif mixed_scripts(name):
                found[name] = "mixes scripts"
    return found


def labels(names: Iterable[str]) -> dict[str, str]:
    """Return the label of each name in a list of choices: the name with its warning, if there is any."""
    names = list(names)
    found = warnings(names)
    return {name: f"{name} ({found[name]})" if name in found else name for name in names}
