"""Networks and VMs are handed over many at once, from their lists."""

import pytest

from networks.models import Network
from tests.support.making import make_foreign_network, make_network
from virterweb.people.models import Team
from vms.models import VM

pytestmark = pytest.mark.integration


@pytest.fixture
def networks(lab, users, things):
    """Return a network of otto, one of mona in the same team, one of another team, and one that is unmanaged."""
    red, blue = (Team.objects.get(name=name) for name in ("red", "blue"))
    mona = make_network(lab, "net2", "10.2.0.1/24", owner=users["mona"], team=red)
    bert = make_network(lab, "net3", "10.3.0.1/24", owner=users["bert"], team=blue)
    return [things["network"], mona, bert, make_foreign_network(lab)]


def send(page, things: list, path: str = "/networks/bulk/", key: str = "network", **typed: str):
    """Choose objects in the list, then send the form of the page that follows."""
    chosen = {"action": "hand-over", key: [thing.pk for thing in things]}
    shown = page.post(path, chosen)
    assert shown.status_code == 200
    return shown, lambda: page.post(path, {**chosen, "asked": "yes", "token": shown.context["token"], **typed})


def owners() -> dict[str, str]:
    return {each.name: f"{each.owner} {each.team}" for each in Network.objects.all()}


def test_what_the_user_may_hand_over_is_handed_over_and_the_rest_is_left_out(browse, networks):
    shown, confirm = send(browse("otto"), networks, **{"new-user": "mona"})
    page = shown.content.decode()
    assert "You may not share or hand over net2. Ask mona, who owns it, or an operator." in page
    assert "net3" not in page  # of another team: it does not exist for otto
    assert confirm().status_code == 302
    assert owners()["net1"] == "mona red"
    assert Network.objects.get(name="net1").revisions.first().what == "handed over from otto to mona"


def test_an_operator_hands_over_everything_that_is_managed(page, networks):
    blue = Team.objects.get(name="blue")
    shown, confirm = send(page, networks, **{"new-team": str(blue.pk)})
    assert "Left out." in shown.content.decode()
    confirm()
    answer = page.get("/networks/").content.decode()
    assert "Handed over: net1, net2, net3." in answer
    assert "Not handed over: default." in answer
    assert owners() == {"net1": "None blue", "net2": "None blue", "net3": "None blue", "default": "None None"}


def test_objects_that_the_new_owner_could_not_have_are_named_with_the_reason(page, networks):
    _, confirm = send(page, networks[:3], **{"new-user": "mona"})
    confirm()
    answer = page.get("/networks/").content.decode()
    assert "Not handed over: net3. mona is not a member of the team blue." in answer
    assert (owners()["net1"], owners()["net3"]) == ("mona red", "bert blue")


def test_nothing_is_handed_over_if_the_owners_have_changed_since_the_page_was_shown(browse, networks, users):
    _, confirm = send(browse("mona"), networks[:2], **{"new-user": "mona"})
    networks[0].hand_over(users["rita"], networks[0].team, None)
    answer = confirm()
    assert answer.status_code == 409
    assert "because the list below has changed" in answer.content.decode()
    assert owners()["net1"] == "rita red"


def test_vms_are_handed_over_as_networks_are(browse, things):
    _, confirm = send(browse("otto"), [things["vm"]], "/vms/many/", "vm", **{"new-user": "mona"})
    assert confirm().status_code == 302
    assert VM.objects.get().owner.username == "mona"


def test_without_a_new_owner_the_form_is_shown_again(browse, things):
    _, confirm = send(browse("otto"), [things["network"]])
    answer = confirm()
    assert answer.status_code == 422
    assert "Enter a user or choose a team." in answer.content.decode()


def test_the_lists_offer_it_to_those_who_may_hand_over_something(browse, things):
    for path in ("/networks/", "/vms/"):
        assert 'value="hand-over"' in browse("otto").get(path).content.decode()
        assert 'value="hand-over"' not in browse("rita").get(path).content.decode()
