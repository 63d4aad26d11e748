"""Fetch libvirt's source package from the distribution that is installed."""

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

APT = Path("/etc/apt")
# Third parties have their own files there, or other paths and components.
DISTRIBUTIONS_FILES = ("sources.list", "sources.list.d/debian.sources", "sources.list.d/ubuntu.sources")
DISTRIBUTIONS_URI = re.compile(r"\S+/(debian|ubuntu)[a-z-]*(\.list)?/?")
# Hooks of the apt configuration of the machine must not run for these lists.
PRIVATE_APT = """\
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
APT::Sandbox::User "root";
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "{folder}/sources/";
Dir::State::lists "{folder}/lists/";
Dir::Cache "{folder}/cache/";
"""


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """The folder `tests` of libvirt's source package."""

    tests: Path

    def documents(self, *folders: str) -> dict[str, str]:
        """Return texts by the path of their file. A file with several links occurs once for each."""
        paths = [path for folder in folders for path in sorted((self.tests / folder).glob("*.xml"))]
        return {str(path.relative_to(self.tests)): path.read_text() for path in paths}

    def networks(self) -> dict[str, str]:
        return self.documents("networkxml2xmlin", "networkxml2confdata", "networkxml2firewalldata")

    def updates(self) -> list[tuple[str, str]]:
        """Return the documents before and after, from libvirt's own test of virNetworkUpdate."""
        calls = r'DO_TEST(?:_INDEX)?\(\s*"[^"]*",\s*"[^"]*",\s*"([^"]*)",\s*"([^"]*)"'
        return sorted(set(re.findall(calls, (self.tests / "networkxml2xmlupdatetest.c").read_text())))


def run(words: list[str], folder: Path) -> None:
    done = subprocess.run(
        words, cwd=folder, env={**os.environ, "LC_ALL": "C"}, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stdout + done.stderr


def own_sources(apt: Path) -> dict[str, str]:
    """Return files for apt with the distribution's own entries, in both formats, for source packages."""
    texts = {name: (apt / name).read_text() for name in DISTRIBUTIONS_FILES if (apt / name).exists()}
    stanzas = [each for name, text in texts.items() if name.endswith(".sources") for each in _stanzas(text)]
    lines = [each for name, text in texts.items() if name.endswith(".list") for each in _lines(text)]
    assert stanzas or lines, f"{apt} has no entry of the distribution"
    return {"own.sources": "\n".join(stanzas), "own.list": "\n".join(lines) + "\n"}


def _stanzas(text: str) -> Iterator[str]:
    """Return the stanzas of a deb822 file, in which indented lines continue a field."""
    uncommented = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)
    for stanza in re.split(r"\n\s*\n", uncommented.strip()):
        values = re.findall(r"^(\S+):(.*(?:\n[ \t].*)*)", stanza, re.MULTILINE)
        found = {key.lower(): value.split() for key, value in values}
        uris = [uri for uri in found.get("uris", ()) if DISTRIBUTIONS_URI.fullmatch(uri)]
        if uris and "main" in found["components"] and found.get("enabled") != ["no"]:
            kept = {"types": ["deb-src"], "uris": uris, "suites": found["suites"], "components": ["main"]}
            kept |= {key: found[key] for key in ("signed-by", "trusted") if key in found and "BEGIN" not in found[key]}
            yield "".join(f"{key}: {' '.join(value)}\n" for key, value in kept.items())


def _lines(text: str) -> Iterator[str]:
    for options, uri, suite, components in re.findall(
        r"^deb\s+(?:(\[.*?\])\s+)?(\S+)\s+(\S+)\s+(.*)$", text, re.MULTILINE
    ):
        if DISTRIBUTIONS_URI.fullmatch(uri) and "main" in components.split():
            kept = " ".join(each for each in options.strip("[] ").split() if not each.startswith("arch"))
            yield f"deb-src {f'[{kept}] ' if kept else ''}{uri} {suite} main"
