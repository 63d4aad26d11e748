"""A superuser hands over everything of a user who leaves, in one form of the admin."""

import pytest

from networks.models import Network
from tests.support.making import make_image, make_network
from virterweb.people.models import Team
from vms.models import VM, Image, VMTemplate

pytestmark = pytest.mark.integration
USERS = "/admin/auth/user/"


@pytest.fixture
def admin_page(client, operator):
    client.force_login(operator)
    return client


def send(page, *users, **typed: object):
    chosen = {"action": "hand_over_everything", "_selected_action": [user.pk for user in users]}
    shown = page.post(USERS, chosen)
    token = (getattr(shown, "context_data", None) or {}).get("token", "")
    return shown, page.post(USERS, {**chosen, "asked": "yes", "token": token, **typed}, follow=True)


def test_networks_vms_images_and_templates_get_the_new_owner_and_keep_their_history(admin_page, lab, users, things):
    red = Team.objects.get(name="red")
    make_image(lab, "mine", owner=users["otto"], team=red)
    VMTemplate.objects.create(hypervisor=lab, name="small", owner=users["otto"], team=red)
    shown, answer = send(admin_page, users["otto"], **{"new-user": "mona"})
    assert all(f"<td>{name}" in shown.content.decode() for name in ("net1", "vm-1", "mine", "small"))
    assert "Handed over: " in answer.content.decode()
    for model in (Network, VM, Image, VMTemplate):
        assert not model.objects.filter(owner=users["otto"]).exists()
        assert model.objects.filter(owner=users["mona"]).count() == 1
    assert Network.objects.get().revisions.first().what == "handed over from otto to mona"


def test_what_the_new_owner_could_not_have_stays_and_is_named(admin_page, lab, users, things):
    make_network(lab, "net2", "10.2.0.1/24", owner=users["otto"], team=Team.objects.get(name="blue"))
    _, answer = send(admin_page, users["otto"], **{"new-user": "mona"})
    assert "Not handed over: net2. mona is not a member of the team blue." in answer.content.decode()
    assert Network.objects.get(name="net2").owner == users["otto"]


def test_a_user_who_owns_nothing_needs_no_form(admin_page, users):
    shown, _ = send(admin_page, users["gina"])
    assert "gina owns no networks, VMs or images." in shown.content.decode()


def test_a_name_that_does_not_exist_is_answered_in_the_form(admin_page, users, things):
    _, answer = send(admin_page, users["otto"], **{"new-user": "nobody-at-all"})
    assert "There is no user nobody-at-all." in answer.content.decode()
    assert Network.objects.get().owner == users["otto"]


def test_operators_who_are_no_superusers_cannot_do_it(client, user, users, things):
    client.force_login(user)
    assert client.get(USERS).status_code == 403
    send(client, users["otto"], **{"new-user": "mona"})
    assert Network.objects.get().owner == users["otto"]
