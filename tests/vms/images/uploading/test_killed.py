"""An upload survives the death of the web server, and no more than a piece of it is in memory."""

import hashlib
import random
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.portal import Portal
from tests.support.resumable import CHUNK, ResumableUpload
from vms.images.uploading.uploads import PART

pytestmark = pytest.mark.integration

SIZE = 64 * 1024**2


@pytest.fixture
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    portal = Portal(tmp_path_factory.mktemp("portal"), {"test": "test:///default"})
    portal.start_web()
    portal.log_in()
    yield portal
    portal.stop()


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """Return a raw disk without two equal parts."""
    file = tmp_path / "disk.raw"
    file.write_bytes(random.Random(5).randbytes(SIZE))
    return file


def test_an_upload_whose_server_is_killed_twice_resumes_and_is_byte_by_byte_the_file(portal, disk):
    upload = ResumableUpload(portal)
    upload.begin(SIZE, hypervisor=portal.ask("Hypervisor.objects.get().pk"), name="new", filename=disk.name)
    kills = [20 * 1024**2 + 12_345, 50 * 1024**2 + 678]
    resumed = upload.send(disk, kills)
    assert len(resumed) == 2
    for killed, at in zip(kills, resumed, strict=True):
        assert killed - 2 * PART - CHUNK < at <= killed + PART
        assert at > 0
    name, key, size = portal.ask("list(Image.objects.values_list('name', 'upload', 'size').get())")
    assert (name, size) == ("new", SIZE)
    arrived = portal.data / "uploads" / key
    assert hashlib.sha256(arrived.read_bytes()).digest() == hashlib.sha256(disk.read_bytes()).digest()
    assert [path.name for path in arrived.parent.iterdir()] == [key]
    assert not portal.ask("Upload.objects.unfinished().exists()")


def test_a_file_that_is_sent_in_one_request_is_not_held_in_memory(portal, disk, monkeypatch):
    monkeypatch.setattr("tests.support.resumable.CHUNK", 4 * SIZE)
    large = disk.with_name("large.raw")
    with large.open("wb") as file:
        for _ in range(4):
            with disk.open("rb") as part:
                shutil.copyfileobj(part, file)
    upload = ResumableUpload(portal)
    upload.begin(4 * SIZE, hypervisor=portal.ask("Hypervisor.objects.get().pk"), name="new", filename=large.name)
    upload.offset()  # the pages that this needs are loaded
    before = memory(portal)
    upload.send(large)
    assert upload.offset() == 4 * SIZE
    assert memory(portal) - before < SIZE


def memory(portal: Portal) -> int:
    """Return the most memory that the web server has ever used, in bytes."""
    lines = Path(f"/proc/{portal.web.pid}/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1])


def test_of_two_clients_that_send_at_once_exactly_one_wins(portal, disk):
    upload = ResumableUpload(portal)
    upload.begin(SIZE, hypervisor=portal.ask("Hypervisor.objects.get().pk"), name="new", filename=disk.name)
    contents = disk.read_bytes(), bytes(reversed(disk.read_bytes()))

    def send(content: bytes) -> int:
        try:
            return upload.request("PATCH", content, {"Upload-Offset": "0"}).status
        except OSError:  # the answer came while the rest was being sent
            return 409

    with ThreadPoolExecutor(2) as clients:
        statuses = list(clients.map(send, contents))
    assert sorted(statuses) == [204, 409]
    arrived = portal.data / "uploads" / portal.ask("Image.objects.get().upload")
    assert arrived.read_bytes() == contents[statuses.index(204)]
