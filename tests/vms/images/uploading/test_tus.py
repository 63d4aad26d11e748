"""Uploads by the protocol tus 1.0: what has arrived is kept, and the image is made when the file is complete."""

import hashlib

import pytest
from django.test import Client

from tests.vms.images.uploading.conftest import DISK, START, Tus, encoded
from virterweb.activity.models import Entry
from virterweb.people.models import Grant, Token
from vms.images.uploading import storage, uploads
from vms.models import Image, Upload, UploadPart

CUT = 5_000_001


def test_the_server_says_what_it_supports(tus, lab, settings):
    answer = tus.client.options(START)
    assert answer.status_code == 204
    assert answer["Tus-Version"] == answer["Tus-Resumable"] == "1.0.0"
    assert answer["Tus-Extension"] == "creation,expiration,termination,checksum"
    assert answer["Tus-Checksum-Algorithm"] == "sha256,sha1"
    assert answer["Tus-Max-Size"] == str(settings.MAX_UPLOAD_SIZE)


def test_a_file_arrives_in_pieces_and_becomes_an_image(tus, lab, user):
    path = tus.begin(lab)
    assert tus.offset(path) == 0
    answer = tus.patch(path, DISK[:CUT])
    assert (answer.status_code, answer["Upload-Offset"]) == (204, str(CUT))
    assert "Upload-Expires" in answer
    state = tus.send("HEAD", path)
    assert (state["Upload-Offset"], state["Upload-Length"]) == (str(CUT), str(len(DISK)))
    assert state["Cache-Control"] == "no-store"
    assert f"name {encoded('new')}" in state["Upload-Metadata"]
    assert not Image.objects.exists()
    assert tus.patch(path, DISK[CUT:], CUT).status_code == 204
    image = Image.objects.get()
    assert (image.name, image.hypervisor, image.owner, image.size) == ("new", lab, user, len(DISK))
    assert uploads.fetch(image.upload, lambda arrived: None).read_bytes() == DISK
    assert Entry.objects.filter(kind="image").values_list("event", "who").get() == ("added", "mira")
    assert not Upload.objects.unfinished().exists()


def test_a_client_that_has_lost_the_last_answer_learns_that_the_upload_is_complete(tus, lab):
    path = tus.begin(lab)
    tus.patch(path, DISK)
    assert tus.offset(path) == len(DISK)
    assert tus.send("DELETE", path).status_code == 204  # the image stays
    assert uploads.fetch(Image.objects.get().upload, lambda arrived: None).read_bytes() == DISK


@pytest.mark.parametrize("offset", [0, CUT - 1, CUT + 1, len(DISK)])
def test_a_piece_for_another_place_is_refused(tus, lab, offset):
    path = tus.begin(lab)
    tus.patch(path, DISK[:CUT])
    answer = tus.patch(path, b"x" * 10, offset)
    assert answer.status_code == 409
    assert tus.offset(path) == CUT


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Tus_Resumable": None}, 412),
        ({"Tus_Resumable": "0.2.2"}, 412),
        ({"Content_Type": "application/json"}, 415),
        ({"Upload_Offset": None}, 400),
        ({"Upload_Offset": "-1"}, 400),
        ({"Upload_Offset": "ten"}, 400),
        ({"Upload_Offset": "9" * 30}, 400),
        ({"Upload_Checksum": f"md5 {encoded(b'x' * 16)}"}, 400),
        ({"Upload_Checksum": "sha256 none"}, 400),
    ],
)
def test_a_malformed_piece_is_refused_and_stores_nothing(tus, lab, headers, status):
    path = tus.begin(lab)
    answer = tus.send("PATCH", path, DISK, **{"Upload_Offset": "0", **headers})
    assert answer.status_code == status
    assert answer["Tus-Resumable"] == "1.0.0"
    assert ("Tus-Version" in answer) == (status == 412)
    assert tus.offset(path) == 0


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Upload_Length": None}, 400),
        ({"Upload_Length": None, "Upload_Defer_Length": "1"}, 400),
        ({"Upload_Length": "-5"}, 400),
        ({"Upload_Length": str(2**50)}, 413),
        ({"Upload_Metadata": "name n§o"}, 400),
        ({"Upload_Metadata": "name " + encoded(b"\xff")}, 400),
        ({"Upload_Metadata": "name " + encoded("a\0b")}, 400),
        ({"Upload_Metadata": "x" * 9000}, 400),
        ({"Upload_Metadata": ""}, 422),
        ({"Tus_Resumable": "2.0.0"}, 412),
    ],
)
def test_a_malformed_start_begins_no_upload(tus, lab, headers, status):
    answer = tus.send("POST", START, **{"Upload_Length": "1024", "Upload_Metadata": "", **headers})
    assert answer.status_code == status
    assert not Upload.objects.exists()


