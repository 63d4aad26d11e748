"""The name of an upload is kept for its image while it is expected; others are told what they can do."""

import pytest
from django.test import Client

from tests.support.making import make_image, make_running, make_vm
from tests.support.teams import make_team
from tests.vms.images.uploading.conftest import DISK, Tus
from virterweb.people.models import Team
from vms.models import Image, Upload

OWN = "An upload for an image new is not finished. Resume or discard it, or choose another name."
PACKED = b"\xfd7zXZ\0".ljust(len(DISK), b"\1")
URL = "https://example.org/new.qcow2"


@pytest.fixture
def paused(tus, lab) -> str:
    """Return the path of a paused upload of another user."""
    path = tus.begin(lab)
    tus.patch(path, DISK[:1000])
    return path


@pytest.fixture
def other(member) -> Tus:
    client = Client()
    client.force_login(member)
    return Tus(client)


def test_another_user_is_told_whom_to_ask(paused, other, user, lab):
    said = other.create(hypervisor=lab.pk, name="new").json()["errors"]
    assert said == {"name": [f"{user} is uploading an image new. Choose another name, or ask {user}."]}


def test_a_user_who_may_not_see_what_the_team_has_is_told_no_names(paused, other, user, member, lab):
    Team.objects.update(role_of_all=None)
    make_team("red", {member: "user"}, on=lab, others="")
    said = other.create(hypervisor=lab.pk, name="new").json()["errors"]
    assert said == {"name": ["The name new is taken. Choose another name."]}


def test_a_failed_upload_keeps_no_name(tus, other, lab):
    tus.patch(tus.begin(lab), PACKED)
    assert other.create(hypervisor=lab.pk, name="new").status_code == 201
    assert Upload.objects.count() == 2


def test_an_image_of_a_url_or_a_volume_does_not_take_the_name_of_an_upload(tus, paused, lab):
    for source in ({"url": URL}, {"volume": "disk"}):
        answer = tus.client.post("/images/", {"hypervisor": lab.pk, "name": "new", **source})
        assert OWN in answer.content.decode()
    assert not Image.objects.exists()
    assert tus.patch(paused, DISK[1000:], 1000).status_code == 204
    assert Image.objects.get().upload


def test_an_image_of_a_vm_does_not_take_the_name_of_an_upload(tus, paused, lab):
    make_image(lab)
    vm = make_vm(lab, "vm", 8)
    make_running(vm)
    answer = tus.client.post("/vms/lab-1/vm/commit/", {"name": "new"})
    assert OWN in answer.content.decode()
