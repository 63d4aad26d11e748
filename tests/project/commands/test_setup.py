"""The command that sets up a portal."""

import pytest

from tests.project.commands.running_commands import run

pytestmark = pytest.mark.integration


def test_setup_creates_one_operator_and_keeps_existing_objects(db, monkeypatch):
    monkeypatch.setenv("VIRTERWEB_ADMIN_PASSWORD", "given")
    assert "Operator account created" in run("setup", "--hypervisor", "lab=test:///default")
    assert run("setup", "--hypervisor", "lab=test:///default") == ""
    assert "Hypervisor lab is now at test:///other" in run("setup", "--hypervisor", "lab=test:///other")
