"""A worker fetches the image of a URL into the spool folder, and refuses what is not right with the reason."""

import hashlib

import pytest

from tests.support.making import everyone
from virterweb.hypervisors.desired.refusals import Superseded
from virterweb.people.models import Grant
from virterweb.web_server import spool
from vms.images.fetching import request
from vms.images.fetching.fetch import fetch

from .conftest import UPLOAD, again, refusal

DISK = bytes(2**20) + bytes(range(256)) * 2**13  # a raw disk of 3 MiB
SHA = hashlib.sha256(DISK).hexdigest()


def left(settings) -> list[str]:
    return sorted(path.name for path in settings.SPOOL_DIR.iterdir())


@pytest.mark.parametrize("sized", [True, False])
def test_the_file_arrives_byte_by_byte(make, server, settings, sized):
    server.files["/disk.img"], server.sized = DISK, sized
    image = make()
    fetch(again(image))
    assert left(settings) == [UPLOAD]
    assert (settings.SPOOL_DIR / UPLOAD).read_bytes() == DISK
    image = again(image)
    assert (image.size, image.status.done_bytes, image.status.total_bytes) == (len(DISK), len(DISK), len(DISK))
    assert not image.status.verified
    server.requests.clear()
    fetch(image)
    assert not server.requests  # it has been fetched


@pytest.mark.parametrize("typed", [True, False])
def test_a_right_checksum_is_noted(make, server, settings, typed):
    server.files["/a/disk.img"] = DISK
    if not typed:
        server.files["/a/SHA256SUMS"] = f"{'0' * 64}  other.img\n{SHA} *disk.img\n".encode()
    image = make("/a/disk.img?key=1", checksum=SHA if typed else "")
    fetch(again(image))
    assert again(image).status.verified
    assert bool(server.asked("/a/SHA256SUMS")) != typed


@pytest.mark.parametrize(("typed", "said"), [(True, "not 0000"), (False, "SHA256SUMS beside it says 0000")])
def test_a_wrong_checksum_is_refused_and_leaves_nothing(make, server, settings, typed, said):
    server.files["/disk.img"] = DISK
    if not typed:
        server.files["/SHA256SUMS"] = f"{'0' * 64}  disk.img\n".encode()
    reason = refusal(make(checksum="0" * 64 if typed else ""))
    assert said in reason
    assert SHA in reason
    assert left(settings) == []


def test_a_redirect_is_followed(make, server, settings):
    server.files["/there/disk.img"] = DISK
    server.redirects |= {"/disk.img": "/next", "/next": server.url + "/there/disk.img"}
    fetch(again(make()))
    assert (settings.SPOOL_DIR / UPLOAD).read_bytes() == DISK


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("/disk.img", "redirects more than 5 times"),
        ("file:///etc/shadow", "127.0.0.1 redirects to a URL that cannot be used: Images can be fetched by http"),
        ("http://169.254.169.254/latest/meta-data/", "169.254.169.254 is not public"),
        ("http://127.0.0.2/", "127.0.0.2 is not public"),
        ("http://[::ffff:10.0.0.1]/", "is not public"),
        ("http://localhost/", "localhost has the address"),
        ("http://user:secret@127.0.0.1/", "cannot be used"),
        ("", "redirects more than 5 times"),
    ],
)
def test_a_redirect_to_where_nothing_may_be_fetched_is_refused(make, server, settings, target, said):
    server.redirects["/disk.img"] = target
    assert said in refusal(make())
    assert not (settings.SPOOL_DIR / UPLOAD).exists()


def test_a_url_of_a_private_address_is_refused_unless_an_operator_allows_it(make, lab, server, settings):
    server.files["/disk.img"] = DISK
    lab.image_sources = "other.example"
    lab.save()
    assert "127.0.0.1 is not public" in refusal(make())
    assert not server.requests


def test_a_missing_file_is_refused_with_the_status(make):
    assert "does not give the file: it answers with the HTTP status 404" in refusal(make())


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"<!doctype html><p>Sign in</p>", "This is a web page, not a disk."),
        (b"just text\n" * 500_000, "This is text, not a disk."),
        (b"\xfd7zXZ\0" + bytes(4 * 2**20), "This file is compressed with xz."),
        (b"KDMV" + bytes(4 * 2**20), "This is a vmdk file. Convert it with “qemu-img convert -O qcow2"),
        (b"conectix" + bytes(600), "This is a vpc file"),
        (bytes(0x40) + b"\x7f\x10\xda\xbe" + bytes(600), "This is a vdi file"),
        (bytes(100), "This is not a disk. It has 100 bytes"),
        (b"", "This is not a disk"),
        (b"QFI\xfb\0\0\0\3" + bytes(20), "The qcow2 header is wrong: it is truncated."),
    ],
)
def test_what_is_no_disk_is_refused_and_leaves_nothing(make, server, settings, data, said):
    server.files["/disk.img"] = data
    assert said in refusal(make())
    assert left(settings) == []


def test_a_large_file_that_is_no_disk_is_refused_at_its_beginning(make, server, settings):
    server.files["/disk.img"], server.endless = b"PK\x03\x04" + bytes(3 * 2**20), True
    assert "This file is compressed with zip" in refusal(make())


def test_an_endless_file_ends_at_the_free_space(make, server, settings, monkeypatch):
    server.files["/disk.img"], server.endless = DISK, True
    room = iter([2**40] * 20)
    monkeypatch.setattr(spool, "room", lambda: next(room, 0))
    assert "The disk of the portal's server is full" in refusal(make())
    assert left(settings) == []


def test_an_endless_file_ends_at_the_limit_of_the_team(make, server, settings):
    Grant.objects.filter(team=everyone()).update(max_disk=1)
    server.files["/disk.img"], server.endless = DISK * 20, True
    image = make(team=everyone())
    assert "would exceed the disk limit of its team" in refusal(image)
    assert again(image).size <= 2**30
    assert left(settings) == []


def test_a_file_larger_than_the_free_space_is_refused_before_it_is_transferred(make, server, settings, monkeypatch):
    server.files["/disk.img"] = DISK
    monkeypatch.setattr(spool, "room", lambda: len(DISK) - 1)
    assert "is full" in refusal(make())
    assert left(settings) == []


def test_a_server_that_does_not_answer_is_tried_again_and_then_given_up(make, server, monkeypatch):
    monkeypatch.setattr(request, "SILENCE_TIMEOUT", 0.2)
    server.files["/disk.img"], server.waits = DISK, 5
    image = make()
    assert refusal(image) == "127.0.0.1 does not answer."
    image.status.write(tries=7)
    assert "does not answer. The portal has tried several times." in refusal(image)


def test_headers_that_never_end_are_cut_off(make, server, monkeypatch):
    monkeypatch.setattr(request, "HEADER_TIMEOUT", 0.2)
    server.files["/disk.img"], server.waits = DISK, 5
    assert "was interrupted" in refusal(make())


def test_a_closed_port_is_named(make):
    assert refusal(make(url="http://127.0.0.1:1/x.img")) == "127.0.0.1 does not accept connections on port 1."


def test_a_deleted_image_ends_its_download(make, server, settings):
    server.files["/disk.img"], server.endless = DISK, True
    image = again(make())
    image.remove()
    stale = again(image)
    stale.removed_at = None  # as it was when the download began
    with pytest.raises(Superseded):
        fetch(stale)


def test_a_worker_that_lost_its_claim_ends_its_download(make, server):
    server.files["/disk.img"], server.endless = DISK, True
    image = again(make())
    type(image.status).objects.update(claimed_by="another worker")
    with pytest.raises(Superseded):
        fetch(image)
