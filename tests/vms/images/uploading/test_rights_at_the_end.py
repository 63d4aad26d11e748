"""The image of an upload is made for the team that it was begun for, with the rights that its owner has at the end."""

from collections.abc import Callable

import pytest
from django.contrib.auth.base_user import AbstractBaseUser
from django.test import Client

from tests.people.teams.test_limits import limit
from tests.support.making import everyone
from tests.support.teams import make_team
from tests.vms.images.uploading.conftest import DISK, START, Tus
from virterweb.hypervisors.models import Hypervisor
from virterweb.people.models import Grant, Membership, Team
from vms.images.uploading import finishing
from vms.models import Image, Upload, UploadPart

FORBIDDEN = "You may not create images on lab-1 for the team of this upload. Ask an operator."


@pytest.fixture
def teams(member: AbstractBaseUser, lab: Hypervisor) -> dict[str, Team]:
    """Have the member create for two teams, of which blue is the first by name."""
    Team.objects.update(role_of_all=None)
    return {name: make_team(name, {member: "user"}, on=lab, others="") for name in ("blue", "red")}


@pytest.fixture
def waiting(client: Client, member: AbstractBaseUser, lab: Hypervisor, teams, monkeypatch) -> Upload:
    """Return a complete upload for red, whose process was killed before the image was made."""
    client.force_login(member)
    tus = Tus(client)
    answer = tus.create(hypervisor=lab.pk, name="new", team=teams["red"].pk)
    with monkeypatch.context() as patched:
        patched.setattr(finishing, "finish", lambda upload: {})
        assert tus.patch(answer["Location"], DISK).status_code == 204
    return Upload.objects.get()


def shown(client: Client) -> str:
    return client.get(START, headers={"HX-Request": "true"}).content.decode()


def test_the_image_belongs_to_the_team_of_the_upload(waiting, teams):
    finishing.finish_all()
    assert Image.objects.get().team == teams["red"]


def leave_team(team: Team, user: AbstractBaseUser) -> None:
    Membership.objects.filter(team=team, user=user).delete()


def lose_grant(team: Team, user: AbstractBaseUser) -> None:
    Grant.objects.filter(team=team).delete()


def become_viewer(team: Team, user: AbstractBaseUser) -> None:
    membership = Membership.objects.get(team=team, user=user)
    membership.role = type(membership.role).objects.get(name="viewer")
    membership.save()


def lose_pool(team: Team, user: AbstractBaseUser) -> None:
    Grant.objects.filter(team=team).update(pools="other")


def be_deactivated(team: Team, user: AbstractBaseUser) -> None:
    type(user).objects.filter(pk=user.pk).update(is_active=False)


@pytest.mark.parametrize(
    ("lose", "said"),
    [
        (leave_team, FORBIDDEN),
        (lose_grant, FORBIDDEN),
        (become_viewer, FORBIDDEN),
        (lose_pool, "You may not use the storage pool default of lab-1. Ask an operator."),
        (be_deactivated, "The user otto was deactivated before the image was created."),
    ],
)
def test_an_upload_fails_whose_owner_may_no_longer_create_its_image(
    waiting: Upload, member, teams, left, lose: Callable, said: str
):
    lose(teams["red"], member)  # for blue, the user still may
    finishing.finish_all()
    assert not Image.objects.exists()
    waiting.refresh_from_db()
    assert str(waiting.problem) == said
    assert (left(), UploadPart.objects.count()) == ([], 0)  # it no longer counts for anything


def test_the_list_shows_why_an_upload_has_failed(client, waiting, member, teams):
    leave_team(teams["red"], member)
    assert FORBIDDEN in shown(client)
    finishing.finish_all()
    assert FORBIDDEN in shown(client)


def test_an_upload_whose_team_may_no_longer_have_so_much_waits_until_it_may(client, member, lab):
    client.force_login(member)
    tus = Tus(client)
    path = tus.begin(lab)
    limit(disk=0)
    said = tus.patch(path, DISK).json()["errors"]["__all__"][0]
    assert said.startswith("This would be 1 of 0 GiB of disk")
    assert said in shown(client)
    finishing.finish_all()
    assert not Image.objects.exists()
    limit(disk=1)
    finishing.finish_all()
    assert Image.objects.get().team == everyone()
