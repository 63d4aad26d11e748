"""Users who try to get by their networks what only operators may do."""

import pytest

from networks.models import Network
from tests.people.rights.owned_objects import add
from tests.support.making import make_hypervisor, make_network
from tests.support.teams import make_team

pytestmark = pytest.mark.integration


def test_only_operators_add_the_network_that_the_vms_of_all_teams_are_on(member_page, client, operator, enqueued):
    lab = make_hypervisor("lab")
    answer = add(member_page, lab, name="default")
    assert answer.status_code == 422
    assert "Only operators may add the access network" in answer.content.decode()
    client.force_login(operator)
    assert add(client, lab, name="default").status_code == 302
    assert Network.objects.count() == 1


def test_a_member_with_the_role_of_operators_does_not_operate_the_hypervisor(member_page, member, enqueued):
    lab = make_hypervisor("lab")
    team = make_team("red", {member: "operator"}, on=lab, others="")
    network = make_network(lab, "net1", "10.1.0.1/24", team=team)
    assert member_page.post("/networks/lab/net1/on-drift/", {"on_drift": "put back"}).status_code == 403
    assert member_page.post("/networks/lab/net1/xml/", {"document": network.document}).status_code == 403
    assert Network.objects.get().on_drift == Network.OnDrift.ASK
