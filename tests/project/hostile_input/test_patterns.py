"""No regular expression of the product takes long, whatever text it is given."""

import importlib
import itertools
import pkgutil
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from django.core.validators import RegexValidator

import networks
import virterweb
import vms

pytestmark = pytest.mark.slow

LENGTH = 20_000  # characters
LONGEST = 0.5  # CPU seconds
PIECES = ("a", "A", "0", ".", "-", "_", ":", "/", "=", "+", ",", " ", "\t", "\n", "\\", '"', "'", "(", ")", "<", "#")
ON_PAGES = "virterweb.pages.characters.OF_HTML"  # pages have no unclosed tags


def modules() -> Iterator[ModuleType]:
    for package in (virterweb, networks, vms):
        for each in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not each.name.endswith(".asgi") and ".migrations" not in each.name:
                yield importlib.import_module(each.name)


def patterns() -> dict[str, list[Callable]]:
    """Return the expressions that stand at the top of a module, with the methods that it uses of them."""
    found = {}
    for module in modules():
        source = Path(module.__file__).read_text()
        for name, value in vars(module).items():
            for number, pattern in enumerate(inside(value)):
                if isinstance(pattern.pattern, str) and re.search(rf"^{name}\b.*=", source, re.MULTILINE):
                    searched = number or re.search(rf"\b{name}\.(search|sub|findall|finditer|split)\(", source)
                    found[f"{module.__name__}.{name}.{number}"] = [
                        pattern.fullmatch,
                        *([pattern.search] if searched or not isinstance(value, re.Pattern) else []),
                    ]
    return {where: methods for where, methods in found.items() if not where.startswith(ON_PAGES)}


def inside(value: object, depth: int = 3) -> Iterator[re.Pattern]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, RegexValidator):
        yield value.regex
    elif isinstance(value, tuple | list) and depth:
        for each in value:
            yield from inside(each, depth - 1)


def texts(pattern: str) -> Iterator[str]:
    """Yield long texts that begin as the expression wants and end otherwise."""
    pieces = dict.fromkeys((*re.findall(r"[\w<>=%#:/-]{2,}", pattern)[:12], *PIECES))
    for one, other in itertools.product(pieces, repeat=2):
        yield one * (LENGTH // 2 // len(one)) + other * (LENGTH // 2 // len(other)) + "\x00"
        yield (one + other) * (LENGTH // len(one + other)) + "!"


def too_slow(number: int, frame: object) -> None:
    raise TimeoutError


@pytest.mark.parametrize(("where", "methods"), patterns().items(), ids=patterns())
def test_an_expression_decides_any_long_text_at_once(where, methods):
    signal.signal(signal.SIGVTALRM, too_slow)
    for method in methods:
        for text in texts(method.__self__.pattern):
            signal.setitimer(signal.ITIMER_VIRTUAL, LONGEST)
            try:
                method(text)
            except TimeoutError:
                pytest.fail(f"{method.__name__} of {method.__self__.pattern}: {text[:30]!r}…{text[-30:]!r}")
            finally:
                signal.setitimer(signal.ITIMER_VIRTUAL, 0)
