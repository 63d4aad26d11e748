"""Claims: one worker at a time works on a row, for as long as that takes, and no longer than it lives.

A claim is a token in the row that says which process holds it. Only who holds the token ends or extends the claim.
While the work is in progress a thread of the process extends it. The claims of a process that was killed end by
themselves, and at once where another process of the same machine sees that it is dead.
"""

import itertools
import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.db import Error, connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from virterweb.hypervisors.gateway.found import HypervisorError
from virterweb.hypervisors.models import LONGEST_PAUSE, Claimable, free

log = logging.getLogger(__name__)

FIRST_PAUSE = timedelta(seconds=10)  # after an attempt that crashed
EXTENSIONS = 6  # of a claim before it would end: a few may fail or be late

_numbers = itertools.count(1)
_held: dict[str, type[Claimable]] = {}
_extending: threading.Thread | None = None
_lock = threading.Lock()
os.register_at_fork(after_in_child=_held.clear)


@contextmanager
def claimed(rows: QuerySet[Claimable]) -> Iterator[Claimable | None]:
    """Claim the one row if it is free, or yield None: another has it, or there is none.

    An unexpected exception is passed on, and the row stays claimed by nobody for a time that doubles with each further
    one, so that no sweep hands it out again at once.
    """
    token, model = f"{this_process()}/{next(_numbers)}", rows.model
    with transaction.atomic():
        row = rows.filter(free()).select_for_update(of=("self",)).first()
        if row:
            row.claimed_by, row.claimed_until = token, timezone.now() + _length()
            row.save(update_fields=["claimed_by", "claimed_until"])
    if row is None:
        yield None
        return
    _held[token] = model
    _start_extending()
    ended = {"claimed_by": "", "claimed_until": None, "crashes": 0}
    try:
        yield row
    except HypervisorError:
        raise
    except Exception:
        pause = min(FIRST_PAUSE * 2**row.crashes, LONGEST_PAUSE / 2)
        ended |= {"claimed_until": timezone.now() + pause, "crashes": min(row.crashes + 1, 10)}
        raise
    finally:
        del _held[token]
        model.objects.filter(claimed_by=token).update(**ended)


def end_claims_of_dead() -> None:
    """End the claims of processes of this machine that were killed."""
    now = timezone.now()
    models = [model for model in apps.get_models() if issubclass(model, Claimable)]
    in_force = (model.objects.filter(claimed_until__gt=now).order_by() for model in models)
    first, *others = (rows.values_list("claimed_by") for rows in in_force)
    for token in {token for (token,) in first.union(*others) if _is_dead(token)}:
        log.warning("the process that held the claim %s was killed: the claim ends", token)
        for model in models:
            model.objects.filter(claimed_by=token).update(claimed_by="", claimed_until=None)


def _length() -> timedelta:
    return timedelta(seconds=settings.CLAIM_SECONDS)


def _start_extending() -> None:
    global _extending
    with _lock:
        if _extending is None or not _extending.is_alive():  # also in a process that was forked
            _extending = threading.Thread(target=_extend, name="claims", daemon=True)
            _extending.start()


def _extend() -> None:
    while True:
        time.sleep(settings.CLAIM_SECONDS / EXTENSIONS)
        for token, model in list(_held.items()):
            with suppress(Error):  # the database is away for a moment
                kept = model.objects.filter(claimed_by=token).update(claimed_until=timezone.now() + _length())
                if not kept and token in _held:
                    log.error("the claim %s was lost while its work is in progress", token)
        connection.close()


def this_process() -> str:
    """Return what distinguishes this process from all others: machine and boot, PID namespace, PID, and start."""
    pid = os.getpid()
    return f"{_place()}/{pid}/{_start_of(pid)}"


def _place() -> str:
    """Return what the processes that see each other's PIDs have in common."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}/{Path('/proc/self/ns/pid').stat().st_ino}"


def _start_of(pid: int) -> str:
    """Return when a process started, in ticks since the boot; "" if it has ended."""
    state, *rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return "" if state in "ZX" else rest[18]


def _is_dead(token: str) -> bool:
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
