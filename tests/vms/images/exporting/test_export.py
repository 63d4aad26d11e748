"""The file of an image is requested by who may run VMs from it, sent whole or in ranges, and deleted after an hour."""

from datetime import timedelta

import pytest
from django.conf import settings as portal
from django.core.files.base import ContentFile
from django.core.management import CommandError
from django.utils import timezone

from tests.project.commands.running_commands import run
from tests.support.making import make_hypervisor, make_image
from tests.support.meanwhile import after_first_query
from tests.support.teams import make_team
from virterweb.activity.models import Entry
from virterweb.hypervisors.models import HypervisorStatus
from virterweb.messages import Message
from virterweb.people.models import Grant, Team
from vms.images.exporting import requests
from vms.images.exporting.stream import PIECE, read_piece
from vms.images.uploading import uploads
from vms.models import Image, ImageExport, UploadPart

pytestmark = pytest.mark.integration

DATA = bytes(range(256)) * 20_000  # more than a part
FILE = "/images/lab-1/alma-8/file/"


@pytest.fixture(params=["folder", "database"])
def image(request, db, enqueued, settings, tmp_path) -> Image:
    settings.SPOOL_DIR, settings.UPLOADS_IN_DATABASE = tmp_path, request.param == "database"
    image = make_image(make_hypervisor())
    image.status.write(made_at=timezone.now(), generation=image.generation)
    return image


def prepared(image: Image) -> ImageExport:
    """Return an export whose file is ready."""
    export = ImageExport.objects.create(image=image, ready_at=timezone.now(), size=len(DATA))
    if portal.UPLOADS_IN_DATABASE:
        uploads.keep(export.key, ContentFile(DATA))
    else:
        (portal.SPOOL_DIR / export.key).write_bytes(DATA)
    return export


def read(export: ImageExport, start: int, end: int) -> bytes:
    """Return the bytes that an answer with this range consists of."""
    data = b""
    while start + len(data) < end:
        piece = read_piece(export, start + len(data), min(PIECE, end - start - len(data)))
        assert piece, "the file is gone"
        data += piece
    return data


def text(page) -> str:
    return " ".join(page.get("/images/").content.decode().split())


def test_an_export_is_requested_once_and_shown_while_it_is_prepared(page, image, user):
    assert "Export</button>" in text(page)
    for _ in range(2):
        assert page.post("/images/lab-1/alma-8/export/").url == "/images/"
    export = ImageExport.objects.get()
    assert list(ImageExport.objects.to_prepare()) == [export]
    assert [entry.what for entry in Entry.objects.filter(kind="image")] == ["export as a file requested"]
    ImageExport.objects.update(size=200, done_bytes=50, total_bytes=200, progress=Message("image.reading"))
    assert ">25 %</progress> 25 %</span>" in (said := text(page))
    assert "reading from the pool: <span>0.0 MiB of 0.0 MiB</span>" in said
    answer = page.get(FILE)
    assert (answer.status_code, b"not ready" in answer.content) == (409, True)
    HypervisorStatus.objects.update(unreachable_since=timezone.now())
    assert not ImageExport.objects.to_prepare().exists()


def test_a_file_that_is_ready_is_sent_with_its_length(page, image):
    prepared(image)
    assert f'href="{FILE}"' in text(page)
    answer = page.get(FILE)
    assert answer["Content-Length"] == str(len(DATA))
    assert read(ImageExport.objects.get(), 0, len(DATA)) == DATA
    assert answer["Content-Disposition"] == 'attachment; filename="alma-8.qcow2"'
    assert Entry.objects.get(kind="image").what == "file downloaded"
    assert ImageExport.objects.get().used_at


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=100-", 100, len(DATA)),
        ("bytes=4194300-4194309", 4194300, 4194310),  # over the end of a part
        ("bytes=-5", len(DATA) - 5, len(DATA)),
        ("bytes=10-99999999999", 10, len(DATA)),
    ],
)
def test_a_range_is_sent_alone(page, image, asked, start, end):
    export = prepared(image)
    answer = page.get(FILE, headers={"Range": asked})
    assert answer.status_code == 206
    assert read(export, start, end) == DATA[start:end]
    assert answer["Content-Range"] == f"bytes {start}-{end - 1}/{len(DATA)}"
    assert answer["Content-Length"] == str(end - start)


