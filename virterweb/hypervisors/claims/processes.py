"""Processes as holders of claims: which one this is, and whether another is dead."""

import os
from pathlib import Path


def this_process() -> str:
    """Return what distinguishes this process from all others: machine and boot, PID namespace, PID, and start."""
    pid = os.getpid()
    return f"{_place()}/{pid}/{_start_of(pid)}"


def _place() -> str:
    """Return an identifier that all processes of one PID namespace share."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}/{Path('/proc/self/ns/pid').stat().st_ino}"


def _start_of(pid: int) -> str:
    """Return when a process started, in ticks since the boot; "" if it has ended."""
    state, *rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return "" if state in "ZX" else rest[18]


def is_dead(token: str) -> bool:
    """Return whether the process that holds a token is certainly dead; False for other machines and namespaces."""
    place = f"{_place()}/"
    if not token.startswith(place):
        return False
    pid, start, _ = token.removeprefix(place).split("/")
    try:
        os.kill(int(pid), 0)
        return _start_of(int(pid)) != start
    except ProcessLookupError:
        return True
    except OSError:  # a process of another user, which may be hidden
        return False
