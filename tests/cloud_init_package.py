"""cloud-init as Debian packages it, unpacked and not installed, to ask it what it makes of what guests are given."""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import setup

PYTHON = "usr/lib/python3/dist-packages"
SCHEMA = f"{PYTHON}/cloudinit/config/schemas/schema-cloud-config-v1.json"
ITSELF = Path(__file__).with_name("cloud_init_itself.py")


@cache
def package() -> Path:
    """The folder of its files. Root can always have them, and fails without; others skip what needs them."""
    try:
        return setup.unpacked("cloud-init")
    except setup.SetupError as missing:
        if os.geteuid() == 0:
            raise
        pytest.skip(f"no cloud-init: {missing}")


def ask(**asked: list) -> dict[str, list]:
    """Have cloud-init make files of `configs`, and merge `user_data`; see `cloud_init_itself`."""
    environment = {"PYTHONPATH": str(package() / PYTHON), "PATH": os.environ["PATH"]}
    command = [sys.executable, ITSELF]
    done = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
