"""A download that was interrupted goes on with the rest if the server can, and otherwise starts again."""

import json
import random

import pytest

from virterweb.hypervisors.gateway.found import Refused
from vms.images.fetching import download
from vms.images.fetching.fetch import fetch

from .conftest import UPLOAD, again, refusal

DISK = bytes(2**20) + random.Random(1).randbytes(5 * 2**20)
CUT = 3 * 2**20


@pytest.fixture
def interrupted(make, server, settings):
    """Return an image of which the first half has arrived when the server cut the transfer off."""
    server.files["/disk.img"], server.ends_after = DISK, CUT
    image = make()
    assert refusal(image) == f"127.0.0.1 ended the transfer after {CUT:,} of {len(DISK):,} bytes."
    assert (settings.SPOOL_DIR / f"{UPLOAD}.part").read_bytes() == DISK[:CUT]
    assert not (settings.SPOOL_DIR / UPLOAD).exists()
    server.requests.clear()
    server.ends_after = None
    return image


def arrived(settings) -> bytes:
    assert [path.name for path in settings.SPOOL_DIR.iterdir()] == [UPLOAD]
    return (settings.SPOOL_DIR / UPLOAD).read_bytes()


def test_only_the_rest_is_transferred(interrupted, server, settings):
    fetch(again(interrupted))
    assert arrived(settings) == DISK
    (headers,) = server.asked("/disk.img")
    assert (headers["Range"], headers["If-Range"]) == (f"bytes={CUT}-", '"1"')


def test_it_starts_again_if_the_server_cannot_resume(interrupted, server, settings):
    server.resumes = False
    fetch(again(interrupted))
    assert arrived(settings) == DISK


def test_it_starts_again_if_the_file_has_changed(interrupted, server, settings):
    server.files["/disk.img"], server.tag = DISK[::-1], '"2"'
    fetch(again(interrupted))
    assert arrived(settings) == DISK[::-1]


@pytest.mark.parametrize("tag", ["", 'W/"1"'])
def test_it_starts_again_if_the_server_does_not_tell_versions_apart(make, server, settings, tag):
    server.files["/disk.img"], server.ends_after, server.tag = DISK, CUT, tag
    image = make()
    refusal(image)
    server.ends_after = None
    fetch(again(image))
    assert arrived(settings) == DISK
    assert all("Range" not in headers for headers in server.asked("/disk.img"))


def test_a_worker_of_another_machine_starts_again(interrupted, server, settings, tmp_path):
    settings.SPOOL_DIR = tmp_path / "other"
    settings.SPOOL_DIR.mkdir()
    fetch(again(interrupted))
    assert arrived(settings) == DISK


def test_a_worker_killed_after_the_last_byte_transfers_nothing_again(make, server, settings):
    server.files["/disk.img"] = DISK
    (settings.SPOOL_DIR / f"{UPLOAD}.part").write_bytes(DISK)
    (settings.SPOOL_DIR / f"{UPLOAD}.json").write_text(json.dumps({"validator": '"1"', "total": len(DISK)}))
    fetch(again(make()))
    assert arrived(settings) == DISK
    assert not server.asked("/disk.img")


@pytest.mark.parametrize("about", ["", "{", "[]", '{"other": 1}', '{"validator": "x", "total": 1}'])
def test_a_worker_killed_at_any_step_starts_again(make, server, settings, about):
    server.files["/disk.img"] = DISK
    (settings.SPOOL_DIR / f"{UPLOAD}.part").write_bytes(b"rubbish" * 3)
    (settings.SPOOL_DIR / f"{UPLOAD}.json").write_text(about)
    fetch(again(make()))
    assert arrived(settings) == DISK


def test_more_than_the_server_has_starts_again(interrupted, server, settings):
    server.files["/disk.img"] = DISK[:CUT]
    refusal(interrupted)
    fetch(again(interrupted))
    assert arrived(settings) == DISK[:CUT]


def test_a_second_worker_of_the_machine_waits_for_the_first(interrupted, settings):
    from fcntl import LOCK_EX, flock

    with (settings.SPOOL_DIR / f"{UPLOAD}.part").open("ab") as held:
        flock(held, LOCK_EX)
        assert refusal(interrupted) == "Another worker is still fetching from 127.0.0.1."


def test_a_slow_server_is_interrupted(make, server, monkeypatch):
    monkeypatch.setattr(download, "SLOW_FOR", 0.1)
    monkeypatch.setattr(download, "SLOWEST", 2**40)
    server.files["/disk.img"], server.pause_each = DISK, 0.05
    assert refusal(make()) == "127.0.0.1 sends less than 1 KiB a second."


def test_interruptions_no_longer_count_when_something_has_arrived(interrupted, server):
    interrupted.status.write(tries=5)
    server.ends_after = 2**20 + 2**19
    assert "ended the transfer" in refusal(interrupted)
    assert again(interrupted).status.tries == 0


def test_a_refused_file_is_not_resumed(make, server, settings):
    server.files["/disk.img"] = b"text " * 10
    image = make()
    with pytest.raises(Refused):
        fetch(again(image))
    assert list(settings.SPOOL_DIR.iterdir()) == []
