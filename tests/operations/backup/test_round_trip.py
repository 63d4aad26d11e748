"""A backup of a portal that runs brings all of it back, on another machine too, as a whole or not at all."""

import json
import re
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.operations.backup.conftest import UPLOAD
from tests.support.portal import ROOT, Portal

pytestmark = [pytest.mark.integration, pytest.mark.django_db]

NETWORKS = "sorted(Network.objects.values_list('name', flat=True))"
ADD, MAKING = "make_network(Hypervisor.objects.get(), 'net3').pk", "from tests.support.making import make_network"
RENAME = """
import sys
from django.db import transaction
from networks.models import Network
first, second = Network.objects.order_by("name")
print("begun", flush=True)
for number in range(100_000):
    with transaction.atomic():
        for one in (first, second):
            Network.objects.filter(pk=one.pk).update(agreed=str(number))
"""


def kept(portal: Portal) -> dict[str, object]:
    """Return what a backup must bring back."""
    keys = dict(portal.ask("list(map(list, Secret.objects.values_list('name', 'value')))"))
    uploads = {path.name: path.read_bytes() for path in (portal.data / "uploads").iterdir()}
    rows = portal.ask("list(map(list, Network.objects.order_by('name').values_list('name', 'uuid', 'document')))")
    return {**keys, "uploads": uploads, "networks": rows}


def test_a_new_portal_gets_everything_back(used: Portal, make_portal, tmp_path: Path):
    backup, other = tmp_path / "backup", make_portal()
    assert "not encrypted" in used.manage("backup", str(backup))
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    other.manage("restore", str(backup))
    before = kept(used)
    assert kept(other) == before
    assert before["uploads"] == {UPLOAD: b"an image"}
    assert not [path for path in other.data.iterdir() if re.match(r"\.|restoring|.*damaged", path.name)]
    assert stat.S_IMODE((other.data / f"uploads/{UPLOAD}").stat().st_mode) == 0o600


def test_a_backup_holds_the_database_as_it_was_at_one_moment(used: Portal, make_portal, tmp_path: Path):
    other = make_portal()
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", RENAME]
    writer = subprocess.Popen(command, env=used.environment, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert writer.stdout.readline() == "begun\n"
        backups = [tmp_path / f"backup-{number}" for number in range(2)]
        for backup in backups:
            used.manage("backup", str(backup))
        assert writer.poll() is None
    finally:
        writer.kill()
        writer.communicate()
    for number, backup in enumerate(backups):
        other.manage("restore", str(backup), *(["--replace"] if number else []))
        first, second = other.ask("list(Network.objects.order_by('name').values_list('agreed', flat=True))")
        assert first == second


def test_a_used_portal_is_replaced_only_when_told(used: Portal, tmp_path: Path):
    backup, secret = tmp_path / "backup", tmp_path / "passphrase"
    secret.write_text("correct horse\n")
    assert ", encrypted)" in used.manage("backup", str(backup), "--passphrase-file", str(secret))
    assert b"backup.json" not in backup.read_bytes()
    before = kept(used)
    used.ask(ADD, MAKING)
    used.ask("Secret.objects.update(value='another')")
    said = used.manage("restore", str(backup), fails=True)
    assert said.count("\n") == 1
    assert "add --replace" in said
    assert used.ask(NETWORKS) == ["net1", "net2", "net3"]
    used.manage("restore", str(backup), "--replace", "--passphrase-file", str(secret))
    assert kept(used) == before


def test_a_portal_that_runs_sees_what_was_restored(used: Portal, tmp_path: Path):
    backup = tmp_path / "backup"
    used.manage("backup", str(backup))
    used.start_web()
    used.log_in()
    used.ask(ADD, MAKING)
    assert [row["Name"] for row in used.table("/networks/")] == ["net1", "net2", "net3"]
    done = threading.Event()
    pages = threading.Thread(target=lambda: [used.get("/networks/") for _ in iter(done.is_set, True)])
    pages.start()
    used.manage("restore", str(backup), "--replace")
    done.set()
    pages.join()
    used.log_in()  # the sessions are those of the backup
    assert [row["Name"] for row in used.table("/networks/")] == ["net1", "net2"]


def test_an_older_backup_is_upgraded(used: Portal, make_portal, tmp_path: Path):
    used.manage("migrate", "people", "zero", "--verbosity", "0")
    used.manage("backup", str(tmp_path / "backup"))
    other = make_portal()
    other.manage("restore", str(tmp_path / "backup"))
    assert other.ask("SignInAttempt.objects.count()", "from virterweb.people.models import SignInAttempt") == 0
    assert json.loads(other.manage("dumpdata", "networks.network"))