@pytest.mark.parametrize(
    "asked", ["bytes=", "bytes=-", "lines=1-2", "bytes=5-2", "bytes=1-2,4-5", "bytes=x-", "bytes=" + "9" * 30 + "-"]
)
def test_a_range_that_means_nothing_gets_the_whole_file(page, image, asked):
    prepared(image)
    answer = page.get(FILE, headers={"Range": asked})
    assert (answer.status_code, answer["Content-Length"]) == (200, str(len(DATA)))


def downloads() -> int:
    return sum(entry.what == "file downloaded" for entry in Entry.objects.filter(kind="image"))


@pytest.mark.parametrize("asked", ["bytes=0-", "Bytes=0-99", f"bytes=-{len(DATA)}", "nonsense", "bytes=1-2,4-5"])
def test_each_download_from_the_beginning_is_logged_once(page, image, asked):
    prepared(image)
    page.get(FILE, headers={"Range": asked})
    assert downloads() == 1
    page.get(FILE, headers={"Range": "bytes=100-"})  # continues it
    assert downloads() == 1
    page.get(FILE)
    assert downloads() == 2


def test_a_download_that_leaves_out_the_beginning_is_logged(page, client, member, image):
    prepared(image)
    page.get(FILE)
    client.force_login(member)
    for start in (1, 100):
        client.get(FILE, headers={"Range": f"bytes={start}-"})
    assert [entry.who for entry in Entry.objects.filter(kind="image", user=member)] == [member.username]


def test_a_range_beyond_the_file_is_no_download(page, image):
    prepared(image)
    page.get(FILE, headers={"Range": f"bytes={len(DATA)}-"})
    assert downloads() == 0


@pytest.mark.django_db(transaction=True)
def test_the_answer_has_exactly_the_bytes(page, image):
    prepared(image)
    assert b"".join(page.get(FILE)) == DATA
    assert b"".join(page.get(FILE, headers={"Range": "bytes=5-4194400"})) == DATA[5:4194401]


@pytest.mark.parametrize("asked", [f"bytes={len(DATA)}-", "bytes=-0"])
def test_a_range_beyond_the_file_is_refused(page, image, asked):
    prepared(image)
    answer = page.get(FILE, headers={"Range": asked})
    assert (answer.status_code, answer["Content-Range"]) == (416, f"bytes */{len(DATA)}")


def test_a_range_of_another_file_gets_the_whole_one(page, image):
    export = prepared(image)
    assert page.get(FILE, headers={"Range": "bytes=1-2", "If-Range": '"other"'}).status_code == 200
    assert page.get(FILE, headers={"Range": "bytes=1-2", "If-Range": f'"{export.key}"'}).status_code == 206


def test_a_file_expires_an_hour_after_its_last_use(page, image):
    prepared(image)
    old = timezone.now() - timedelta(minutes=61)
    ImageExport.objects.update(ready_at=old, used_at=timezone.now())
    requests.forget()
    assert page.get(FILE).status_code == 200
    ImageExport.objects.update(used_at=old)
    requests.forget()
    assert not ImageExport.objects.exists()
    assert (list(portal.SPOOL_DIR.iterdir()), UploadPart.objects.count()) == ([], 0)
    assert page.get(FILE).status_code == 409


def test_a_file_that_is_used_while_files_expire_is_kept(page, image):
    old = timezone.now() - timedelta(minutes=61)
    export = prepared(image)
    ImageExport.objects.update(ready_at=old, used_at=old)
    with after_first_query(ImageExport, lambda: ImageExport.objects.update(used_at=timezone.now())):
        requests.forget()
    assert page.get(FILE).status_code == 200
    assert read(export, 0, len(DATA)) == DATA


def test_a_file_that_is_used_for_hours_is_kept(page, image):
    export = prepared(image)
    old = timezone.now() - timedelta(hours=7)
    ImageExport.objects.update(ready_at=old, used_at=timezone.now())
    UploadPart.objects.update(created_at=old)
    requests.forget()
    uploads.forget()
    assert read(export, 0, len(DATA)) == DATA


def test_the_file_of_a_deleted_image_is_deleted(page, image):
    prepared(image)
    Image.objects.all().delete()
    requests.forget()
    assert (list(portal.SPOOL_DIR.iterdir()), UploadPart.objects.count()) == ([], 0)


def test_a_lost_file_is_prepared_again(page, image):
    uploads.discard(prepared(image).key)
    assert page.get(FILE).status_code == 409
    page.post("/images/lab-1/alma-8/export/")
    assert ImageExport.objects.to_prepare().count() == 1


