"""A hypervisor reached by TCP or SSH, whose taps the portal cannot see.

It still finds the NICs that a restart of their network disconnected.

Some releases of libvirt forget the ports of a network with its restart, others keep them: both cases are tested.
"""

import contextlib
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import libvirt
import pytest
from lab import Lab

from tests.lab.guest import bridges
from tests.lab.networks.test_reconnect import vm
from tests.support.portal import ROOT, Portal
from tests.support.servers.sshd import sshd
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab

RED = (
    "<network><name>red</name><bridge stp='off'/><ip address='10.71.0.1' prefix='24'>"
    "<dhcp><range start='10.71.0.2' end='10.71.0.90'/></dhcp></ip></network>"
)
VMS = ["empty", "tiny-8"]
SINCE = "from django.utils import timezone; from vms.models import SSH_TIMEOUT"
STATUS = "Network.objects.get(name='red').status"


def pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for one in (source, target):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


def serve(server: socket.socket, path: str) -> None:
    with contextlib.suppress(OSError):
        while True:
            client, _ = server.accept()
            libvirtd = socket.socket(socket.AF_UNIX)
            libvirtd.connect(path)
            for pair in ((client, libvirtd), (libvirtd, client)):
                threading.Thread(target=pump, args=pair, daemon=True).start()


@contextlib.contextmanager
def by_tcp(lab: Lab, folder: Path) -> Iterator[str]:
    """The libvirtd of the lab, at a TCP port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, args=[server, str(lab.sockets / "libvirt-sock")], daemon=True).start()
        yield f"qemu+tcp://127.0.0.1:{server.getsockname()[1]}/system"
        server.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def by_ssh(lab: Lab, folder: Path) -> Iterator[str]:
    """The libvirtd of the lab, at an SSH server in its network namespace."""
    inside = ["nsenter", "-t", str(lab.namespace_pid), "-n"]
    with sshd(folder, *inside) as (port, agent), pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSH_AUTH_SOCK", str(agent))
        socket_path = lab.sockets / "libvirt-sock"
        yield f"qemu+ssh://root@127.0.0.1:{port}/system?socket={socket_path}&no_verify=1&no_tty=1"


@pytest.fixture(scope="module", params=[by_tcp, by_ssh])
def uri(request: pytest.FixtureRequest, lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with request.param(lab, tmp_path_factory.mktemp("remote")) as uri:
        yield uri


@pytest.fixture(scope="module")
def remote(lab: Lab, uri: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A portal that reaches the lab only over TCP or SSH and manages a network with two VMs there."""
    portal = Portal(tmp_path_factory.mktemp("portal"), {"remote": uri})
    host = libvirt.open(lab.uri)
    red = host.networkDefineXML(RED)
    red.create()
    empty = vm(host, "empty", ["<source network='red'/>"])
    portal.ask("Hypervisor.objects.update(domain_type='qemu')")
    portal.start_web()
    portal.start_worker()
    portal.log_in()
    wait_for(lambda: portal.ask("Image.objects.count() + Network.objects.count()") == 3, 60, "the first poll")
    portal.manage("network", "adopt", "red")
    portal.manage("vm", "run", "tiny", "--id", "8", "--memory", "128M", "--nic", "type=network,source=red")
    wait_for(lambda: "tiny-8" in {lease["hostname"] for lease in red.DHCPLeases()}, 120, "it has its lease")
    wait_for(lambda: portal.ask("NICStatus.objects.filter(network__name='red').count()") == 2, 60, "both are seen")
    yield portal
    portal.manage("vm", "rm", "tiny-8")
    portal.stop()
    empty.destroy()
    red.destroy()
    red.undefine()
    host.close()


def names(portal: Portal, *columns: str) -> list[str]:
    found = " + ".join(f"{STATUS}.{column}" for column in columns)
    return portal.ask(f"sorted({{each[1] for each in {found}}})")


