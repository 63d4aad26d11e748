"""An upload reaches a worker on another machine, which shares only the database with the web server."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from tests.support.making import make_hypervisor, make_image
from vms.images.uploading import uploads
from vms.models import Image, UploadPart

DATA = bytes(range(256)) * 40_000  # more than two parts


@pytest.fixture
def lab(db, enqueued, settings, tmp_path):
    for name in ("web", "worker"):
        (tmp_path / name).mkdir()
    settings.SPOOL_DIR, settings.UPLOADS_IN_DATABASE = tmp_path / "web", True
    return make_hypervisor()


@pytest.fixture
def uploaded(page, lab, settings, tmp_path) -> Image:
    """Return an image that was uploaded at the web server; from then on, this is the worker."""
    file = SimpleUploadedFile("disk.qcow2", DATA)
    page.post("/images/", {"hypervisor": lab.pk, "name": "new", "volume": "", "file": file})
    assert list((tmp_path / "web").iterdir()) == []
    settings.SPOOL_DIR = tmp_path / "worker"
    return Image.objects.get()


def test_the_worker_gets_the_upload_through_the_database(uploaded, tmp_path):
    arrived = []
    file = uploads.fetch(uploaded.upload, arrived.append)
    assert file == tmp_path / "worker" / uploaded.upload
    assert file.read_bytes() == DATA
    assert arrived == [uploads.PART, 2 * uploads.PART, len(DATA)]
    assert [path.name for path in file.parent.iterdir()] == [uploaded.upload]


def test_an_interrupted_transfer_begins_again(uploaded, settings):
    def interrupt(count: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        uploads.fetch(uploaded.upload, interrupt)
    assert not (settings.SPOOL_DIR / uploaded.upload).exists()
    assert uploads.fetch(uploaded.upload, lambda count: None).read_bytes() == DATA


def test_nothing_is_left_of_an_upload_that_is_done(uploaded, settings):
    uploads.fetch(uploaded.upload, lambda count: None)
    uploads.discard(uploaded.upload)
    assert not UploadPart.objects.exists()
    assert list(settings.SPOOL_DIR.iterdir()) == []


def test_an_upload_that_exists_nowhere_has_no_file(lab):
    assert not uploads.fetch("none", lambda count: None).exists()


def test_parts_of_uploads_that_were_broken_off_are_deleted_after_some_time(lab):
    old = timezone.now() - timedelta(days=1)
    make_image(lab, upload="waits")
    for upload, at in (("waits", old), ("broken off", old), ("in progress", timezone.now())):
        UploadPart.objects.create(upload=upload, number=0, data=b"", created_at=at)
    uploads.forget()
    assert set(UploadPart.objects.values_list("upload", flat=True)) == {"waits", "in progress"}


def test_on_one_machine_the_file_stays_where_it_arrived(page, lab, settings):
    settings.UPLOADS_IN_DATABASE = False
    file = SimpleUploadedFile("disk.qcow2", DATA)
    page.post("/images/", {"hypervisor": lab.pk, "name": "new", "volume": "", "file": file})
    found = uploads.fetch(Image.objects.get().upload, lambda count: None)
    assert Path(found).read_bytes() == DATA
    assert not UploadPart.objects.exists()
