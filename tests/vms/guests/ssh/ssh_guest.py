"""An SSH server in the place of a guest."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import paramiko

from tests.support.making import make_foreign_network, make_hypervisor, make_running, make_vm
from vms.guests import ssh
from vms.models import VM

MAC, IP = "52:54:00:00:00:08", "192.168.122.8"
GUEST_KEY = paramiko.RSAKey.generate(2048)


class Guest(paramiko.ServerInterface):
    """An SSH server that accepts one key for root and answers a command with an exit status."""

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


@contextmanager
def serving(guest: Guest, host_key: paramiko.PKey = GUEST_KEY) -> Iterator[int]:
    """Yield a port on loopback where the SSH server of a guest answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            transport = paramiko.Transport(connection)
            transport.add_server_key(host_key)
            with suppress(paramiko.SSHException):  # the client left
                transport.start_server(server=guest)

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]


def running_vm(**values) -> VM:
    """Return a running VM that is waited for, with a check that is due."""
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
