"""What the pages show of a refused change, and how it is tried again."""

import contextlib
import subprocess
from collections.abc import Iterator

import libvirt
from lab import Lab
from lxml import html

from tests.lab.state import things
from tests.support.portal import Portal

BLOCK = ("--network-cidr", "10.7.0.1/24", "--domain", "lab.example")
PAGE = "/networks/lab/net1/"
VM_PAGE = "/vms/lab/tiny-20/"

HOLD_PORT = """\
import socket, sys
held = socket.socket(type=getattr(socket, "SOCK_" + sys.argv[1]))
held.bind((sys.argv[2], int(sys.argv[3])))
if sys.argv[1] == "STREAM":
    held.listen()
print("held", flush=True)
input()
"""


@contextlib.contextmanager
def holding(lab: Lab, kind: str, address: str, port: int) -> Iterator[None]:
    """Hold a port of the lab: `kind` is DGRAM or STREAM."""
    enter = ["nsenter", "-t", str(lab.namespace_pid), "-n", "python3", "-c", HOLD_PORT, kind, address, str(port)]
    with subprocess.Popen(enter, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline(), "the port cannot be held"
        try:
            yield
        finally:
            holder.communicate("\n", timeout=10)


@contextlib.contextmanager
def device(lab: Lab, name: str) -> Iterator[None]:
    lab.run("ip", "link", "add", name, "type", "bridge")
    try:
        yield
    finally:
        # libvirt 11.3 takes away a device that it could not make a bridge of.
        lab.run("sh", "-c", f"ip link delete {name} 2>/dev/null || true")


def things_of(lab: Lab) -> dict[str, list[str]]:
    with contextlib.closing(libvirt.open(lab.uri)) as host:  # a new connection: a test may have restarted libvirtd
        return things(host)


def state(portal: Portal, model: str, name: str) -> str:
    return portal.ask(f"{model}.objects.get(name='{name}').state")


def try_again(portal: Portal, page: str) -> None:
    """Press the button to retry, unless the portal has already retried."""
    if portal.get(page).xpath("//form[contains(@action, '/retry/')]"):
        portal.post(f"{page}retry/", page=page)


def folded(page: html.HtmlElement) -> list[str]:
    return [details.text_content() for details in page.xpath("//details[not(@open)]")]


def assert_shown(portal: Portal, path: str, sentence: str, raw: str) -> None:
    """Assert that the page shows the sentence, and libvirt's message only in collapsed details."""
    page = portal.get(path)
    reason = page.get_element_by_id("reason")
    assert sentence in reason.xpath("string(.//strong)")
    assert raw not in reason.xpath("string(.//strong)").replace(sentence, "")
    assert any(raw in text for text in folded(reason))
