"""Forms and histories name only the teams and users that a reader may know of."""

import pytest
from lxml import html

from tests.people.sharing.test_share import NET, share
from virterweb.activity.choices import Result
from virterweb.hypervisors.desired.revisions import note_activity
from virterweb.people.models import Share, Team
from virterweb.people.owned import SHARED

pytestmark = pytest.mark.integration
EVERYWHERE = ("/activity/", "/activity.csv", "/activity.json", "/")


def teams_in(answer) -> list[list[str]]:
    selects = html.fromstring(answer.content).xpath("//select[contains(@name, 'team')]")
    return [sorted(name for name in each.xpath("option/text()") if name != "–") for each in selects]


@pytest.mark.parametrize("path", [f"{NET}share/", "/vms/lab/vm-1/share/"])
def test_the_forms_offer_the_teams_of_the_user_and_those_with_a_grant_on_the_hypervisor(browse, page, things, path):
    assert teams_in(browse("otto").get(path)) == [["blue", "everyone", "red"]] * 2  # everyone has a grant on all
    assert teams_in(page.get(path)) == [["blue", "everyone", "green", "red"]] * 2


def test_so_does_the_page_that_hands_over_many(browse, things):
    sent = {"action": "hand-over", "vm": things["vm"].pk}
    assert teams_in(browse("otto").post("/vms/many/", sent)) == [["blue", "everyone", "red"]]


@pytest.mark.parametrize("sent", ["green", "99999", "x"])
def test_the_answer_is_the_same_for_a_team_that_is_not_offered_and_for_none(browse, things, sent):
    green = Team.objects.get(name="green").pk if sent == "green" else sent
    answer = browse("otto").post(f"{NET}share/", {"do": "share", "share-team": green, "share-level": "viewer"})
    text = answer.content.decode()
    assert (answer.status_code, text.count("is not one of the available choices")) == (
        422,
        2,
    )  # in the summary and at the field
    assert not Share.objects.exists()


@pytest.mark.parametrize("name", ["bert", "nobody"])
def test_the_answer_is_the_same_for_an_unknown_user_and_for_one_of_another_team(browse, things, name):
    answer = share(browse("otto"), NET, user=name)
    assert f"There is no user {name} in your teams." in answer.content.decode()


@pytest.mark.parametrize(
    ("recipient", "hidden"),
    [
        ({"team": "green"}, "shared with another team as viewer"),
        ({"user": "gina"}, "shared with another user as viewer"),
    ],
)
def test_the_activity_does_not_name_recipients_whom_a_reader_may_not_know(browse, page, things, recipient, hidden):
    share(page, NET, **recipient)
    (name,) = recipient.values()
    for path in EVERYWHERE:
        content = browse("rita").get(path).content.decode()
        assert hidden in content, path
        assert name not in content, path
    assert f"shared with {name} as viewer" in browse("gina").get("/activity/").content.decode()
    assert f"shared with {name} as viewer" in page.get("/activity/").content.decode()


def test_the_end_of_a_share_does_not_name_them_either(browse, page, things):
    share(page, NET, team="green")
    page.post(f"{NET}share/", {"do": "end", "share": Share.objects.get().pk})
    assert "no longer shared with another team" in browse("rita").get("/activity/").content.decode()


def test_recipients_of_the_own_team_are_named(browse, things):
    share(browse("otto"), NET, user="mona")
    assert "shared with mona as viewer" in browse("rita").get("/activity/").content.decode()


def test_an_older_entry_does_not_say_whether_the_recipient_is_a_team(browse, things):
    note_activity(things["network"], SHARED, None, about={"recipient": "green", "level": "viewer"}, result=Result.DONE)
    assert "shared with another user or team as viewer" in browse("rita").get("/activity/").content.decode()
