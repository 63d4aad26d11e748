"""Labs for the guests of the matrix, one for each process of pytest's, and the table of what was seen in all."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab import Lab, guest_image

from tests.guests import table
from tests.guests.cell import put_image
from tests.guests.mixtures import make_networks
from tests.lab.conftest import lab_in, nothing_left, portal  # noqa: F401, fixtures

KEPT = "guests/cells"
PROGRAMS = ("qemu-system-x86_64", "libvirtd", "dnsmasq")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--table", metavar="FILE", type=Path, help="write the table of all guests there")


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A hypervisor with an image of each renderer and the networks of all mixtures."""
    for running in lab_in(tmp_path_factory.mktemp("lab"), image=False):
        for renderer in guest_image.RENDERERS:
            put_image(running, renderer)
        make_networks(running)
        yield running


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    """In a long run the cells are told as they come."""
    if report.when != "call" or not report.user_properties or report.skipped:
        return None
    told = [f"{key}: {table.verdict(key, outcome)}" for key, outcome in report.user_properties]
    return report.outcome, "." if report.passed else "F", f"{report.outcome.upper()} {'; '.join(told)}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table, and write it where every cell of it was tried, be it in an earlier run of some of them."""
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, [])]
    found = dict(cell for report in reports for cell in report.user_properties)
    if not found:
        return
    found = config.cache.get(KEPT, {}) | found
    config.cache.set(KEPT, found)
    lines = table.lines(found)
    terminalreporter.section("guests")
    terminalreporter.write_line("\n".join(lines))
    file = config.getoption("--table", None)
    if file and not table.missing(found):
        file.write_text(table.document(found, [version(program) for program in PROGRAMS]))
        terminalreporter.write_line(f"written to {file}")
    elif file:
        terminalreporter.write_line(f"not written to {file}: not every cell was tried")


def version(program: str) -> str:
    """The first words of what a program says of itself, as far as they tell its version."""
    said = subprocess.run([program, "--version"], capture_output=True, text=True).stdout.splitlines()[0]
    return re.sub(r" \(.*?\)", "", said).split("  ")[0]