def assert_connected(portal: Portal, lab: Lab, host: libvirt.virConnect) -> None:
    assert set(bridges(lab, host, "red").values()) == {host.networkLookupByName("red").bridgeName()}
    wait_for(lambda: names(portal, "disconnected", "suspect") == [], 30, "nobody is said to be disconnected")


def test_the_uptime_of_the_host_is_known(remote: Portal):
    uptime = "HypervisorStatus.objects.get().uptime"
    before = wait_for(lambda: remote.ask(uptime), 30, "a poll")
    wait_for(lambda: remote.ask(uptime) > before, 30, "it grows from poll to poll")


def test_a_restart_outside_the_portal_is_noticed_and_repaired(remote: Portal, lab: Lab, host: libvirt.virConnect):
    lab.virsh("net-destroy", "red")
    lab.virsh("net-start", "red")
    wait_for(lambda: names(remote, "disconnected", "suspect") == VMS, 30, "both are, or may be, disconnected")
    remote.manage("network", "apply", "red", "--yes")
    assert_connected(remote, lab, host)


def test_a_restart_by_the_portal_leaves_no_nic_disconnected(remote: Portal, lab: Lab, host: libvirt.virConnect):
    remote.manage("network", "edit", "red", "--mtu", "1400", "--yes")
    assert_connected(remote, lab, host)


def test_a_start_is_written_down_and_what_was_on_the_network_then_can_be_reconnected(
    remote: Portal, lab: Lab, host: libvirt.virConnect
):
    assert remote.ask(f"{STATUS}.started_at"), "by libvirt's event of the restart before"
    remote.ask(
        "Network.objects.get(name='red').status.write(started_at=timezone.now())",
        "from django.utils import timezone",
    )
    wait_for(lambda: names(remote, "suspect") == VMS, 30, "what was on it then may be disconnected")
    assert names(remote, "disconnected") == []
    remote.manage("network", "apply", "red", "--yes")
    assert_connected(remote, lab, host)


def test_what_a_guest_prints_is_on_its_page_and_a_nic_can_be_added(remote: Portal, host: libvirt.virConnect):
    page = "/vms/remote/tiny-8/console/"
    wait_for(lambda: "tiny: eth0 up" in remote.get(page).xpath("string(//pre)"), 60, "the log of its console")
    mac = remote.manage("vm", "nic", "add", "tiny-8", "type=network,source=red").strip()
    red = host.networkLookupByName("red")
    wait_for(lambda: mac in {lease["mac"] for lease in red.DHCPLeases()}, 60, "the guest has its lease")
    wait_for(lambda: remote.ask(f"Lease.objects.filter(mac='{mac}').count()"), 20, "the portal has it")
    remote.manage("vm", "nic", "rm", "tiny-8", mac)
    assert mac not in host.lookupByName("tiny-8").XMLDesc()


def test_ssh_of_a_guest_is_tried_through_the_hypervisor_and_the_page_says_why_it_fails(remote: Portal, uri: str):
    """The guest has no SSH server, which only the hypervisor can see."""
    if not uri.startswith("qemu+ssh:"):
        pytest.skip("the portal's machine has no route to the guest")
    command = ["vm", "run", "tiny", "--id", "9", "--memory", "128M", "--nic", "type=network,source=red", "--wait-ssh"]
    waiting = subprocess.Popen([sys.executable, ROOT / "manage.py", *command], env=remote.environment, stderr=-1)
    try:
        check = "[str(each.reason) for each in SSHCheck.objects.filter(vm__name='tiny-9')]"
        closed = "nothing listens at"
        why = wait_for(lambda: [each for each in remote.ask(check) if closed in each], 120, "the reason")[0]
        remote.ask("SSHCheck.objects.update(since=timezone.now() - SSH_TIMEOUT)", SINCE)
        page = remote.get("/vms/remote/tiny-9/")
        assert why in page.xpath("string(//dt[.='No SSH']/following-sibling::dd)")
        assert why in waiting.communicate(timeout=20)[1].decode()
    finally:
        waiting.kill()
        waiting.wait()
        remote.manage("vm", "rm", "tiny-9")
