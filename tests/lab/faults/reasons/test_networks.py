"""A network that libvirt refuses to start shows the reason, and starts when the cause is gone."""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import libvirt
import pytest
from lab import Lab

from tests.lab.faults.reasons.refused_changes import (
    BLOCK,
    PAGE,
    assert_shown,
    device,
    folded,
    holding,
    state,
    try_again,
)
from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab


Cause = Callable[[Lab], AbstractContextManager[None]]

# All programs of /usr/sbin but those of the firewall.
HIDE_FIREWALL = """\
mkdir -p /run/libvirt/sbin
mount --bind /usr/sbin /run/libvirt/sbin
mount -t tmpfs tmpfs /usr/sbin
for program in /run/libvirt/sbin/*; do
    case $program in *tables*|*/nft) ;; *) ln -s "$program" /usr/sbin/;; esac
done
"""
SHOW_FIREWALL = "umount --lazy /usr/sbin && umount --lazy /run/libvirt/sbin && rmdir /run/libvirt/sbin"
FULL_FOLDER = 'mkdir -p "$1" && mount -t tmpfs -o size=4k tmpfs "$1" && head -c 4096 /dev/zero >"$1/fill"'


@contextlib.contextmanager
def without_default(lab: Lab) -> Iterator[None]:
    """Stop the network `default`, for a server that wants a port of the whole host."""
    lab.virsh("net-destroy", "default")
    try:
        yield
    finally:
        lab.virsh("net-start", "default")


@contextlib.contextmanager
def dhcp_server(lab: Lab) -> Iterator[None]:
    """Run a dnsmasq that serves the whole host."""
    pid, leases = lab.directory / "another.pid", lab.directory / "another.leases"
    files = (f"--pid-file={pid}", f"--dhcp-leasefile={leases}")
    options = ("--conf-file=/dev/null", "--user=root", "--port=0", "--dhcp-range=10.99.0.9,10.99.0.9")
    with without_default(lab):
        lab.run("dnsmasq", *options, *files)
        try:
            yield
        finally:
            lab.run("kill", pid.read_text().strip())
            wait_for(lambda: not lab.run("sh", "-c", f"pgrep -F {pid} 2>&1 || true").strip().isdigit(), 10, "it ends")


@contextlib.contextmanager
def dns_server(lab: Lab) -> Iterator[None]:
    with without_default(lab), holding(lab, "DGRAM", "0.0.0.0", 53):
        yield


def device_of_that_name(lab: Lab) -> AbstractContextManager[None]:
    return device(lab, "taken0")


@contextlib.contextmanager
def no_firewall(lab: Lab) -> Iterator[None]:
    lab.run("sh", "-c", HIDE_FIREWALL)
    try:
        yield
    finally:
        lab.run("sh", "-c", SHOW_FIREWALL)
        lab.restart_libvirtd()


@contextlib.contextmanager
def full(lab: Lab, folder: str) -> Iterator[None]:
    lab.run("sh", "-c", FULL_FOLDER, "full", folder)
    try:
        yield
    finally:
        lab.run("umount", "--lazy", folder)


def full_definitions(lab: Lab) -> AbstractContextManager[None]:
    return full(lab, "/etc/libvirt/qemu/networks")


def full_configuration(lab: Lab) -> AbstractContextManager[None]:
    return full(lab, "/var/lib/libvirt/dnsmasq")


def full_run(lab: Lab) -> AbstractContextManager[None]:
    return full(lab, "/run/libvirt/network")


CAUSES = [
    (
        dhcp_server,
        "another DHCP server is using port 67 on the host; stop it there, or turn DHCP off here",
        "bind DHCP",
    ),
    (dns_server, "another DNS server is using 10.7.0.1 on the host", "failed to create listening socket"),
    (device_of_that_name, "the host already has a device taken0; give the network another bridge", "taken0"),
    (
        no_firewall,
        "the host has no firewall program that libvirt can use; install nftables or iptables there and restart libvirt",
        "iptables",
    ),
    (full_definitions, "the host has no space left for /etc/libvirt/qemu/networks/net1.xml.new", "No space left"),
    (full_configuration, "the host has no space left for /var/lib/libvirt/dnsmasq/net1.conf", "No space left"),
    (full_run, "the host has no space left for /run/libvirt/network/net1.pid", "No space left"),
]


