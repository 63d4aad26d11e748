"""Generate input from a seed, and report the input that made the portal fail."""

import random
import time
import traceback
from urllib.parse import quote

from tests.project.hostile_input.hostile_forms import ASKED, FORMS, HEADERS, NAMES
from tests.project.hostile_input.hostile_values import HOSTILE, MAC, SEED, VALID

REQUESTS, COMMANDS = 16_500, 3_500
LONGEST = 4.0  # seconds of this process for one answer


class Generator:
    """Generate the input of one seed: mostly valid with a hostile part, so that it passes the first checks."""

    def __init__(self, seed: str) -> None:
        self.random = random.Random(seed)

    def value(self, hostile: float = 0.6) -> str:
        found = self.random.choice(HOSTILE if self.random.random() < hostile else VALID)
        match self.random.randrange(12):
            case 0:
                cut = self.random.randrange(len(found) + 1)
                return found[:cut] + self.random.choice(HOSTILE)[:99] + found[cut:]
            case 1:
                return found[: self.random.randrange(len(found) + 1)]
            case 2:
                return f"{found} {self.random.choice(VALID)}"
            case 3:
                return f"{self.random.choice(VALID)}\n{found}\n{self.random.choice(VALID)}"
        return found

    def fields(self, route: str, post: bool) -> dict[str, list[str]]:
        if post and route in FORMS and self.random.random() < 0.8:
            form = {name: [value] for name, value in FORMS[route].items()}
            more = self.random.sample(NAMES, self.random.choice((0, 0, 1)))
            for name in (*self.random.sample(sorted(form), min(len(form), self.random.choice((1, 1, 2)))), *more):
                form[name] = [self.value(0.85)]
            return form
        if not post and self.random.random() < 0.8:
            return {name: [self.value(0.85)] for name in self.random.sample(ASKED, self.random.choice((1, 1, 2, 4)))}
        names = self.random.sample(NAMES, self.random.choice((0, 1, 1, 2, 3, 8, 30)))
        return {name: [self.value() for _ in range(self.random.choice((1, 1, 1, 2)))] for name in names}

    def headers(self) -> dict[str, str]:
        names = self.random.sample(sorted(HEADERS), self.random.choice((0, 0, 1, 2)))
        return {name: self.random.choice(HEADERS[name]) for name in names}

    def address(self, route: str) -> str:
        """Return an address that matches a route, or almost."""
        known = {"hypervisor": "lab-1", "ip": "10.255.0.9", "mac": MAC, "suffix": "csv", "verb": "start", "end": "/"}
        known |= {"pk": "1", "object_id": "1", "app_label": "vms", "content_type_id": "1", "group": "default"}
        name = self.random.choice(("net1", "default") if "networks" in route else ("alma-8-8", "other"))
        text, path = route.replace("\\.", ".").removesuffix("$").replace("\\Z", "").replace("^", ""), ""
        while text:
            if text.startswith("(?P<"):
                key, _, rest = text[4:].partition(">")
                depth = next(
                    index for index, _ in enumerate(rest)
                    if rest[: index + 1].count(")") > rest[: index + 1].count("(")
                )  # fmt: skip
                text = rest[depth + 1 :]
            elif text.startswith("<"):
                inside, _, text = text[1:].partition(">")
                key = inside.rpartition(":")[2]
            else:
                path, text = path + text[0], text[1:]
                continue
            wild = self.random.random() < 0.15
            path += quote(self.value()[:2000], safe="/" if wild else "") if wild else known.get(key, name)
        return "/" + path


def failure(what: str, begun: float) -> str:
    """Return the last lines of a traceback, and the input."""
    seconds = time.process_time() - begun
    lines = traceback.format_exc().strip().splitlines()[-7:]
    return f"{what[:600]}\n  after {seconds:.1f} s: " + "\n  ".join(lines)


def report(failures: list[str]) -> None:
    kinds: dict[str, str] = {}
    for each in failures:
        kinds.setdefault("".join(each.splitlines()[-6:]), each)
    assert not failures, f"seed {SEED}: {len(failures)} failures\n\n" + "\n\n".join(list(kinds.values())[:12])
