"""Users who try to read volumes of the pool by making images of them."""

import pytest

from tests.support.making import everyone, make_hypervisor, record_volume
from virterweb.people.models import Grant
from vms.models import LOADING, Image

pytestmark = pytest.mark.integration


@pytest.fixture
def lab(db, enqueued):
    return make_hypervisor("lab")


def make_image_of(page, lab, volume: str) -> int:
    record_volume(lab, volume, path=f"/pool/{volume}", format="qcow2")
    return page.post("/images/", {"hypervisor": lab.pk, "name": "mine", "volume": volume}).status_code


def test_an_image_that_is_being_loaded_is_no_image_of_somebody_else(member_page, lab):
    assert make_image_of(member_page, lab, f"{LOADING}rich") == 422
    assert not Image.objects.exists()


def test_who_sees_only_what_the_team_owns_makes_no_image_of_other_volumes(member_page, lab):
    Grant.objects.filter(team=everyone()).update(role=None)
    assert make_image_of(member_page, lab, "backup.qcow2") == 422
    assert not Image.objects.exists()
