"""Lists of many templates with much user data take little memory."""

import tracemalloc
from functools import partial

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from tests.people.sharing.test_leaving import USERS
from virterweb.people.models import Share
from vms.models import VMTemplate

pytestmark = pytest.mark.integration


@pytest.fixture
def big(lab, team) -> None:
    """Create 300 templates with 199 kB of user data each, 60 MB together, that are shared with the stranger."""
    users = get_user_model().objects
    owner, stranger = users.get(username="owner"), users.get(username="stranger")
    fields = {"image": "alma-8", "memory": 512, "user_data": "#" * 199_000}
    rows = (VMTemplate(hypervisor=lab, name=f"big-{n}", fields=fields, owner=owner, team=team) for n in range(300))
    made = VMTemplate.objects.bulk_create(rows, batch_size=20)
    Share.objects.bulk_create(
        Share(kind="vmtemplate", object_id=each.pk, user=stranger, level="viewer") for each in made
    )


def peak_of(client: Client, path: str, data: dict | None = None) -> float:
    """Return how many MB a request takes, once the code and the templates of pages are loaded."""
    ask = partial(client.post, path, data) if data else partial(client.get, path)
    ask()
    tracemalloc.start()
    answer = ask()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert answer.status_code == 200
    assert "big-" in answer.content.decode()
    return peak / 1e6


@pytest.mark.parametrize(
    "path",
    [
        *("/vms/templates/?sort=memory", "/vms/templates.csv", "/vms/templates.json", "/vms/templates/?q=big"),
        *("/search/?q=big", "/admin/vms/vmtemplate/"),
    ],
)
def test_lists_do_not_read_user_data(page, big, path):
    assert peak_of(page, path) < 20


def test_the_rights_of_a_user_do_not_read_the_user_data_of_shared_templates(browse, big):
    assert peak_of(browse("stranger"), "/profile/rights/") < 20


def test_handing_over_everything_does_not_read_user_data(client, operator, big):
    client.force_login(operator)
    owner = get_user_model().objects.get(username="owner")
    asked = {"action": "hand_over_everything", "_selected_action": owner.pk}
    assert peak_of(client, USERS, asked) < 20
