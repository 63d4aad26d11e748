"""A team with a VM and a network of otto, and a VM of another team that he may not see."""

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from networks.models import Network
from tests.support.making import make_hypervisor, make_network, make_vm
from tests.support.teams import make_team
from virterweb.people.models import Team
from vms.models import VM


@pytest.fixture
def lab(db, enqueued):
    return make_hypervisor("lab", access_network="access")


@pytest.fixture
def users(lab, member):
    """Return otto, who owns objects of the team red, a viewer of the team, and gina of the team green."""
    Team.objects.update(role_of_all=None)
    make = get_user_model().objects.create_user
    found = {"otto": member} | {name: make(name) for name in ("rita", "gina")}
    make_team("red", {member: "user", found["rita"]: "viewer"}, on=lab, others="")
    make_team("green", {found["gina"]: "user"}, on=lab, others="")
    return found


@pytest.fixture
def vm(lab, users) -> VM:
    vm = make_vm(lab, "vm-1", 8, owner=users["otto"], team=Team.objects.get(name="red"), running=False)
    vm.status.write(present=True, persistent=True, power="off", generation=vm.generation, made_at=timezone.now())
    return vm


@pytest.fixture
def network(lab, users) -> Network:
    return make_network(lab, "net1", "10.1.0.1/24", owner=users["otto"], team=Team.objects.get(name="red"))


@pytest.fixture
def hidden(lab, users) -> VM:
    """Return a VM of gina, with a tag that nothing else has."""
    vm = make_vm(lab, "hers", 9, owner=users["gina"], team=Team.objects.get(name="green"))
    vm.change_tags(add=["secret"])
    return vm
