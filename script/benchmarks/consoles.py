"""Benchmarks of consoles: echo, first frame, and many consoles at a time.

`script/bench` runs them. Alone: `PYTHONPATH=script:. .venv/bin/python -m benchmarks.consoles`.
"""

from __future__ import annotations

import os
import pty
import select
import subprocess
import threading
import time
import tty
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from benchmarks import alone

KEYS = 200
LINE = 40  # keys of a line
# BusyBox asks the terminal where the cursor is, and loses what is typed before the answer.
PROMPT, CURSOR = "# \x1b[6n", "\x1b[1;1R"
QUIET, FLOODING = 15, 5  # consoles
SECONDS = 20  # for which many consoles are watched
FLOOD = "while read -r up rest </proc/uptime; do echo $up " + 60 * "abcdefgh" + "; done\n"
STILL = """<domain type='qemu'><name>{name}</name><memory unit='MiB'>16</memory><os><type>hvm</type></os>
<devices><serial type='pty'/></devices></domain>"""


def measure(report: Callable, host: object, portal: object, uri: str) -> None:
    """Measure a portal with web server and worker on a lab with the image `tiny`."""
    from tests.support.console_pages import ConsolePage
    from tests.support.waiting import wait_for

    portal.log_in()
    names = [f"tiny-{number}" for number in range(200, 200 + FLOODING)]
    portal.manage("vm", "run", "tiny", "--id", "200", "--count", str(FLOODING), "--memory", "128M")
    for name in names:
        wait_for(lambda name=name: name in active(host), 60, name)
        with ConsolePage(portal, name) as page:
            page.expect(" up, ", 120)
    echo(report, portal, uri, names[0])
    first_frame(report, portal, names[0])
    still = [host.defineXML(STILL.format(name=f"still-{number}")) for number in range(QUIET)]
    for domain in still:
        domain.createWithFlags(1)  # paused before its first instruction
    seen = "VM.objects.filter(name__startswith='still').count()"
    wait_for(lambda: portal.ask(seen) == QUIET, 60, "the VMs")
    many(report, portal, [domain.name() for domain in still], names)
    for domain in still:
        domain.destroy()
        domain.undefine()
    for name in names:
        portal.manage("vm", "rm", name)


def active(host: object) -> list[str]:
    return [domain.name() for domain in host.listAllDomains(1)]


def echo(report: Callable, portal: object, uri: str, name: str) -> None:
    """From a key to its echo on the page, and the same by `virsh console`."""
    from tests.support.console_pages import ConsolePage

    with ConsolePage(portal, name) as page:
        page.wait_for("opened")
        page.type("\n")
        page.expect(PROMPT)
        page.type(f"{CURSOR}cat >/dev/null\n")
        page.expect("/dev/null")
        time.sleep(0.5)  # until the shell has handed the terminal over
        ours = keys(page.type, lambda: page.expect("x"))
        page.type("\x04")
        page.expect("# ")
    plain = by_virsh(uri, name)
    goal = 1.5 * plain + 0.02
    judged = f"goal ≤ 1.5 × virsh + 20 ms: {'met' if ours <= goal else 'missed'}"
    report("Key to echo in the serial console", f"{1000 * ours:.1f} ms", f"{1000 * plain:.1f} ms virsh console", judged)


def keys(press: Callable[[str], None], wait: Callable[[], None]) -> float:
    """Return the median seconds from a key to its echo."""
    taken = []
    for number in range(KEYS):
        began = time.perf_counter()
        press("x")
        wait()
        taken.append(time.perf_counter() - began)
        if number % LINE == LINE - 1:
            press("\n")
            time.sleep(0.1)
    return median(taken)


def by_virsh(uri: str, name: str) -> float:
    ours, its = pty.openpty()
    tty.setraw(ours)
    virsh = subprocess.Popen(
        ["virsh", "-c", uri, "console", name], stdin=its, stdout=its, stderr=its, start_new_session=True,
        preexec_fn=lambda: __import__("fcntl").ioctl(0, 0x540E, 0),
    )  # fmt: skip

    def press(text: str) -> None:
        os.write(ours, text.encode())

    def expect(text: bytes) -> None:
        said = b""
        while text not in said:
            assert select.select([ours], [], [], 20)[0], said
            said += os.read(ours, 4096)

    try:
        expect(b"Escape character")
        time.sleep(0.5)
        press("\n")
        expect(PROMPT.encode())
        press(f"{CURSOR}cat >/dev/null\n")
        expect(b"/dev/null")
        time.sleep(0.3)
        found = keys(press, lambda: expect(b"x"))
        press("\x04")
        time.sleep(0.3)
        return found
    finally:
        virsh.kill()
        virsh.wait()


