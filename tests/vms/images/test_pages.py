"""Images that would read other files of the host, or that QEMU had to guess the format of, are refused at the form."""

import struct

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.support.making import make_hypervisor, record_volume
from virterweb.web_server import spool
from vms.images.uploading import uploads
from vms.models import Image

PATH = b"/etc/shadow"
HEADER = struct.pack(">4sIQIIQIIQQIIQ", b"QFI\xfb", 2, 200, len(PATH), 9, 2**14, 0, 1, 1024, 512, 1, 0, 0)
OVERLAY = (HEADER.ljust(200, b"\0") + PATH).ljust(2048, b"\0")
WHOLE = struct.pack(">4sIQIIQIIQQIIQ", b"QFI\xfb", 2, 0, 0, 9, 2**14, 0, 1, 1024, 512, 1, 0, 0).ljust(2048, b"\0")


@pytest.fixture
def lab(db, enqueued, settings, tmp_path):
    settings.SPOOL_DIR = tmp_path
    return make_hypervisor()


def upload(page, lab, data: bytes):
    file = SimpleUploadedFile("disk.qcow2", data)
    return page.post("/images/", {"hypervisor": lab.pk, "name": "new", "volume": "", "file": file})


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (OVERLAY, "an overlay on /etc/shadow, and a qcow2 header can read any file of the host"),
        (OVERLAY[:30], "The qcow2 header is wrong: it is truncated."),
        (b"KDMV" + bytes(600), "This is a vmdk file. Convert it with “qemu-img convert -O qcow2"),
        (b"\xfd7zXZ\0" + bytes(600), "This file is compressed with xz. Decompress it first."),
        (b"", "The submitted file is empty."),
    ],
)
def test_a_bad_upload_is_refused_at_its_field(page, lab, settings, data, said):
    answer = upload(page, lab, data)
    assert answer.status_code == 422
    assert said in " ".join(answer.context["form"].errors["file"])
    assert said in answer.content.decode()
    assert not Image.objects.exists()
    assert not list(settings.SPOOL_DIR.iterdir())


@pytest.mark.parametrize("in_database", [False, True])
@pytest.mark.parametrize("data", [WHOLE, bytes(3_000_000)])
def test_a_good_upload_is_kept_byte_by_byte(page, lab, settings, data, in_database):
    settings.UPLOADS_IN_DATABASE = in_database
    assert upload(page, lab, data).status_code == 302
    image = Image.objects.get()
    assert uploads.fetch(image.upload, lambda arrived: None).read_bytes() == data
    assert image.size == len(data)


def test_an_upload_ends_when_others_have_filled_the_disk_meanwhile(page, lab, settings, monkeypatch):
    settings.FILE_UPLOAD_TEMP_DIR = settings.SPOOL_DIR
    left = iter([10_000_000, 10_000_000, 1000])
    monkeypatch.setattr(spool, "room", lambda: next(left))
    answer = upload(page, lab, bytes(3_000_000))
    assert answer.status_code == 413
    assert not Image.objects.exists()
    assert not list(settings.SPOOL_DIR.iterdir())


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"backing": "/etc/shadow"}, "an overlay on /etc/shadow, which is not a volume of the pool default"),
        ({"backing": "/pool/sly"}, "an overlay on /etc/shadow, which is not a volume of the pool default"),
        ({"format": "vmdk"}, "This is a vmdk file."),
    ],
)
def test_a_volume_that_reads_outside_its_pool_is_no_image(page, lab, values, said):
    record_volume(lab, "sly", path="/pool/sly", format="qcow2", backing="/etc/shadow")
    other = make_hypervisor("lab-2")  # whose files are none of this one's
    record_volume(other, "shadow", path="/etc/shadow", format="raw")
    record_volume(lab, "v", **{"path": "/pool/v", "format": "qcow2", **values})
    answer = page.post("/images/", {"hypervisor": lab.pk, "name": "new", "volume": "v"})
    assert answer.status_code == 422
    assert said in " ".join(answer.context["form"].errors["volume"])
    assert not Image.objects.exists()


def test_an_overlay_on_another_volume_of_the_pool_is_an_image(page, lab):
    record_volume(lab, "base", path="/pool/base", format="qcow2")
    record_volume(lab, "v", path="/pool/v", format="qcow2", backing="/pool/base")
    assert page.post("/images/", {"hypervisor": lab.pk, "name": "new", "volume": "v"}).status_code == 302
