"""A restore replaces a database that is damaged, or that an interrupted restore left."""

from pathlib import Path

import pytest

from tests.support.portal import Portal
from virterweb import database_file

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("damaged", [b"", b"hello"])
def test_a_backup_replaces_a_damaged_database_which_is_kept_beside_it(tmp_path: Path, damaged):
    (tmp_path / "data").mkdir()
    portal = Portal(tmp_path / "data", {"lab": "test:///default"})
    portal.manage("backup", str(tmp_path / "backup"))
    database = tmp_path / "data/virterweb.sqlite3"
    for path in database.parent.glob("virterweb.sqlite3-*"):
        path.unlink()
    database.write_bytes(damaged)
    assert "add --replace" in portal.manage("restore", str(tmp_path / "backup"), fails=True)
    portal.manage("restore", str(tmp_path / "backup"), "--replace")
    assert portal.ask("Hypervisor.objects.get().name") == "lab"
    (kept,) = database.parent.glob("virterweb.sqlite3.damaged-*")
    assert kept.read_bytes() == damaged


def test_no_portal_starts_on_a_restore_that_was_interrupted(tmp_path: Path):
    (tmp_path / "data").mkdir()
    portal = Portal(tmp_path / "data", {"lab": "test:///default"})
    portal.manage("backup", str(tmp_path / "backup"))
    (tmp_path / "data" / database_file.RESTORING).mkdir()
    assert "restore the backup again" in portal.manage("migrate", fails=True)
    assert "add --replace" in portal.manage("restore", str(tmp_path / "backup"), fails=True)
    portal.manage("restore", str(tmp_path / "backup"), "--replace")
    assert portal.ask("Hypervisor.objects.get().name") == "lab"