@pytest.mark.parametrize(("cause", "sentence", "raw"), CAUSES, ids=[row[0].__name__ for row in CAUSES])
def test_a_network_that_cannot_start_shows_the_reason_and_starts_when_the_cause_is_gone(
    portal: Portal, lab: Lab, cause: Cause, sentence: str, raw: str
):
    before = definition_of_default(lab)
    with cause(lab):
        bridge = ("--bridge", "taken0") if cause is device_of_that_name else ()
        said = portal.manage("network", "add", "net1", "--dhcp", *BLOCK, *bridge, fails=True)
        assert sentence in said
        assert_shown(portal, PAGE, sentence, raw)
        if cause is not device_of_that_name:  # which libvirt 11.3 has taken away
            portal.post(f"{PAGE}retry/", page=PAGE)
            wait_for(
                lambda: state(portal, "Network", "net1") == "failed", 20, "it fails again while the cause is there"
            )
    try_again(portal, PAGE)
    wait_for(lambda: state(portal, "Network", "net1") == "ready", 30, "the next try works")
    assert portal.get(PAGE).xpath("//*[@id='reason']//*[contains(@class, 'failed')]") == []
    assert definition_of_default(lab) == before


OPTIONS = [
    ("bogus-option=7", "dnsmasq does not accept its configuration (bad option); correct “dnsmasq options”"),
    ("dhcp-option=bogus", "dnsmasq does not accept its configuration (bad dhcp-option); correct “dnsmasq options”"),
    ("conf-file=/nope", "dnsmasq cannot read /nope on the host; correct “dnsmasq options”, which name it"),
    ("dhcp-script=/nope", "dnsmasq cannot read /nope on the host; correct “dnsmasq options”, which name it"),
    ("log-facility=/nope/x", "dnsmasq cannot read /nope/x on the host; correct “dnsmasq options”, which name it"),
    ("user=nobodyhere", "(unknown user or group: nobodyhere); correct “dnsmasq options”"),
]


@pytest.mark.parametrize(("option", "sentence"), OPTIONS, ids=[option for option, _ in OPTIONS])
def test_an_invalid_dnsmasq_option_names_its_field(portal: Portal, option: str, sentence: str):
    said = portal.manage("network", "add", "net1", "--dhcp", *BLOCK, "--dnsmasq-option", option, fails=True)
    assert sentence in said
    assert_shown(portal, PAGE, sentence, "dnsmasq: ")
    portal.manage("network", "edit", "net1", "--dnsmasq-option", "", "--yes")
    assert state(portal, "Network", "net1") == "ready"


def test_an_invalid_dnsmasq_option_of_a_running_network_is_kept_as_a_draft(portal: Portal, host: libvirt.virConnect):
    portal.manage("network", "add", "net1", "--dhcp", *BLOCK)
    portal.manage("network", "edit", "net1", "--dnsmasq-option", "bogus-option=7", "--yes", "--no-wait")
    said = wait_for(lambda: portal.ask("Network.objects.get(name='net1').status.draft_error"), 30, "it is refused")
    assert "correct “dnsmasq options”" in said
    assert host.networkLookupByName("net1").isActive()
    page = portal.get(PAGE)
    assert said in page.text_content()
    assert any("bad option at line" in text for text in folded(page))


@pytest.mark.parametrize(
    ("words", "route", "sentence"),
    [
        ((), "10.7.0.0/24", "its block is already routed through other0 on the host; choose another block"),
        (
            ("--route", "10.98.0.0/24 via 10.7.0.2"),
            "10.98.0.0/24",
            "the host already has a route to 10.98.0.0, the destination of one of its static routes; remove that",
        ),
    ],
    ids=["of its block", "of its static route"],
)
def test_a_route_that_was_added_after_the_form_is_named(
    portal: Portal, lab: Lab, words: tuple[str, ...], route: str, sentence: str
):
    portal.kill_worker()  # it would tell the form, which then refuses the block
    portal.manage("network", "add", "net1", "--no-wait", *BLOCK, *words)
    with device(lab, "other0"):
        lab.run("ip", "link", "set", "other0", "up")
        lab.run("ip", "route", "add", route, "dev", "other0")
        portal.start_worker()
        wait_for(lambda: state(portal, "Network", "net1") == "failed", 60, "it is refused")
        assert_shown(portal, PAGE, sentence, "internal error: ")
    try_again(portal, PAGE)
    wait_for(lambda: state(portal, "Network", "net1") == "ready", 30, "the next try works")


def definition_of_default(lab: Lab) -> str:
    return lab.virsh("net-dumpxml", "--inactive", "default")
