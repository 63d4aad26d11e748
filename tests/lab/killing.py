"""A Celery worker that writes down each call that changes something in libvirt, and kills itself at one of them.

`KILL_LOG` is the file, `KILL_AT` counts the call from 1 (0: none), `KILL_SIDE` is before or after, `KILL_PID` is
another process to be killed instead. Run as a module in the place of `celery`.
"""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import libvirtmod

CHANGING = (
    *("virNetworkDefineXML", "virNetworkSetAutostart", "virNetworkCreate", "virNetworkUpdate"),
    *("virNetworkDestroy", "virNetworkUndefine"),
    *("virDomainDefineXML", "virDomainCreate", "virDomainDestroy", "virDomainUndefineFlags"),
    *("virDomainAttachDeviceFlags", "virDomainDetachDeviceFlags", "virDomainUpdateDeviceFlags"),
    *("virStorageVolCreateXML", "virStorageVolUpload", "virStorageVolDelete"),
)


def watched(name: str, call: Callable) -> Callable:
    log, at, side = Path(os.environ["KILL_LOG"]), int(os.environ["KILL_AT"]), os.environ["KILL_SIDE"]
    victim = int(os.environ.get("KILL_PID", os.getpid()))

    def run(*args: object) -> object:
        with log.open("a") as file:
            file.write(f"{name}\n")
        here = len(log.read_text().splitlines()) == at
        if here and side == "before":
            os.kill(victim, signal.SIGKILL)
        result = call(*args)
        if here and side == "after":
            os.kill(victim, signal.SIGKILL)
        return result

    return run


if __name__ == "__main__":
    for verb in CHANGING:
        setattr(libvirtmod, verb, watched(verb, getattr(libvirtmod, verb)))
    from celery.__main__ import main

    main()
