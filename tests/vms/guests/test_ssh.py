"""Waiting for SSH: each reason why a guest cannot be logged in to, from a real SSH server, and what pages say."""

import os
import shutil
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import paramiko
import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.support.making import make_foreign_network, make_hypervisor, make_lease, make_running, make_vm
from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import Refused, Silent
from virterweb.messages import Message
from vms.cloud_init import portal_key, seed
from vms.definition import cloud_init
from vms.guests import ssh
from vms.management.arguments import wait_for_ssh
from vms.models import VM, Power, SSHCheck, SSHState, VMStatus

pytestmark = pytest.mark.integration

MAC, IP = "52:54:00:00:00:08", "192.168.122.8"
GUEST_KEY = paramiko.RSAKey.generate(2048)
OTHER_KEY = paramiko.RSAKey.generate(2048)


class Guest(paramiko.ServerInterface):
    """An SSH server that lets one key in as root and answers a command with an exit status."""

    def __init__(self, letting_in: str, status: int, prints: str = "") -> None:
        self.letting_in, self.status, self.prints = letting_in, status, prints
        self.asked: list[tuple[str, str]] = []

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        right = username == "root" and key.get_base64() == self.letting_in
        return paramiko.AUTH_SUCCESSFUL if right else paramiko.AUTH_FAILED

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        self.asked.append(command.decode())
        threading.Thread(target=self._answer, args=[channel], daemon=True).start()
        return True

    def _answer(self, channel: paramiko.Channel) -> None:
        time.sleep(0.05)  # the request itself is answered first
        with suppress(EOFError, OSError):  # the client left
            channel.sendall(self.prints.encode())
            channel.send_exit_status(self.status)
            channel.close()


@pytest.fixture(scope="module")
def kept_key(tmp_path_factory) -> Path:
    """The file of a portal's key, which takes a while to make."""
    folder = tmp_path_factory.mktemp("kept")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(django_settings, "DATA_DIR", folder)
        portal_key.load()
    return folder / "ssh-key"


@pytest.fixture
def own_key(tmp_path, settings, kept_key) -> paramiko.RSAKey:
    settings.DATA_DIR = tmp_path
    shutil.copy2(kept_key, tmp_path)
    return portal_key.load()


