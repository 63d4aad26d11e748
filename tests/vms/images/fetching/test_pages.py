"""An image is added by its URL on the page of images, which shows how much of it has arrived."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.support.making import make_hypervisor
from virterweb.activity.models import Entry
from virterweb.messages import Message
from vms.models import FETCHING, Image

URL = "https://files.example/images/debian-12.qcow2?key=secret"
SHA = "a1" * 32


@pytest.fixture
def lab(db, enqueued):
    return make_hypervisor()


def add(page, lab, **fields: object):
    return page.post("/images/", {"hypervisor": lab.pk, "name": "new", **fields})


def test_a_url_becomes_an_image_that_waits_for_a_worker(page, lab, enqueued):
    assert add(page, lab, url=URL, checksum=f"sha256:{SHA.upper()}").status_code == 302
    image = Image.objects.get()
    assert (image.url, image.checksum, image.volume, image.state) == (URL, SHA, "virter:tag:new", "pending")
    assert list(Image.objects.to_fetch()) == [image]
    assert not Image.objects.to_push().exists()
    assert Entry.objects.get(kind="image").event == "added"


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({}, "volume", "Choose a volume of the pool, a file or a URL."),
        ({"url": URL, "volume": "disk"}, "volume", "Choose a volume of the pool, a file or a URL."),
        ({"url": "file:///etc/shadow"}, "url", "Images can be fetched by http and https only, not by “file”."),
        ({"url": "not a URL"}, "url", "no spaces"),
        ({"url": "http://root:secret@files.example/x"}, "url", "would show them to others"),
        ({"url": URL, "checksum": "12"}, "checksum", "A SHA-256 has 64 hexadecimal digits."),
        ({"url": URL, "checksum": "g" * 64}, "checksum", "A SHA-256 has 64 hexadecimal digits."),
        ({"checksum": SHA, "volume": "disk"}, "checksum", "verified only if it is fetched from a URL"),
    ],
)
def test_a_bad_source_is_refused_at_its_field(page, lab, fields, field, said):
    answer = add(page, lab, **fields)
    assert answer.status_code == 422
    assert said in " ".join(answer.context["form"].errors[field])
    assert not Image.objects.exists()


def test_either_a_file_or_a_url_is_given(page, lab):
    answer = add(page, lab, url=URL, file=SimpleUploadedFile("disk", bytes(2**20)))
    assert answer.context["form"].errors == {"file": ["Choose a volume of the pool, a file or a URL."]}


def test_members_may_fetch_and_are_not_offered_volumes(member_page, lab):
    answer = add(member_page, lab)
    assert answer.context["form"].errors == {"file": ["Choose a file or a URL."]}
    assert add(member_page, lab, url=URL).status_code == 302


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ({"total_bytes": 400 * 2**20, "rate": 12 * 2**20}, "fetching: <span>100.0 MiB of 400.0 MiB, 12.0 MiB/s"),
        ({}, "fetching: <span>100.0 MiB"),
    ],
)
def test_the_page_shows_how_much_has_arrived_and_how_fast(page, lab, values, shown):
    add(page, lab, url=URL)
    Image.objects.get().status.write(done_bytes=100 * 2**20, progress=Message(FETCHING), **values)
    said = page.get("/images/").content.decode()
    assert shown in said
    assert ("25 %" in said) == ("total_bytes" in values)
    assert "from files.example" in said
    assert "secret" not in said


def test_the_page_says_why_a_fetch_failed_and_that_a_checksum_was_verified(page, lab):
    add(page, lab, url=URL)
    image = Image.objects.get()
    reason = Message("source.status", host="files.example", status=404)
    image.status.write(generation=image.generation, error=reason, verified=True)
    said = page.get("/images/").content.decode()
    assert "files.example does not give the file: it answers with the HTTP status 404." in said
    assert "SHA-256 verified" in said


def test_a_deleted_image_is_no_longer_fetched(page, lab):
    add(page, lab, url=URL)
    page.post("/images/lab-1/new/remove/")
    assert not Image.objects.to_fetch().exists()
    assert Image.objects.to_push().exists()
