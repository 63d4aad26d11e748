"""The activity log has who changed the rights of whom."""

import pytest
from django.contrib.auth import get_user_model

from tests.support.making import make_hypervisor, make_network
from tests.support.teams import role
from virterweb.activity.models import Entry
from virterweb.people.models import Team

pytestmark = pytest.mark.integration


@pytest.fixture
def admin(client, operator):
    client.force_login(operator)
    return client


def last() -> str:
    entry = Entry.objects.latest("pk")
    return f"{entry.user} {entry.name}: {entry.what}"


def of_inlines(**rows: dict[str, object]) -> dict[str, object]:
    """Return the values of the forms of members, groups and grants, each with at most one row."""
    sent = {}
    for prefix in ("memberships", "groups", "grants"):
        row = rows.get(prefix, {})
        sent |= {f"{prefix}-TOTAL_FORMS": len(row) and 1, f"{prefix}-INITIAL_FORMS": ("id" in row and 1) or 0}
        sent |= {f"{prefix}-0-{name}": value for name, value in row.items()}
    return sent


def test_members_and_grants_of_a_team_are_recorded(admin, member):
    assert admin.post("/admin/people/team/add/", {"name": "red", "grace_days": 7, **of_inlines()}).status_code == 302
    assert last() == "admin red: team added"
    path = f"/admin/people/team/{Team.objects.get(name='red').pk}/change/"
    joined = of_inlines(memberships={"user": member.pk, "role": role("manager").pk})
    assert admin.post(path, {"name": "red", "grace_days": 7, **joined}).status_code == 302
    assert last() == "admin red: team edited: membership otto in red added"


def test_shares_are_recorded(admin, member):
    get_user_model().objects.create_user("ann")
    make_network(make_hypervisor("lab"), "net1", "10.1.0.1/24", owner=member)
    sent = {"do": "share", "share-user": "ann", "share-level": "viewer"}
    assert admin.post("/networks/lab/net1/share/", sent).status_code == 302
    assert last() == "admin net1: shared with ann as viewer"
    share = admin.get("/networks/lab/net1/share/").context["shares"][0]
    assert admin.post("/networks/lab/net1/share/", {"do": "end", "share": share.pk}).status_code == 302
    assert last() == "admin net1: no longer shared with ann"
