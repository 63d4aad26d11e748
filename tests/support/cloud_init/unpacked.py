"""cloud-init as Debian packages it, unpacked and not installed, to ask it what it makes of what guests are given."""

import json
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import prepare
import pytest

PYTHON = "usr/lib/python3/dist-packages"
SCHEMA = f"{PYTHON}/cloudinit/config/schemas/schema-cloud-config-v1.json"
NETWORK_SCHEMA = f"{PYTHON}/cloudinit/config/schemas/schema-network-config-v2.json"  # from cloud-init 24 on
ITSELF = Path(__file__).with_name("itself.py")


NEWER = "trixie"  # the release of Debian whose cloud-init is asked, too, where the machine's own is older than 24


@cache
def package(suite: str = "") -> Path:
    """Return the folder of its files. Without them, tests fail as root and are skipped for other users."""
    try:
        return prepare.unpacked("cloud-init", suite)
    except prepare.SetupError as missing:
        if os.geteuid() == 0:
            raise
        pytest.skip(f"no cloud-init: {missing}")


def newer() -> str:
    """The suite of a cloud-init of 24 or later."""
    return "" if version() >= (24,) else NEWER


def version(suite: str = "") -> tuple[int, ...]:
    """Such as (22, 4, 2)."""
    text = (package(suite) / PYTHON / "cloudinit/version.py").read_text()
    return tuple(map(int, re.findall(r'__VERSION__ = "([\d.]+)', text)[0].split(".")))


def ask(suite: str = "", **asked: list) -> dict[str, list]:
    """Have cloud-init make files of `configs`, and merge `user_data`; see `itself`."""
    environment = {"PYTHONPATH": str(package(suite) / PYTHON), "PATH": os.environ["PATH"]}
    command = [sys.executable, ITSELF]
    done = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
