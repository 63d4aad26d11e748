"""libvirt's events become "look again" pokes, inside the Celery worker. An event carries nothing else."""

import threading

from . import gateway, tasks

_QUIET = 0.05  # seconds: what libvirt says in one breath is one poke
_waiting: set[int] = set()
_lock = threading.Lock()


def listen() -> None:
    """From now on every connection of this process pokes a look at its hypervisor when something changes."""
    gateway.listener = changed


def changed(hypervisor_id: int) -> None:
    with _lock:
        if hypervisor_id in _waiting:
            return
        _waiting.add(hypervisor_id)
    threading.Timer(_QUIET, _poke, [hypervisor_id]).start()


def _poke(hypervisor_id: int) -> None:
    with _lock:
        _waiting.discard(hypervisor_id)
    tasks.observe.delay(hypervisor_id)
