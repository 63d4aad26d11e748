"""What cannot become an image is refused as early as possible, with the reason, which the page shows as well."""

import os
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.people.teams.test_limits import limit
from tests.support.making import make_image
from tests.support.meanwhile import after_first_query
from tests.vms.images.uploading.conftest import DISK, START, Tus
from virterweb.web_server import spool
from vms.images.uploading import finishing, uploads
from vms.images.uploading.form import MOST
from vms.models import Image, Upload, UploadPart

PACKED = b"\xfd7zXZ\0".ljust(len(DISK), b"\1")
REASON = "This file is compressed with xz. Decompress it first."
GIB = 1024**3


def shown(tus: Tus) -> str:
    return tus.client.get(START, headers={"HX-Request": "true"}).content.decode()


def errors(answer) -> dict:
    assert answer.status_code == 422, answer.content
    return answer.json()["errors"]


def test_a_file_that_is_no_disk_is_refused_when_its_beginning_has_arrived(tus, lab, left):
    path = tus.begin(lab)
    assert errors(tus.patch(path, PACKED)) == {"file": [REASON]}
    assert tus.send("HEAD", path).status_code == 410
    answer = tus.patch(path, PACKED[-10:], len(PACKED) - 10)
    assert (answer.status_code, answer.content.decode()) == (410, f"{REASON}\n")
    assert left() == []
    assert not UploadPart.objects.exists()
    assert not Image.objects.exists()
    for page in (shown(tus), tus.client.get("/images/").content.decode()):
        assert "not an image" in page
        assert REASON in page
        assert "data-resume" not in page


def test_a_truncated_qcow2_file_is_refused_at_its_end(tus, lab, left, filled):
    disk = filled()
    path = tus.begin(lab, length=len(disk) - 2**20)
    assert "truncated" in errors(tus.patch(path, disk[: -(2**20)]))["file"][0]
    assert left() == []
    assert "truncated" in shown(tus)


def test_the_name_of_an_image_is_refused_before_anything_is_sent(tus, lab):
    make_image(lab, "new")
    answer = tus.create(hypervisor=lab.pk, name="new")
    assert errors(answer) == {"name": [f"{lab} already has an image new."]}
    assert "name" in errors(tus.create(hypervisor=lab.pk, name="no name"))
    assert "hypervisor" in errors(tus.create(hypervisor=77, name="new"))
    assert not Upload.objects.exists()


def test_an_unfinished_upload_keeps_its_name(tus, lab):
    tus.begin(lab)
    said = "An upload for an image new is not finished. Resume or discard it, or choose another name."
    assert errors(tus.create(hypervisor=lab.pk, name="new")) == {"name": [said]}


def test_an_empty_file_is_refused(tus, lab):
    assert errors(tus.create(0, hypervisor=lab.pk, name="new")) == {"__all__": ["The submitted file is empty."]}


@pytest.mark.parametrize(
    ("field", "said"), [("url", "not both"), ("volume", "not both"), ("checksum", "only if it is fetched from a URL")]
)
def test_a_file_with_another_source_is_refused(tus, lab, field, said):
    answer = tus.create(hypervisor=lab.pk, name="new", **{field: "https://example.org/x"})
    assert said in errors(answer)["__all__"][0]


def test_somebody_who_was_quicker_leaves_the_upload_waiting_with_the_reason(tus, lab):
    path = tus.begin(lab)
    quicker = make_image(lab, "new")
    assert errors(tus.patch(path, DISK)) == {"name": [f"{lab} already has an image new."]}
    assert f"{lab} already has an image new." in shown(tus)
    finishing.finish_all()
    assert list(Image.objects.all()) == [quicker]
    quicker.delete()
    assert "the image is being created" in shown(tus)
    finishing.finish_all()
    assert uploads.fetch(Image.objects.get().upload, lambda arrived: None).read_bytes() == DISK


def test_the_list_reads_nothing_of_the_files_of_waiting_uploads(tus, lab):
    path = tus.begin(lab)
    make_image(lab, "new")
    tus.patch(path, DISK)
    with CaptureQueriesContext(connection) as asked:
        assert f"{lab} already has an image new." in shown(tus)
    assert not [query["sql"] for query in asked if UploadPart._meta.db_table in query["sql"]]


def test_the_image_of_a_process_that_was_killed_at_the_end_is_made_later(tus, lab, user, monkeypatch):
    path = tus.begin(lab)
    with monkeypatch.context() as patched:
        patched.setattr(finishing, "finish", lambda upload: {})
        tus.patch(path, DISK)
    assert not Image.objects.exists()
    assert tus.offset(path) == len(DISK)  # a client that asks
    assert Image.objects.get().owner == user


def test_an_upload_counts_for_the_limit_of_the_team_once(client, member, lab):
    client.force_login(member)
    tus = Tus(client)
    limit(disk=1)
    answer = tus.create(GIB + 1, hypervisor=lab.pk, name="new")
    assert "2 of 1 GiB of disk" in errors(answer)["__all__"][0]
    path = tus.begin(lab)
    assert "2 of 1 GiB of disk" in errors(tus.create(GIB, hypervisor=lab.pk, name="other"))["__all__"][0]
    assert tus.patch(path, DISK).status_code == 204
    assert Image.objects.get().size == len(DISK)


