"""A simple command starts quickly, because it imports only what it needs."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.portal import ROOT, Portal

pytestmark = pytest.mark.integration

WORKER = {"celery", "kombu", "redis", "libvirt", "dns", "paramiko", "virterweb.celery", "virterweb.hypervisors.tasks"}
RARE = {"cryptography", "pycdlib", "jsonschema"}
SIGN_IN = {"requests", "fido2", "jwt", "oauthlib", "qrcode", "allauth.account.forms", "virterweb.people.sign_in.views"}
PAGES = SIGN_IN | {"virterweb.urls", "networks.views", "vms.views", "virterweb.administration.pages"}

#: what a command does without
NEEDLESS = {
    "help": WORKER | RARE | PAGES | {"yaml", "networks.changes.forms.network"},
    "network ls": WORKER | RARE | PAGES | {"yaml", "vms.attached.table"},
    "network list-attached net1": WORKER | RARE | PAGES,
    "vm ls": WORKER | RARE | PAGES,
    "vm exists tiny-8": WORKER | RARE | PAGES,
    "inventory": WORKER | RARE | PAGES,
}


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Portal:
    return Portal(tmp_path_factory.mktemp("data"), {"test": "test:///default"})


def test_the_table_names_modules_that_exist():
    names = set().union(*NEEDLESS.values())
    assert {name for name in names if name not in sys.modules and importlib.util.find_spec(name) is None} == set()


@pytest.mark.parametrize("command", NEEDLESS)
def test_a_command_imports_nothing_that_it_does_not_need(portal: Portal, command: str):
    words = [sys.executable, "-X", "importtime", str(Path(ROOT, "manage.py")), *command.split()]
    done = subprocess.run(words, env=portal.environment, cwd=ROOT, capture_output=True, text=True)
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "django.core.management" in imported
    assert NEEDLESS[command] & imported == set()
