"""OpenSSH's server on loopback, with a key for root that an agent holds; optionally in another network namespace."""

import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

KNOWN_HOSTS = Path("~/.ssh/known_hosts").expanduser()  # of the user who connects: ssh adds the key there
CONFIGURATION = """HostKey {folder}/host_key
AuthorizedKeysFile {folder}/user_key.pub
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication no
AllowTcpForwarding {forwarding}
"""


@contextmanager
def sshd(folder: Path, *inside: str, forwarding: bool = True) -> Iterator[tuple[int, Path]]:
    """Run it as long as the context lasts; yield its port and the socket of the agent.

    `inside` is a command that runs another one elsewhere, such as nsenter in a namespace.
    """
    for name in ("host_key", "user_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    configuration = folder / "sshd_config"
    configuration.write_text(CONFIGURATION.format(folder=folder, forwarding="yes" if forwarding else "no"))
    Path("/run/sshd").mkdir(exist_ok=True)
    command = [*inside, "/usr/sbin/sshd", "-i", "-f", str(configuration), "-E", str(folder / "log")]
    with known_hosts_kept(), agent_with(folder / "user_key", folder / "agent"), listening(command) as port:
        yield port, folder / "agent"


@contextmanager
def listening(command: list[str]) -> Iterator[int]:
    """Run a command for each connection to a port on loopback; the commands end with the context."""
    running: list[subprocess.Popen] = []

    def serve() -> None:
        with suppress(OSError):
            while True:
                client, _ = server.accept()
                with client:
                    running.append(subprocess.Popen(command, stdin=client, stdout=client))

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, daemon=True).start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            for process in running:
                process.terminate()
                process.wait()


@contextmanager
def agent_with(key: Path, path: Path) -> Iterator[None]:
    """Run an agent that holds a key, on a socket."""
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", path], stdout=subprocess.DEVNULL)
    add = ["ssh-add", "-q", str(key)]
    try:
        while subprocess.run(add, env={**os.environ, "SSH_AUTH_SOCK": str(path)}, stderr=subprocess.DEVNULL).returncode:
            assert agent.poll() is None
        yield
    finally:
        agent.terminate()
        agent.wait()


@contextmanager
def known_hosts_kept() -> Iterator[None]:
    """Keep the file that ssh writes the key of the server to."""
    before = KNOWN_HOSTS.read_bytes() if KNOWN_HOSTS.exists() else None
    try:
        yield
    finally:
        if before is None:
            KNOWN_HOSTS.unlink(missing_ok=True)
        else:
            KNOWN_HOSTS.write_bytes(before)
