"""A file that cannot be restored changes nothing, and one sentence says what is wrong with it."""

import gzip
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.portal import Portal
from virterweb.messages import Message
from virterweb.operations.backup import archive
from virterweb.operations.backup.wording import BackupError

pytestmark = pytest.mark.integration

MANIFEST = {"format": 1, "version": "0.1.0", "database": "sqlite", "made_at": "", "migrations": []}


def packed(*files: tuple[str, bytes], kind: bytes = tarfile.REGTYPE) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as tar:
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size, info.type = len(content), kind
            tar.addfile(info, io.BytesIO(content))
    return target.getvalue()


def manifest(**values: object) -> tuple[str, bytes]:
    return "backup.json", json.dumps(MANIFEST | values).encode()


OTHERS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "not_one"),
    "a text": (b"hello", "not_one"),
    "a database": (b"SQLite format 3\0", "not_one"),
    "a gzip of something": (gzip.compress(b"hello" * 1000), "damaged"),
    "another archive": (packed(("notes.txt", b"hello")), "not_one"),
    "with a path": (packed(manifest(), ("../secret-key", b"x")), "not_one"),
    "with a folder": (packed(manifest(), ("database", b""), kind=tarfile.DIRTYPE), "not_one"),
    "with a link": (packed(manifest(), ("database", b""), kind=tarfile.SYMTYPE), "not_one"),
    "with an odd name": (packed(manifest(), ("uploads/a/b", b"")), "not_one"),
    "without a database": (packed(manifest()), "not_one"),
    "a broken list": (packed(("backup.json", b"{")), "not_one"),
    "an incomplete list": (packed(("backup.json", b'{"format": 1}')), "not_one"),
    "of a later format": (packed(manifest(format=2, new="x", version="9.0")), "newer"),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_what_is_not_a_backup_is_recognised(tmp_path: Path, kind):
    content, code = OTHERS[kind]
    (tmp_path / "file").write_bytes(content)
    (tmp_path / "folder").mkdir()
    with pytest.raises(BackupError) as problem:
        archive.unpack(tmp_path / "file", tmp_path / "folder", "")
    assert problem.value.message.code == f"backup.{code}"


@pytest.fixture
def unpacks(tmp_path: Path) -> Callable[[bytes, str], Message | None]:
    """Return what unpacks the content of a file, and returns why that fails."""

    def run(content: bytes, passphrase: str) -> Message | None:
        (tmp_path / "file").write_bytes(content)
        number = len(list(tmp_path.iterdir()))
        (tmp_path / f"folder-{number}").mkdir()
        try:
            archive.unpack(tmp_path / "file", tmp_path / f"folder-{number}", passphrase)
        except BackupError as problem:
            return problem.message
        return None

    return run


@pytest.mark.parametrize("passphrase", ["", "correct horse"])
def test_a_file_that_is_cut_off_or_changed_anywhere_is_recognised(tmp_path: Path, unpacks, passphrase):
    made = tmp_path / "made"
    (made / "uploads").mkdir(parents=True)
    (made / "database").write_bytes(bytes(range(256)) * 1024)
    archive.write(tmp_path / "backup", made, archive.Manifest(**MANIFEST), passphrase)
    whole = (tmp_path / "backup").read_bytes()
    assert unpacks(whole, passphrase) is None
    begin = len(archive.MAGIC) + 80 if passphrase else 12
    for end in (begin, begin + 1, len(whole) // 3, len(whole) // 2, len(whole) - 9, len(whole) - 1):
        assert unpacks(whole[:end], passphrase).code == "backup.damaged", end
    for place in (begin + 1, len(whole) // 2, len(whole) - 6):
        changed = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
        assert unpacks(changed, passphrase).code in ("backup.damaged", "backup.not_one"), place
    if passphrase:
        assert unpacks(whole, "another horse").code == "backup.passphrase"
        assert unpacks(whole, "").code == "backup.passphrase"


@pytest.mark.django_db
def test_a_refused_file_changes_nothing_and_says_so_in_a_sentence(used: Portal, tmp_path: Path):
    backup, wrong = tmp_path / "backup", tmp_path / "wrong"
    wrong.write_text("battery staple\n")
    (tmp_path / "right").write_text("correct horse\n")
    used.manage("backup", str(backup), "--passphrase-file", str(tmp_path / "right"))
    whole = backup.read_bytes()
    (tmp_path / "cut").write_bytes(whole[: len(whole) // 2])
    before = sorted(path.name for path in used.data.iterdir())
    for file, passphrase, words in (
        ("backup", "wrong", "The passphrase does not fit"),
        ("cut", "right", "is damaged or cut off"),
    ):
        flags = ("--replace", "--passphrase-file", str(tmp_path / passphrase))
        said = used.manage("restore", str(tmp_path / file), *flags, fails=True)
        assert words in said
        assert said.count("\n") == 1, said
    assert used.ask("Network.objects.count()") == 2
    used.stop()
    assert sorted(path.name for path in used.data.iterdir() if "sqlite3-" not in path.name) == [
        name for name in before if "sqlite3-" not in name
    ]


@pytest.mark.django_db
def test_a_backup_of_a_newer_version_is_refused(used: Portal, make_portal, tmp_path: Path):
    record = "MigrationRecorder(connection).record_applied('networks', '9999_of_the_future')"
    used.ask(record, "from django.db.migrations.recorder import MigrationRecorder\nfrom django.db import connection")
    used.manage("backup", str(tmp_path / "backup"))
    said = make_portal().manage("restore", str(tmp_path / "backup"), fails=True)
    assert "was made by a newer version of the portal" in said


@pytest.mark.django_db
def test_a_backup_that_cannot_be_written_leaves_nothing(used: Portal, tmp_path: Path):
    said = used.manage("backup", str(tmp_path / "no folder/backup"), fails=True)
    assert "cannot be written: No such file or directory" in said
    assert not [path for path in used.data.iterdir() if path.name.startswith(".backup")]