@contextmanager
def serving(guest: Guest, host_key: paramiko.PKey = GUEST_KEY) -> Iterator[int]:
    """A port on loopback where a guest's sshd answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            transport = paramiko.Transport(connection)
            transport.add_server_key(host_key)
            with suppress(paramiko.SSHException):  # the client left
                transport.start_server(server=guest)

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]


def talk(port: int, user: str = "root", key: paramiko.PKey = GUEST_KEY, tell: Callable | None = None) -> str:
    connection = socket.create_connection(("127.0.0.1", port))
    return str(ssh.talk(connection, IP, f"ssh-rsa {key.get_base64()}", user, tell))


def test_a_guest_that_lets_the_portal_in_after_cloud_init_is_ready(own_key):
    guest = Guest(own_key.get_base64(), 0)
    with serving(guest) as port:
        assert talk(port) == ""
    assert guest.asked == ["test -e /run/cloud-init/result.json"]


def test_a_guest_that_is_ready_tells_what_its_cloud_init_came_to(own_key):
    told: list[str] = []
    with serving(Guest(own_key.get_base64(), 0, "as it is\nend\n")) as port:
        assert talk(port, tell=told.append) == ""
    assert told == ["as it is\nend\n"]
    with serving(Guest(own_key.get_base64(), 1, "end")) as port:
        assert talk(port, tell=told.append) == "cloud-init is still running"
    assert len(told) == 1


def test_cloud_init_may_still_be_running(own_key):
    with serving(Guest(own_key.get_base64(), 1)) as port:
        assert talk(port) == "cloud-init is still running"


def test_a_guest_may_not_let_the_portal_in(own_key):
    with serving(Guest(OTHER_KEY.get_base64(), 0)) as port:
        assert talk(port) == "SSH does not let the portal in as root"
    with serving(Guest(own_key.get_base64(), 0)) as port:
        assert talk(port, user="alma") == "SSH does not let the portal in as alma"


@pytest.mark.parametrize("key", [OTHER_KEY, paramiko.ECDSAKey.generate()], ids=["another RSA key", "none of RSA"])
def test_another_machine_is_not_logged_in_to(own_key, key):
    guest = Guest(own_key.get_base64(), 0)
    with serving(guest, host_key=key) as port:
        assert f"another machine answers at {IP}" in talk(port)
    assert guest.asked == []


def test_what_is_no_ssh_server_breaks_off(own_key):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=lambda: listener.accept()[0].close(), daemon=True).start()
        assert talk(listener.getsockname()[1]).startswith(f"SSH at {IP} broke off: ")


def test_a_server_that_says_nothing_is_given_up(own_key, monkeypatch):
    monkeypatch.setattr(ssh, "TALKING", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert talk(listener.getsockname()[1]).startswith(f"SSH at {IP} broke off: ")


# the portal's key


def test_the_portals_key_is_made_once_and_for_its_user_alone(tmp_path, settings):
    settings.DATA_DIR = tmp_path
    own_key, path = portal_key.load(), tmp_path / "ssh-key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert portal_key.load().get_base64() == own_key.get_base64()
    assert list(path.parent.iterdir()) == [path]
    assert portal_key.authorized_line() == f"ssh-rsa {own_key.get_base64()} virterweb"


def test_processes_that_start_at_once_agree_on_one_key(tmp_path):
    code = "import django; django.setup(); from vms.cloud_init import portal_key; print(portal_key.authorized_line())"
    environment = {**os.environ, "VIRTERWEB_DATA": str(tmp_path), "DJANGO_SETTINGS_MODULE": "virterweb.settings"}
    started = [
        subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert len({process.communicate()[0] for process in started}) == 1


@pytest.mark.django_db
def test_only_a_vm_that_is_waited_for_lets_the_portal_in(own_key, pokes):
    vm = running_vm()
    assert portal_key.authorized_line().encode() in seed.files(vm)["user-data"]
    vm.wait_ssh = False
    assert b"virterweb" not in seed.files(vm)["user-data"]
    assert cloud_init.iso(seed.files(vm))


# the connection


def test_the_gateway_says_why_there_is_no_connection():
    connection = Connection(1, "test:///default")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        connection.host.tcp_socket("127.0.0.1", port, 1).close()
    with pytest.raises(Refused, match=rf"nothing listens at 127.0.0.1 port {port} \(connection refused\)"):
        connection.host.tcp_socket("127.0.0.1", port, 1)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        with (
            connection.host.tcp_socket("127.0.0.1", port, 1),
            pytest.raises(Silent, match=r"127\.0\.0\.1 does not answer"),
        ):
            connection.host.tcp_socket("127.0.0.1", port, 0.2)  # the queue is full: nobody answers
    connection.close()


# the check, and the state that is shown


def running_vm(**values) -> VM:
    """A VM that is waited for and runs, with a check that is due."""
    hypervisor = make_hypervisor()
    make_foreign_network(hypervisor)
    vm = make_vm(hypervisor, wait_ssh=True, **values)
    vm.host_key_public = f"ssh-rsa {GUEST_KEY.get_base64()}"
    VM.objects.filter(pk=vm.pk).update(host_key_public=vm.host_key_public)
    make_running(vm, ("default", MAC, "vnet0"))
    ssh.note_start(vm, "<domain id='5'/>")
    return fresh(vm)


def fresh(vm: VM) -> VM:
    return VM.objects.shown().get(pk=vm.pk)


@pytest.fixture
def waited(db, own_key, pokes) -> VM:
    return running_vm()


class Wire:
    """A host whose guests answer at a port of loopback, or not at all."""

    def __init__(self) -> None:
        self.port: int | None = None
        self.tried: list[str] = []

    def tcp_socket(self, address: str, port: int, seconds: float) -> socket.socket:
        self.tried.append(f"{address}:{port}")
        if self.port is None:
            raise Silent(Message.external(f"{address} does not answer"))
        return socket.create_connection(("127.0.0.1", self.port))


@pytest.fixture
def wire(monkeypatch) -> Wire:
    wire = Wire()

    @contextmanager
    def door(hypervisor_id: int, uri: str) -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(host=wire)

    monkeypatch.setattr(ssh, "connected", door)
    return wire


def try_now(vm: VM) -> VM:
    SSHCheck.objects.filter(vm=vm).update(due_at=timezone.now())
    ssh.check(SSHCheck.objects.get(vm=vm).pk)
    return fresh(vm)


def test_a_vm_is_waited_for_until_it_can_be_logged_in_to(waited, wire, own_key):
    assert waited.shown_state == SSHState.WAITING
    vm = try_now(waited)
    assert (vm.shown_state, vm.ssh_reason) == (SSHState.WAITING, "it has no address yet")
    make_lease(vm.status.nics.get().network, MAC, IP)
    assert try_now(vm).ssh_reason == f"{IP} does not answer"
    with serving(Guest(own_key.get_base64(), 1)) as wire.port:
        assert try_now(vm).ssh_reason == "cloud-init is still running"
    with serving(Guest(own_key.get_base64(), 0)) as wire.port:
        vm = try_now(vm)
    assert (vm.shown_state, vm.ssh_reason, vm.ssh_check.reason) == (Power.RUNNING, "", Message())
    assert set(wire.tried) == {f"{IP}:22"}
    assert not ssh.due().exists()


def test_a_vm_without_an_id_is_tried_at_its_lease(db, own_key, pokes, wire):
    vm = running_vm(number=None, name="free")
    make_lease(vm.status.nics.get().network, MAC, "192.168.122.77")
    assert try_now(vm).ssh_reason == "192.168.122.77 does not answer"


def test_it_is_tried_every_few_seconds_ever_more_slowly(waited, wire):
    def pause() -> float:
        check = try_now(waited).ssh_check
        return (check.due_at - timezone.now()).total_seconds()

    assert 1 < pause() < 3
    SSHCheck.objects.update(since=timezone.now() - timedelta(seconds=40))
    assert 5 < pause() < 7
    SSHCheck.objects.update(since=timezone.now() - timedelta(seconds=290))
    assert 9 < pause() <= 10


def test_after_300_s_it_is_given_up_with_the_last_reason(waited, wire):
    make_lease(waited.status.nics.get().network, MAC, IP)
    try_now(waited)
    SSHCheck.objects.update(since=timezone.now() - timedelta(seconds=301), due_at=timezone.now())
    vm = fresh(waited)
    assert vm.shown_state == SSHState.GIVEN_UP
    assert vm.ssh_reason == f"did not become reachable within 300 s: {IP} does not answer"
    assert not ssh.due().exists()


def test_one_that_was_never_tried_is_not_given_up(waited, wire):
    SSHCheck.objects.update(since=timezone.now() - timedelta(seconds=900))
    assert fresh(waited).shown_state == SSHState.WAITING
    assert try_now(waited).shown_state == SSHState.GIVEN_UP


def test_a_start_begins_the_wait_anew_and_a_second_look_does_not(waited):
    VMStatus.objects.update(document="<domain id='5'/>")
    SSHCheck.objects.update(ready_at=timezone.now(), reason="")
    ssh.note_start(fresh(waited), "<domain id='5'/>")
    assert fresh(waited).shown_state == Power.RUNNING
    ssh.note_start(fresh(waited), "<domain id='6'/>")
    assert fresh(waited).shown_state == SSHState.WAITING


def test_an_answer_to_the_start_before_does_not_count(waited, wire, monkeypatch):
    def restarted_meanwhile(vm: VM) -> Message:
        ssh.note_start(vm, "<domain id='9'/>")
        return Message()

    monkeypatch.setattr(ssh, "_reason", restarted_meanwhile)
    assert try_now(waited).shown_state == SSHState.WAITING


def test_a_vm_that_is_off_or_not_waited_for_is_not_tried(waited, wire):
    VMStatus.objects.update(power=Power.OFF)
    assert fresh(waited).shown_state == Power.OFF
    assert not ssh.due().exists()
    VMStatus.objects.update(power=Power.RUNNING)
    VM.objects.update(wait_ssh=False)
    assert fresh(waited).shown_state == Power.RUNNING
    assert not ssh.due().exists()


def test_pages_say_that_it_is_waited_for_and_why(waited, wire, page):
    try_now(waited)
    text = page.get(waited.get_absolute_url()).content.decode()
    assert 'data-state="waiting" title="it has no address yet"' in text
    assert "<dt>Waiting for SSH</dt><dd>it has no address yet</dd>" in text
    assert "waiting for SSH</span>" in text
    assert "waiting for SSH</span>" in page.get("/vms/").content.decode()
    SSHCheck.objects.update(since=timezone.now() - timedelta(seconds=301))
    assert "no SSH</span>" in page.get("/vms/").content.decode()


def test_the_command_waits_and_fails_with_the_reason(waited, wire):
    SSHCheck.objects.update(ready_at=timezone.now())
    wait_for_ssh([waited])
    SSHCheck.objects.update(
        ready_at=None, reason=Message("tcp.silent", address="x"), since=timezone.now() - timedelta(seconds=301)
    )
    with pytest.raises(CommandError, match="alma-8-8: did not become reachable within 300 s: x does not answer"):
        wait_for_ssh([waited])
    VMStatus.objects.update(power=Power.OFF)
    with pytest.raises(CommandError, match="alma-8-8 no longer runs"):
        wait_for_ssh([waited])


def test_the_list_costs_no_query_for_each_vm_that_is_waited_for(waited, page):
    def queries() -> int:
        with CaptureQueriesContext(database) as found:
            assert (
                page.get("/vms/", headers={"HX-Request": "true"}).content.count(b"waiting for SSH")
                == VM.objects.count()
            )
        return len(found)

    few = queries()
    for number in range(20, 30):
        vm = make_vm(waited.hypervisor, f"vm-{number}", number, wait_ssh=True)
        make_running(vm, ("default", f"52:54:00:00:00:{number:02x}", f"vnet{number}"))
        if number % 2:
            ssh.note_start(vm, "<domain id='7'/>")
    assert queries() == few