def test_a_file_is_kept_again_after_its_worker_was_killed(image):
    if not portal.UPLOADS_IN_DATABASE:
        pytest.skip("there are no parts")
    ImageExport.objects.create(image=image, key="export-1", ready_at=timezone.now(), size=len(DATA))
    for number in range(3):  # the file of the killed worker was another one
        UploadPart.objects.create(upload="export-1", number=number, data=b"old")
    uploads.keep("export-1", ContentFile(DATA))
    assert read(ImageExport.objects.get(), 0, len(DATA)) == DATA
    assert UploadPart.objects.count() == 2


def test_a_user_has_two_exports_in_progress_at_most(page, image, client, member):
    others = [image, *(make_image(image.hypervisor, f"image-{number}") for number in (1, 2))]
    for each in others:
        each.status.write(made_at=timezone.now(), generation=each.generation)
    said = "You have 2 exports in progress already. Try again when one of them is ready."
    assert [said in asked(page, each) for each in others] == [False, False, True]
    assert said not in asked(page, image)  # it is in progress already
    assert ImageExport.objects.count() == 2
    ImageExport.objects.filter(image=image).update(ready_at=timezone.now())
    assert said not in asked(page, others[2])
    ImageExport.objects.filter(image=others[1]).delete()
    client.force_login(member)
    assert said not in asked(client, others[1])  # others have their own limit


def asked(page, image: Image) -> str:
    """Request an export; return the page that follows."""
    return page.post(f"/images/lab-1/{image.name}/export/", follow=True).content.decode()


def test_a_failure_is_shown_and_can_be_repeated(page, image):
    ImageExport.objects.create(image=image, error=Message("export.no_room", size=5))
    assert "has too little room for a file of 5 bytes" in text(page)
    page.post("/images/lab-1/alma-8/export/")
    assert ImageExport.objects.to_prepare().count() == 1


@pytest.mark.parametrize("how", ["not loaded", "removed"])
def test_an_image_that_is_not_in_the_pool_is_not_exported(page, image, how):
    if how == "removed":
        Image.objects.update(removed_at=timezone.now())
    else:
        image.status.write(made_at=None)
    assert 'action="/images/lab-1/alma-8/export/"' not in page.get("/images/").content.decode()
    answer = page.post("/images/lab-1/alma-8/export/", follow=True)
    assert "is not in the pool yet, or no longer" in answer.content.decode()
    assert not ImageExport.objects.exists()


def test_only_who_may_run_vms_from_an_image_gets_its_file(member_page, member, image):
    prepared(image)
    Team.objects.update(role_of_all=None)
    make_team("red", {member: "user"}, on=image.hypervisor, others="")
    Image.objects.update(team=Team.objects.get(name="red"))
    assert member_page.get(FILE).status_code == 200
    make_team("blue", {}, on=image.hypervisor, others="")
    Image.objects.update(team=Team.objects.get(name="blue"))
    assert member_page.get(FILE).status_code == 404
    assert member_page.post("/images/lab-1/alma-8/export/").status_code == 404


@pytest.mark.parametrize("pools", ["ssd-*", ""])
def test_who_may_have_no_disks_in_the_pool_gets_no_file(member_page, image, pools):
    prepared(image)
    assert FILE in text(member_page)
    Grant.objects.update(pools=pools)
    assert member_page.get("/vms/run/").status_code == 200
    assert FILE not in text(member_page)
    assert member_page.get(FILE).status_code == 403
    answer = member_page.post("/images/lab-1/alma-8/export/")
    assert (answer.status_code, "because you may not run VMs from it" in answer.content.decode()) == (403, True)


def test_the_command_writes_the_file(image, tmp_path):
    prepared(image)
    target = tmp_path / "copy" / "mine.qcow2"
    target.parent.mkdir()
    run("image", "export", "alma-8", str(target))
    assert target.read_bytes() == DATA
    assert [path.name for path in target.parent.iterdir()] == ["mine.qcow2"]
    with pytest.raises(CommandError, match="exists already"):
        run("image", "export", "alma-8", str(target))
    with pytest.raises(CommandError, match="No such file or directory"):
        run("image", "export", "alma-8", str(tmp_path / "none" / "x"))
    with pytest.raises(CommandError, match="no image other"):
        run("image", "export", "other", str(tmp_path / "x"))
