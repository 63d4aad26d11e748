"""A Celery worker that logs each call that changes libvirt, and kills itself at one of them.

`KILL_LOG` is the file, `KILL_AT` counts the call from 1 (0: none), `KILL_SIDE` is before or after, `KILL_PID` is
another process to be killed instead. The call named `KILL_IGNORE` does not count. With `KILL_HOLD` nothing is killed:
the call takes as long as that file is there.
Run as a module in the place of `celery`.
"""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import libvirtmod

CHANGING = (
    *("virNetworkDefineXML", "virNetworkSetAutostart", "virNetworkCreate", "virNetworkUpdate"),
    *("virNetworkCreateXML", "virNetworkDestroy", "virNetworkUndefine"),
    *("virDomainDefineXML", "virDomainCreate", "virDomainDestroy", "virDomainUndefineFlags"),
    *("virDomainAttachDeviceFlags", "virDomainDetachDeviceFlags", "virDomainUpdateDeviceFlags"),
    *("virDomainSnapshotCreateXML", "virDomainRevertToSnapshot", "virDomainSnapshotDelete"),
    *("virDomainCreateWithFlags", "virDomainBlockCommit", "virDomainBlockJobAbort"),
    *("virStorageVolCreateXML", "virStorageVolCreateXMLFrom", "virStorageVolUpload", "virStorageVolDelete"),
)


def watched(name: str, call: Callable) -> Callable:
    log, at, side = Path(os.environ["KILL_LOG"]), int(os.environ["KILL_AT"]), os.environ["KILL_SIDE"]
    victim, hold = int(os.environ.get("KILL_PID", os.getpid())), os.environ.get("KILL_HOLD")

    def stop() -> None:
        if hold is None:
            os.kill(victim, signal.SIGKILL)
        while hold and Path(hold).exists():
            time.sleep(0.05)

    def run(*args: object) -> object:
        with log.open("a") as file:
            file.write(f"{name}\n")
        here = len(log.read_text().splitlines()) == at
        if here and side == "before":
            stop()
        result = call(*args)
        if here and side == "after":
            stop()
        return result

    return run


if __name__ == "__main__":
    for verb in {*CHANGING} - {os.environ.get("KILL_IGNORE")}:
        setattr(libvirtmod, verb, watched(verb, getattr(libvirtmod, verb)))
    from celery.__main__ import main

    main()
