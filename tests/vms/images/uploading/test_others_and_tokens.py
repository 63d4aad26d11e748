"""Who has begun an upload continues it only with the right to create its image; a token reaches only its own part."""

import pytest
from django.test import Client

from tests.people.test_tokens import make_token, program
from tests.support.making import make_hypervisor
from tests.support.teams import make_team
from tests.vms.images.uploading.conftest import DISK, START, Tus
from virterweb.people.models import Grant, Team
from virterweb.people.verbs import VIEWER, Verb
from vms.models import Image, Upload

FORBIDDEN = "You may not create images on lab-1 for the team of this upload. Ask an operator.\n"
ALL = [verb.value for verb in Verb]


@pytest.fixture
def tus(client, member) -> Tus:
    client.force_login(member)
    return Tus(client)


def test_a_user_whose_right_was_revoked_sends_nothing_more_but_may_discard(tus, lab, left):
    path = tus.begin(lab)
    tus.patch(path, DISK[:1000])
    Grant.objects.all().delete()
    answer = tus.patch(path, DISK[1000:], 1000)
    assert (answer.status_code, answer.content.decode()) == (403, FORBIDDEN)
    assert Upload.objects.get().offset == 1000
    assert tus.send("DELETE", path).status_code == 204
    assert (Upload.objects.count(), Image.objects.count(), left()) == (0, 0, [])


def test_a_user_whose_right_was_revoked_may_discard_on_the_page(tus, lab):
    path = tus.begin(lab)
    Grant.objects.all().delete()
    assert tus.client.post(f"{path}discard/").status_code == 302
    assert not Upload.objects.exists()


@pytest.fixture
def red(member, lab) -> Team:
    Team.objects.update(role_of_all=None)
    make_team("blue", {member: "user"}, others="")
    return make_team("red", {member: "user"}, others="")


@pytest.fixture
def path(tus, lab, red) -> str:
    """Return the path of an upload for red on the first hypervisor."""
    return tus.create(hypervisor=lab.pk, name="new", team=red.pk)["Location"]


def requests(client: Client, path: str) -> list[int]:
    """Return the statuses of all requests about an upload."""
    tus = Tus(client)
    found = [tus.send("HEAD", path), tus.patch(path, DISK), client.post(f"{path}discard/"), tus.send("DELETE", path)]
    return [answer.status_code for answer in found]


@pytest.mark.parametrize("limit", ["team", "hypervisor"])
def test_an_upload_out_of_the_reach_of_a_token_does_not_exist_for_it(member, path, limit, left):
    limits = {"teams": [Team.objects.get(name="blue")]} if limit == "team" else {"hypervisors": [make_hypervisor("b")]}
    client = program(make_token(member, ALL, **limits))
    assert requests(client, path) == [404, 404, 404, 404]
    assert "new" not in client.get(START, headers={"HX-Request": "true"}).content.decode()
    assert (Upload.objects.get().offset, left()) == (0, [])


def test_a_token_that_does_not_allow_to_create_only_sees_the_upload(member, path):
    assert requests(program(make_token(member, sorted(VIEWER))), path) == [200, 403, 403, 403]
    assert Upload.objects.get().offset == 0


def test_a_token_for_the_team_and_the_hypervisor_continues_the_upload(member, path, lab, red):
    client = program(make_token(member, ALL, hypervisors=[lab], teams=[red]))
    assert Tus(client).patch(path, DISK).status_code == 204
    assert Image.objects.get().team == red


def test_a_token_of_an_operator_reaches_only_its_part(admin_user, lab):
    Team.objects.update(role_of_all=None)
    blue, red = make_team("blue"), make_team("red")
    client = Client()
    client.force_login(admin_user)
    path = Tus(client).create(hypervisor=lab.pk, name="new", team=red.pk)["Location"]
    assert requests(program(make_token(admin_user, ALL, teams=[blue])), path) == [404, 404, 404, 404]
    assert Tus(program(make_token(admin_user, ALL, teams=[red]))).patch(path, DISK).status_code == 204


def test_uploads_out_of_the_reach_of_a_token_count_for_the_limit_of_the_user(member, path, lab, settings):
    settings.MAX_UPLOAD_SIZE = 2 * len(DISK) - 1
    blue = Team.objects.get(name="blue")
    answer = Tus(program(make_token(member, ALL, teams=[blue]))).create(hypervisor=lab.pk, name="other")
    assert "Your unfinished uploads would have more than" in answer.json()["errors"]["__all__"][0]
