"""A hypervisor reached by TCP, whose taps the portal cannot see: it still finds the NICs that a restart disconnected.

Some releases of libvirt forget the ports of a network with its restart, others keep them: both cases are tested.
"""

import contextlib
import socket
import threading
from collections.abc import Iterator

import libvirt
import pytest
from lab import Lab

from tests.lab.guest import bridges
from tests.lab.networks.test_reconnect import vm
from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab

RED = (
    "<network><name>red</name><bridge stp='off'/><ip address='10.71.0.1' prefix='24'>"
    "<dhcp><range start='10.71.0.2' end='10.71.0.90'/></dhcp></ip></network>"
)
VMS = ["empty", "tiny-8"]
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


@pytest.fixture(scope="module")
def uri(lab: Lab) -> Iterator[str]:
    """The lab's libvirtd, at a TCP port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, args=[server, str(lab.sockets / "libvirt-sock")], daemon=True).start()
        yield f"qemu+tcp://127.0.0.1:{server.getsockname()[1]}/system"
        server.shutdown(socket.SHUT_RDWR)


@pytest.fixture(scope="module")
def remote(lab: Lab, uri: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A portal that reaches the lab only by TCP and manages a network with two VMs there."""
    portal = Portal(tmp_path_factory.mktemp("portal"), {"remote": uri})
    host = libvirt.open(lab.uri)
    red = host.networkDefineXML(RED)
    red.create()
    empty = vm(host, "empty", ["<source network='red'/>"])
    portal.ask("Hypervisor.objects.update(domain_type='qemu')")
    portal.start_worker()
    wait_for(lambda: portal.ask("Image.objects.count() + Network.objects.count()") == 3, 60, "the first poll")
    portal.manage("network", "adopt", "red")
    portal.manage("vm", "run", "tiny", "--id", "8", "--memory", "64M", "--nic", "type=network,source=red")
    wait_for(red.DHCPLeases, 120, "it has its lease")
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
