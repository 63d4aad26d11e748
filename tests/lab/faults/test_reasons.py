"""What keeps libvirt from its work becomes a sentence with the step that helps; after that step, the next try works.

Each cause is really there, on a hypervisor of this module's own.
"""

import contextlib
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import libvirt
import pytest
from lab import IMAGES, Lab
from lxml import html

from tests.lab.conftest import lab_in
from tests.lab.state import things
from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab

BLOCK = ("--network-cidr", "10.7.0.1/24", "--domain", "lab.example")
PAGE = "/networks/lab/net1/"
VM_PAGE = "/vms/lab/tiny-20/"
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
HOLD_PORT = """\
import socket, sys
held = socket.socket(type=getattr(socket, "SOCK_" + sys.argv[1]))
held.bind((sys.argv[2], int(sys.argv[3])))
if sys.argv[1] == "STREAM":
    held.listen()
print("held", flush=True)
input()
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    yield from lab_in(tmp_path_factory.mktemp("lab"))


@pytest.fixture(autouse=True)
def nothing_left_over(portal: Portal, lab: Lab) -> Iterator[None]:
    """Every test may leave its network and its VM, and nothing else."""
    before = things_of(lab)
    yield
    portal.manage("vm", "rm", "tiny-20")
    portal.manage("network", "rm", "net1")
    assert things_of(lab) == before


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
    """Run a dnsmasq of the whole host, as an administrator may have one."""
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
def dns_server(lab: Lab) -> Iterator[None]:
    with without_default(lab), holding(lab, "DGRAM", "0.0.0.0", 53):
        yield


@contextlib.contextmanager
def device(lab: Lab, name: str) -> Iterator[None]:
    lab.run("ip", "link", "add", name, "type", "bridge")
    try:
        yield
    finally:
        # libvirt 11.3 takes away a device that it could not make a bridge of.
        lab.run("sh", "-c", f"ip link delete {name} 2>/dev/null || true")


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
    (dhcp_server, "another DHCP server uses port 67 on the host; stop it there, or turn DHCP off here", "bind DHCP"),
    (dns_server, "another name server has 10.7.0.1 on the host", "failed to create listening socket"),
    (device_of_that_name, "the host has a device taken0 already; give the network another bridge", "taken0"),
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
def test_a_network_that_cannot_start_says_why_and_starts_once_the_cause_is_gone(
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
def test_a_bad_dnsmasq_option_names_the_field_that_mends_it(portal: Portal, option: str, sentence: str):
    said = portal.manage("network", "add", "net1", "--dhcp", *BLOCK, "--dnsmasq-option", option, fails=True)
    assert sentence in said
    assert_shown(portal, PAGE, sentence, "dnsmasq: ")
    portal.manage("network", "edit", "net1", "--dnsmasq-option", "", "--yes")
    assert state(portal, "Network", "net1") == "ready"


def test_a_bad_dnsmasq_option_of_a_network_that_runs_leaves_it_running_and_is_kept_as_a_draft(
    portal: Portal, host: libvirt.virConnect
):
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
def test_a_route_that_came_after_the_form_is_named(
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


def test_a_network_on_a_bridge_that_does_not_exist_or_vanishes_is_a_problem_that_is_shown(
    portal: Portal, lab: Lab, host: libvirt.virConnect
):
    problem = "net1: the host has no bridge br9, so no VM on the network has a connection. Create the bridge"
    portal.manage("network", "add", "net1", "--forward-mode", "bridge", "--bridge", "br9")
    wait_for(lambda: problem in portal.get("/").text_content(), 20, "the overview says so")
    assert problem in portal.get(f"{PAGE}problems/").text_content()
    sentence = "the host has no bridge br9; create it there, or choose another bridge or network"
    run = ("run", "tiny", "--id", "20", "--memory", "64M", "--nic", "type=network,source=net1")
    assert sentence in portal.manage("vm", *run, fails=True)
    assert_shown(portal, VM_PAGE, sentence, "Cannot get interface MTU on 'br9'")
    with device(lab, "br9"):
        wait_for(lambda: problem not in portal.get("/").text_content(), 20, "it goes by itself")
        try_again(portal, VM_PAGE)
        wait_for(lambda: state(portal, "VM", "tiny-20") == "ready", 30, "the next try works")
        assert host.lookupByName("tiny-20").isActive()
    wait_for(lambda: problem in portal.get("/").text_content(), 20, "it vanishes under a running VM")


def test_a_bridge_that_others_take_from_a_network_is_a_problem_whose_step_works(portal: Portal, lab: Lab):
    portal.manage("network", "add", "net1", *BLOCK, "--bridge", "br-net1")
    lab.run("ip", "link", "delete", "br-net1")
    problem = "net1: the host has no bridge br-net1, so no VM on the network has a connection. Restart the network"
    wait_for(lambda: problem in portal.get("/").text_content(), 20, "the overview says so")


def test_a_device_that_is_no_bridge_is_named(portal: Portal, lab: Lab):
    lab.run("ip", "tuntap", "add", "tap9", "mode", "tap")
    run = ("run", "tiny", "--id", "20", "--memory", "64M", "--nic", "type=bridge,source=tap9")
    sentence = "tap9 is no bridge on the host; choose a bridge, or put tap9 on one there and choose that"
    assert sentence in portal.manage("vm", *run, fails=True)
    assert_shown(portal, VM_PAGE, sentence, "Unable to add bridge tap9")
    lab.run("ip", "link", "delete", "tap9")


def test_a_vnc_port_that_is_taken_is_named(portal: Portal, lab: Lab):
    with holding(lab, "STREAM", "127.0.0.1", 6009):
        run = ("run", "tiny", "--id", "20", "--memory", "64M", "--vnc", "--vnc-port", "6009")
        sentence = "another program on the host uses the VNC display 127.0.0.1:109"
        assert sentence in portal.manage("vm", *run, fails=True)
        assert_shown(portal, VM_PAGE, sentence, "Address already in use")
    try_again(portal, VM_PAGE)
    wait_for(lambda: state(portal, "VM", "tiny-20") == "ready", 30, "the next try works")


def test_a_pool_without_space_for_a_vm_is_named(portal: Portal, lab: Lab):
    folder, kept = IMAGES, "/run/libvirt/images"
    lab.run("sh", "-c", f"mkdir {kept} && mount --bind {folder} {kept} && mount -t tmpfs -o size=20m tmpfs {folder}")
    lab.run("sh", "-c", f"cp -a {kept}/. {folder} && head -c 30M /dev/zero >{folder}/fill || true")
    run = ("run", "tiny", "--id", "20", "--memory", "64M")
    said = portal.manage("vm", *run, fails=True)
    assert "the pool is full" in said or "the host has no space left for /var/lib/libvirt/images" in said
    assert_shown(portal, VM_PAGE, "; delete", "No space left")
    lab.run("rm", f"{folder}/fill")
    try_again(portal, VM_PAGE)
    wait_for(lambda: state(portal, "VM", "tiny-20") == "ready", 30, "the next try works")
    lab.run("sh", "-c", f"umount --lazy {folder} && umount --lazy {kept}")
    lab.virsh("pool-refresh", "default")


def things_of(lab: Lab) -> dict[str, list[str]]:
    with contextlib.closing(libvirt.open(lab.uri)) as host:  # anew: a test may have restarted libvirtd
        return things(host)


def definition_of_default(lab: Lab) -> str:
    return lab.virsh("net-dumpxml", "--inactive", "default")


def state(portal: Portal, model: str, name: str) -> str:
    return portal.ask(f"{model}.objects.get(name='{name}').state")


def try_again(portal: Portal, page: str) -> None:
    """Press the button, if the portal has not tried by itself meanwhile."""
    if portal.get(page).xpath("//form[contains(@action, '/retry/')]"):
        portal.post(f"{page}retry/", page=page)


def folded(page: html.HtmlElement) -> list[str]:
    return [details.text_content() for details in page.xpath("//details[not(@open)]")]


def assert_shown(portal: Portal, path: str, sentence: str, raw: str) -> None:
    """The page shows the sentence, and libvirt's own words only to who unfolds them."""
    page = portal.get(path)
    reason = page.get_element_by_id("reason")
    assert sentence in reason.xpath("string(.//strong)")
    assert raw not in reason.xpath("string(.//strong)").replace(sentence, "")
    assert any(raw in text for text in folded(reason))