def test_more_than_the_rest_is_refused(tus, lab):
    path = tus.begin(lab, length=1024)
    assert tus.patch(path, DISK[:1025]).status_code == 413
    assert tus.offset(path) == 0


@pytest.mark.parametrize("algorithm", ["sha256", "sha1"])
def test_a_piece_with_the_right_checksum_is_stored_and_one_with_a_wrong_one_is_not(tus, lab, algorithm, left):
    path = tus.begin(lab)
    digest = encoded(hashlib.new(algorithm, DISK[:CUT]).digest())
    answer = tus.patch(path, DISK[: CUT - 1] + b"!", Upload_Checksum=f"{algorithm} {digest}")
    assert answer.status_code == 460
    assert tus.offset(path) == 0
    assert left() == []
    assert tus.patch(path, DISK[:CUT], Upload_Checksum=f"{algorithm} {digest}").status_code == 204
    assert tus.offset(path) == CUT
    tus.patch(path, DISK[CUT:], CUT)
    assert uploads.fetch(Image.objects.get().upload, lambda arrived: None).read_bytes() == DISK


@pytest.mark.parametrize("by_form", [False, True])
def test_nothing_is_left_of_a_discarded_upload(tus, lab, left, by_form):
    path = tus.begin(lab)
    tus.patch(path, DISK[:CUT])
    answer = tus.client.post(f"{path}discard/") if by_form else tus.send("DELETE", path)
    assert answer.status_code == (302 if by_form else 204)
    assert tus.send("HEAD", path).status_code == 404
    assert tus.patch(path, DISK[CUT:], CUT).status_code == 404
    assert left() == []
    assert not UploadPart.objects.exists()
    assert not Upload.objects.exists()


def test_clients_that_can_only_post_name_the_method_in_a_header(tus, lab):
    path = tus.begin(lab)
    answer = tus.send("POST", path, DISK[:CUT], Upload_Offset="0", X_HTTP_Method_Override="PATCH")
    assert answer.status_code == 204
    assert tus.offset(path) == CUT
    assert tus.send("POST", path).status_code == 405
    assert tus.send("POST", path, X_HTTP_Method_Override="DELETE").status_code == 204
    assert tus.send("GET", path, X_HTTP_Method_Override="DELETE").status_code == 405


def test_of_two_requests_that_continue_an_upload_one_wins(tus, lab):
    tus.patch(tus.begin(lab), DISK[:CUT])
    first, second = Upload.objects.get(), Upload.objects.get()
    storage.store(first, DISK[CUT : CUT + 1000])
    with pytest.raises(storage.Overtaken):
        storage.store(second, b"x" * 1000)
    storage.store(first, DISK[CUT + 1000 :])
    with storage.opened(first) as data:
        assert data.read() == DISK


def test_an_upload_exists_for_its_owner_alone(tus, lab, operator):
    path = tus.begin(lab)
    other = Client()
    other.force_login(operator)
    for method in ("HEAD", "PATCH", "DELETE"):
        assert Tus(other).send(method, path, Upload_Offset="0").status_code == 404
    assert other.post(f"{path}discard/").status_code == 404
    assert "disk.raw" not in other.get("/images/").content.decode()
    assert "disk.raw" in tus.client.get("/images/").content.decode()
    assert "disk.raw" in tus.client.get(START, headers={"HX-Request": "true"}).content.decode()


def test_an_ended_session_is_said_plainly(tus, lab):
    path = tus.begin(lab)
    answer = Tus(Client()).patch(path, DISK)
    assert (answer.status_code, answer.content) == (401, b"You are signed out.")


def test_a_page_of_another_site_cannot_send(user, lab):
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    assert Tus(client).create(hypervisor=lab.pk, name="new").status_code == 403
    assert not Upload.objects.exists()


def test_a_program_uploads_with_a_token(member, lab):
    token = Token(user=member, name="ci", verbs=["list", "create"])
    secret = token.make_secret()
    token.save()
    program = Tus(Client(enforce_csrf_checks=True, headers={"Authorization": f"Bearer {secret}"}))
    path = program.begin(lab)
    assert program.patch(path, DISK).status_code == 204
    assert Image.objects.get().owner == member


def test_who_may_create_nothing_begins_no_upload(client, member, lab):
    Grant.objects.all().delete()
    client.force_login(member)
    assert Tus(client).create(hypervisor=lab.pk, name="new").status_code == 403
