"""Runs qemu-img, with limits, and always with an explicit format: a guessed one is chosen by the file's author."""

import subprocess
from collections.abc import Callable
from pathlib import Path

from virterweb.hypervisors.gateway.found import Refused
from virterweb.messages import Message

from . import qcow2, qcow2_header

LIMITS = ("prlimit", f"--as={2**31}", "--cpu=7200", "--core=0")
SECOND = 1.0


def make_qcow2(file: Path, beat: Callable[[int], None]) -> None:
    """Convert a raw file in place into qcow2; a qcow2 file is kept. `beat` is called every second with
    the number of bytes that are written.

    Raises:
        Refused: With the output of qemu-img.
    """
    with file.open("rb") as data:
        if qcow2.format_of(data.read(len(qcow2_header.MAGIC))) != "raw":
            return
    made = file.with_suffix(".qcow2")
    command = [*LIMITS, "qemu-img", "convert", "-f", "raw", "-O", "qcow2", f"file:{file}", f"file:{made}"]
    try:
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as running:
            try:
                said = _wait(running, beat, made)
            except Refused:
                running.kill()
                made.unlink(missing_ok=True)
                raise
    except OSError as problem:
        raise Refused(Message("image.no_qemu_img"), str(problem)) from problem
    if running.returncode:
        made.unlink(missing_ok=True)
        missing = running.returncode == 127 or "failed to execute" in said  # the message of prlimit
        raise Refused(Message("image.no_qemu_img" if missing else "image.not_converted"), said)
    made.replace(file)


def _wait(running: subprocess.Popen[str], beat: Callable[[int], None], made: Path) -> str:
    """Wait for the end of a program with little output, and return the output."""
    while True:
        beat(made.stat().st_size if made.exists() else 0)
        try:
            return running.communicate(timeout=SECOND)[1]
        except subprocess.TimeoutExpired:
            continue