def test_a_user_has_a_limited_number_of_unfinished_uploads(tus, lab, settings):
    for number in range(MOST):
        tus.begin(lab, f"image-{number}")
    assert f"You have {MOST} unfinished uploads." in errors(tus.create(hypervisor=lab.pk, name="new"))["__all__"][0]
    Upload.objects.last().delete()
    settings.MAX_UPLOAD_SIZE = MOST * len(DISK) - 1
    said = errors(tus.create(hypervisor=lab.pk, name="new"))["__all__"][0]
    assert said.startswith("Your unfinished uploads would have more than ")


def test_without_room_nothing_begins_and_what_has_arrived_is_kept(tus, lab, settings, monkeypatch):
    if settings.UPLOADS_IN_DATABASE:
        pytest.skip("the room of the database is not known")
    path = tus.begin(lab)
    tus.patch(path, DISK[:1000])
    monkeypatch.setattr(spool, "room", lambda: 100)
    assert tus.create(hypervisor=lab.pk, name="other").status_code == 507
    answer = tus.patch(path, DISK[1000:], 1000)
    assert answer.status_code == 507
    assert "The disk of the portal has no room for the rest of the file." in answer.content.decode()
    assert tus.offset(path) == 1000
    monkeypatch.setattr(spool, "room", lambda: GIB)
    assert tus.patch(path, DISK[1000:], 1000).status_code == 204
    assert Image.objects.exists()


def test_the_rest_of_other_uploads_needs_room_as_well(tus, lab, settings, monkeypatch):
    if settings.UPLOADS_IN_DATABASE:
        pytest.skip("the room of the database is not known")
    monkeypatch.setattr(spool, "room", lambda: 2 * len(DISK) - 1)
    path = tus.begin(lab)
    assert tus.create(hypervisor=lab.pk, name="other").status_code == 507
    tus.patch(path, DISK[:1000])
    assert tus.create(hypervisor=lab.pk, name="other").status_code == 201


def test_an_upload_that_nobody_continues_is_deleted_after_a_day(tus, lab, left):
    old, new = tus.begin(lab, "old"), tus.begin(lab, "new")
    for path in (old, new):
        tus.patch(path, DISK[:1000])
    Upload.objects.filter(name="old").update(last_at=timezone.now() - timedelta(hours=25))
    UploadPart.objects.update(created_at=timezone.now() - timedelta(hours=25))
    uploads.forget()
    assert tus.send("HEAD", old).status_code == 404
    assert tus.offset(new) == 1000
    assert tus.patch(new, DISK[1000:], 1000).status_code == 204
    assert uploads.fetch(Image.objects.get().upload, lambda arrived: None).read_bytes() == DISK
    Upload.objects.update(done_at=timezone.now() - timedelta(hours=2))
    uploads.forget()
    assert not Upload.objects.exists()
    assert uploads.fetch(Image.objects.get().upload, lambda arrived: None).exists()


def test_an_upload_that_is_continued_while_uploads_expire_is_kept(tus, lab):
    path = tus.begin(lab)
    tus.patch(path, DISK[:1000])
    Upload.objects.update(last_at=timezone.now() - timedelta(hours=25))
    with after_first_query(Upload, lambda: tus.patch(path, DISK[1000:2000], 1000)):
        uploads.forget()
    assert tus.offset(path) == 2000
    assert tus.patch(path, DISK[2000:], 2000).status_code == 204


def test_an_upload_that_becomes_an_image_while_uploads_expire_is_kept(tus, lab, settings):
    path = tus.begin(lab)
    tus.patch(path, DISK[:1000])
    old = timezone.now() - timedelta(hours=7)
    UploadPart.objects.update(created_at=old)
    if not settings.UPLOADS_IN_DATABASE:
        pytest.skip("writing to a file renews it")
    with after_first_query(Image, lambda: tus.patch(path, DISK[1000:], 1000)):
        uploads.forget()
    assert uploads.fetch(Image.objects.get().upload, lambda arrived: None).read_bytes() == DISK


def test_a_file_that_belongs_to_no_upload_is_deleted(tus, lab, settings, left):
    if settings.UPLOADS_IN_DATABASE:
        pytest.skip("there are no files")
    for name, age in (("ab" * 16, 7), ("cd" * 16, 1), ("ef" * 16 + ".part", 7), ("other", 7)):
        (settings.SPOOL_DIR / name).write_text("x")
        at = timezone.now().timestamp() - age * 3600
        os.utime(settings.SPOOL_DIR / name, (at, at))
    uploads.forget()
    assert left() == ["cd" * 16, "other"]


def test_an_upload_whose_file_was_lost_continues_from_what_is_there(tus, lab, settings, left):
    if settings.UPLOADS_IN_DATABASE:
        pytest.skip("there are no files")
    path = tus.begin(lab)
    tus.patch(path, DISK[:5000])
    file = settings.SPOOL_DIR / left()[0]
    file.write_bytes(file.read_bytes()[:2000])
    assert tus.offset(path) == 2000
    file.unlink()
    assert tus.offset(path) == 0
    assert tus.patch(path, DISK).status_code == 204


def test_a_waiting_upload_whose_file_was_lost_can_be_resumed(tus, lab, settings, left):
    if settings.UPLOADS_IN_DATABASE:
        pytest.skip("there are no files")
    path = tus.begin(lab)
    make_image(lab, "new")
    tus.patch(path, DISK)
    assert "data-resume" not in shown(tus)
    (settings.SPOOL_DIR / left()[0]).unlink()
    assert "data-resume" in shown(tus)
    finishing.finish_all()
    assert tus.offset(path) == 0
