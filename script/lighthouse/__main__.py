"""Ask Lighthouse about the main pages: `.venv/bin/python script/lighthouse [PAGE …]`; prints a table.

It starts a portal with objects of each type and state, and signs in. It needs Chromium, and Node.js 18 or newer with
npm. Performance depends on what else the machine does; the load is printed with the figures.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT), str(HERE.parent)]

import prepare  # noqa: E402, found through the path above

from tests.support.portal import Portal  # noqa: E402

LIGHTHOUSE = "lighthouse@12.8.2"  # the last one that Debian 12's Node.js runs
CHROMIUM = ("/usr/bin/chromium", "/usr/bin/chromium-browser")
FILL = "from tests.browser.accessibility.filled import fill"
PAGES = (
    *("/", "/networks/", "/networks/lab/ready/", "/vms/", "/vms/lab/web-25/", "/topology/", "/addresses/"),
    "/vms/run/",
)
GOAL = 95
CATEGORIES = ("accessibility", "best-practices", "performance")


def main() -> None:
    program = installed()
    with tempfile.TemporaryDirectory(prefix="lighthouse-") as folder:
        portal = Portal(Path(folder), {})
        try:
            session = portal.ask("fill()", FILL)["sessions"]["admin"]
            portal.manage("collectstatic", "--no-input", "--verbosity", "0")  # as in production
            portal.start_web()
            measure(program, portal.url, session, sys.argv[1:] or PAGES)
        finally:
            portal.stop()


def installed() -> Path:
    """Return the program that asks Lighthouse, beside the packages that it needs."""
    if not shutil.which("npm"):
        sys.exit("Install Node.js with npm: apt-get install npm")
    folder = prepare.CACHE / LIGHTHOUSE
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "node_modules/lighthouse").exists():
        subprocess.run(["npm", "install", "--silent", "--no-fund", "--prefix", folder, LIGHTHOUSE], check=True)
    return Path(shutil.copy(HERE / "audit.mjs", folder))


def measure(program: Path, url: str, session: str, pages: list[str] | tuple[str, ...]) -> None:
    """Print the figures of each page, and what costs points."""
    chromium = next(path for path in CHROMIUM if Path(path).exists())
    print(f"{'':24}{''.join(f'{name:>16}' for name in CATEGORIES)}{'load':>8}")
    for page in pages:
        asked = json.dumps({"url": url, "path": page, "session": session, "chromium": chromium})
        done = subprocess.run(["node", program, asked], check=True, capture_output=True, text=True)
        found = json.loads(done.stdout)
        scores = [None if score is None else 100 * score for score in map(found["scores"].get, CATEGORIES)]
        figures = "".join(f"{'unknown' if score is None else round(score):>16}" for score in scores)
        print(f"{page:24}{figures}{os.getloadavg()[0]:8.1f}", flush=True)
        if any(score is not None and score < GOAL for score in scores):
            print("".join(f"    {line}\n" for line in found["lost"]), end="")


if __name__ == "__main__":
    main()
