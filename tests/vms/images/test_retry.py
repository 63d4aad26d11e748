"""A failed image is retried on its page and on the command line."""

import pytest
from django.core.management import CommandError

from tests.project.commands.running_commands import run
from tests.support.making import everyone, make_hypervisor, make_image
from virterweb.activity.models import Entry
from virterweb.messages import Message
from virterweb.people.models import Membership
from vms.models import Image

REASON = Message("source.status", host="files.example", status=404)


@pytest.fixture
def failed(db, enqueued) -> Image:
    """Return an image whose file the server did not give."""
    values = {"url": "https://files.example/x.qcow2", "upload": "ab" * 16, "team": everyone()}
    image = Image.objects.create(hypervisor=make_hypervisor(), name="new", volume="virter:tag:new", **values)
    image.status.write(generation=image.generation, error=REASON)
    return image


def test_the_page_of_images_retries_a_failed_fetch(page, failed):
    assert not Image.objects.to_fetch().exists()
    assert 'aria-label="Retry new"' in page.get("/images/").content.decode()
    assert page.post("/images/lab-1/new/retry/").url == "/images/"
    assert list(Image.objects.to_fetch()) == [failed]
    assert Entry.objects.get(kind="image").event == "retried"


def test_the_command_retries_a_failed_fetch(failed):
    run("image", "retry", "new", "--no-wait")
    assert list(Image.objects.to_fetch()) == [failed]
    with pytest.raises(CommandError, match="no image none"):
        run("image", "retry", "none", "--no-wait")


def test_what_has_not_failed_is_not_retried(page, db, enqueued):
    image = make_image(make_hypervisor())
    assert "Retry alma-8" not in page.get("/images/").content.decode()
    answer = page.post("/images/lab-1/alma-8/retry/", follow=True)
    assert "there is nothing to retry" in answer.content.decode()
    with pytest.raises(CommandError, match="nothing has failed"):
        run("image", "retry", "alma-8", "--no-wait")
    image.refresh_from_db()
    assert image.generation == 1


def test_an_unmanaged_image_is_not_retried(page, failed):
    Image.objects.update(managed=False)
    assert page.post("/images/lab-1/new/retry/").status_code == 404
    with pytest.raises(CommandError, match="unmanaged"):
        run("image", "retry", "new", "--no-wait")


def test_viewers_may_not_retry(member_page, member, failed):
    Membership.objects.filter(user=member).delete()
    everyone_role = failed.team.role_of_all
    type(failed.team).objects.update(role_of_all=everyone_role and type(everyone_role).objects.get(name="viewer"))
    assert member_page.post("/images/lab-1/new/retry/").status_code == 403
    assert not Image.objects.to_fetch().exists()
