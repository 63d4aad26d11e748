"""The command with which a user reaches a guest by SSH from a machine of the user."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from networks.models import Network
from vms.addresses.jump_host import DIRECT, is_private, jump_to
from vms.attached.rows import NICRow
from vms.models import VM

PINNED = ("StrictHostKeyChecking=yes", "UserKnownHostsFile=/dev/null", "GlobalKnownHostsFile=/dev/null")


@dataclass(frozen=True, kw_only=True)
class SSHLine:
    """How a guest is reached. `network` is the private network it is on, None if others reach its address as well."""

    vm: VM
    address: str
    jump: str
    network: Network | None

    @property
    def short(self) -> str:
        """Return the command without the host key."""
        return shlex.join([*self._to_jump, self._target])

    @property
    def full(self) -> str:
        """Return the command, which accepts the VM's own host key only, if that is known; needs OpenSSH 8.5."""
        options = [word for option in self._pin for word in ("-o", option)]
        return shlex.join([*self._to_jump, *options, self._target])

    @property
    def is_pinned(self) -> bool:
        return bool(self._pin)

    @property
    def _to_jump(self) -> list[str]:
        return ["ssh", "-J", self.jump] if self.jump else ["ssh"]

    @property
    def _target(self) -> str:
        return f"{self.vm.ssh_user}@{self.address}"

    @property
    def _pin(self) -> tuple[str, ...]:
        key = " ".join(self.vm.host_key_public.split()[:2])
        return (*PINNED, f"KnownHostsCommand=/bin/echo %H {key}") if key else ()


def ssh_line(vm: VM, rows: Sequence[NICRow]) -> SSHLine | None:
    """Return how a VM with these NICs is reached at its access address; None without one."""
    row = next((row for row in rows if row.known.ips), None)
    if row is None:
        return None
    network = row.seen.network if row.seen else None
    mode = network.status.forward_mode if network else None
    private = network if is_private(mode) and vm.hypervisor.ssh_host != DIRECT else None
    return SSHLine(vm=vm, address=row.known.ips[0], jump=jump_to(vm.hypervisor, mode), network=private)