def first_frame(report: Callable, portal: object, name: str) -> None:
    """From the click on *Display* to a frame that is not black, in Chromium."""
    from playwright.sync_api import sync_playwright

    from tests.browser.conftest import CHROMIUM, SWITCHES
    from tests.support.portal import PASSWORD

    shown = """() => { const canvas = document.querySelector("[data-screen] canvas");
        return canvas?.width && canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data
            .some((value, index) => index % 4 < 3 && value); }"""
    program = next(path for path in CHROMIUM if Path(path).exists())
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=SWITCHES)
        page = browser.new_context(base_url=portal.url, viewport={"width": 1440, "height": 900}).new_page()
        page.goto("/")
        page.get_by_label("Username").fill("admin")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/")
        taken = []
        for _ in range(5):
            page.goto(f"/vms/lab/{name}/console/")
            page.wait_for_timeout(1000)
            began = time.perf_counter()
            page.get_by_role("link", name="Display").click()
            page.wait_for_function(shown, polling=20)
            taken.append(time.perf_counter() - began)
        size = page.evaluate("(canvas => `${canvas.width}×${canvas.height}`)(document.querySelector('canvas'))")
        browser.close()
    met = "met" if median(taken) <= 1 else "missed"
    report(f"Click to first frame of the display, {size}", f"{1000 * median(taken):.0f} ms", "", f"goal ≤ 1 s: {met}")


def many(report: Callable, portal: object, still: list[str], noisy: list[str]) -> None:
    """The web server's work and memory with many consoles, and how late viewers of a flood see it."""
    from tests.support.console_pages import ConsolePage

    with ExitStack() as stack:
        pages = [stack.enter_context(ConsolePage(portal, name)) for name in [*still, *noisy]]
        for page in pages:
            page.wait_for("opened")
        ends = time.monotonic() + 3
        while time.monotonic() < ends:
            for page in pages:
                page.read(0.01)
        used = watch(portal.web.pid, SECONDS)
        met = "met" if used <= 0.02 else "missed"
        report(f"{len(pages)} quiet consoles", f"{100 * used:.1f} %", "of a core", f"goal ≤ 2 %: {met}")
        flood(report, portal, pages[-len(noisy) :])


def flood(report: Callable, portal: object, pages: list) -> None:
    before = resident(portal.web.pid)
    lags: list[float] = []
    counted = [0]
    ends = time.monotonic() + SECONDS

    def follow(page: object) -> None:
        page.type("\n")
        page.expect(PROMPT)
        page.type(CURSOR + FLOOD)
        page.expect("done")
        ahead = None  # the guest's clock against ours, as of its quickest line
        while time.monotonic() < ends:
            page.read(1)
            line = page.output.rpartition(b"\n")[0].rpartition(b"\n")[2].split(b" ")
            counted[0] += len(page.output)
            page.output = page.output.rpartition(b"\n")[1] + page.output.rpartition(b"\n")[2]
            try:
                late = time.monotonic() - float(line[0])
            except ValueError:
                continue
            ahead = late if ahead is None else min(ahead, late)
            lags.append(late - ahead)
        page.type("\x03")

    threads = [threading.Thread(target=follow, args=[page]) for page in pages]
    for thread in threads:
        thread.start()
    time.sleep(SECONDS / 2)
    middle, used = resident(portal.web.pid), watch(portal.web.pid, SECONDS / 3)
    for thread in threads:
        thread.join()
    after = resident(portal.web.pid)
    met = "met" if max(lags) <= 1 else "missed"
    what = f"{len(pages)} of them flooding, longest delay of a viewer"
    report(what, f"{1000 * max(lags):.0f} ms", f"{1000 * median(lags):.0f} ms median", f"goal ≤ 1 s: {met}")
    report("… output", f"{counted[0] / SECONDS / 1000:.0f} kB/s", f"{100 * used:.0f} % of a core", "")
    memory = f"{before} → {middle} → {after} MiB"
    report("… memory of the web server", memory, "", f"goal flat: {'met' if after - middle <= 4 else 'missed'}")


def watch(pid: int, seconds: float) -> float:
    """Return the part of a core that a process uses."""
    before = ticks(pid)
    time.sleep(seconds)
    return (ticks(pid) - before) / os.sysconf("SC_CLK_TCK") / seconds


def ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def resident(pid: int) -> int:
    line = next(each for each in Path(f"/proc/{pid}/status").read_text().splitlines() if each.startswith("VmRSS"))
    return int(line.split()[1]) // 1024


if __name__ == "__main__":
    alone.run(measure)
