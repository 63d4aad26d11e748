"""An SSH server on loopback that accepts every login and runs commands, as the sshd of a hypervisor does."""

import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import paramiko

KNOWN_HOSTS = Path("~/.ssh/known_hosts").expanduser()  # of the user who connects: the client adds the key there


class Session(paramiko.ServerInterface):
    def check_auth_none(self, username: str) -> int:
        return paramiko.AUTH_SUCCESSFUL

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        program = subprocess.Popen(["sh", "-c", command], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for pump in (_send, _receive):
            threading.Thread(target=pump, args=[channel, program], daemon=True).start()
        return True


def _receive(channel: paramiko.Channel, program: subprocess.Popen) -> None:
    with suppress(OSError), program.stdin:
        while data := channel.recv(65536):
            program.stdin.write(data)
            program.stdin.flush()


def _send(channel: paramiko.Channel, program: subprocess.Popen) -> None:
    with suppress(OSError):
        while data := os.read(program.stdout.fileno(), 65536):
            channel.sendall(data)
        channel.send_exit_status(program.wait())
        channel.close()
    program.kill()


@contextmanager
def ssh_server() -> Iterator[int]:
    """Run the server as long as the context lasts; yield its port."""
    key, transports = paramiko.ECDSAKey.generate(), []

    def serve() -> None:
        with suppress(OSError):
            while True:
                client, _ = server.accept()
                transport = paramiko.Transport(client)
                transport.add_server_key(key)
                transport.start_server(event=threading.Event(), server=Session())
                transports.append(transport)

    before = KNOWN_HOSTS.read_bytes() if KNOWN_HOSTS.exists() else None
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, daemon=True).start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            for transport in transports:
                transport.close()
            if before is None:
                KNOWN_HOSTS.unlink(missing_ok=True)
            else:
                KNOWN_HOSTS.write_bytes(before)
