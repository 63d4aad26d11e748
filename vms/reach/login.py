"""Programs of OpenSSH that reach a guest from the portal's machine, with the guest's own host key only."""

import shlex
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from virterweb.hypervisors.gateway import jump
from virterweb.messages import Failure, Message
from vms.addresses.inventory import guests
from vms.cloud_init import portal_key
from vms.models import VM, Power

PORT = 22
TIMEOUT = 10  # seconds until a guest must have accepted the connection


@dataclass(frozen=True, kw_only=True)
class Login:
    """A guest that can be logged in to: options for ssh, scp and rsync, and who logs in where."""

    vm: VM
    options: tuple[str, ...]
    user: str
    address: str

    @property
    def ssh(self) -> list[str]:
        """Return the command that logs in, and runs what is appended to it."""
        return ["ssh", *self.options, "-l", self.user, "--", self.address]

    def path(self, path: str) -> str:
        """Return a path in the guest, as rsync and scp take it."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{self.user}@{host}:{path}"


@contextmanager
def login(vm: VM) -> Iterator[Login]:
    """Keep the files that logging in to a VM needs, and yield how to.

    VMs that were run to wait for SSH accept the portal's key; others those of the user who runs the command.

    Raises:
        Failure: the VM is off, or its address or host key is unknown, or there is no ssh.
    """
    address = _address(vm)
    with tempfile.TemporaryDirectory(prefix="virterweb-ssh-") as name:
        folder = Path(name)
        known_hosts = folder / "known_hosts"
        known_hosts.write_text(f"{_alias(vm)} {' '.join(vm.host_key_public.split()[:2])}\n")
        options = ["-o", f"HostKeyAlias={_alias(vm)}", "-o", f"UserKnownHostsFile={known_hosts}"]
        options += ["-o", "GlobalKnownHostsFile=/dev/null", "-o", "StrictHostKeyChecking=yes"]
        options += ["-o", f"ConnectTimeout={TIMEOUT}", "-o", "LogLevel=ERROR"]
        if vm.managed and vm.wait_ssh:
            options += ["-i", str(_key_file(folder)), "-o", "IdentitiesOnly=yes"]
        if jump.is_jump(vm.hypervisor.uri):
            through = shlex.join(jump.command(vm.hypervisor.uri, address, PORT)).replace("%", "%%")
            options += ["-o", f"ProxyCommand={through}"]
        yield Login(vm=vm, options=tuple(options), user=vm.ssh_user, address=address)


def _address(vm: VM) -> str:
    """Return the address to log in at; Failure if the VM cannot be logged in to now."""
    if not shutil.which("ssh"):
        raise Failure(Message("reach.no_program", program="ssh"))
    if vm.status.power != Power.RUNNING:
        raise Failure(Message("reach.off", vm=vm.name))
    if not vm.host_key_public.strip():
        raise Failure(Message("reach.no_key", vm=vm.name))
    (guest,) = guests(VM.objects.filter(pk=vm.pk))
    if not guest.address:
        raise Failure(Message("reach.no_address", vm=vm.name))
    return guest.address


def _alias(vm: VM) -> str:
    """Return the name of a VM in the file of known hosts, where a name has no special character."""
    return f"vm-{vm.pk}"


def _key_file(folder: Path) -> Path:
    """Return a file with the portal's private key, which only its owner can read."""
    text = StringIO()
    portal_key.load().write_private_key(text)
    path = folder / "key"
    path.touch(mode=0o600)
    path.write_text(text.getvalue())
    return path
