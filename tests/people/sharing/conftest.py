"""Three teams on two hypervisors: red and blue may use the first one, green only the other."""

import pytest
from django.contrib.auth import get_user_model

from tests.support.making import make_hypervisor, make_image, make_network, make_running, make_vm
from tests.support.teams import make_team
from virterweb.people.models import Team


@pytest.fixture
def lab(db, enqueued):
    return make_hypervisor("lab", access_network="net1")


@pytest.fixture
def users(lab, member):
    """Return otto, who owns objects of the team red, and members of each team by name."""
    Team.objects.update(role_of_all=None)
    make = get_user_model().objects.create_user
    found = {"otto": member} | {name: make(name) for name in ("rita", "mona", "bert", "gina")}
    red = {found["otto"]: "user", found["rita"]: "viewer", found["mona"]: "manager"}
    make_team("red", red, on=lab, others="")
    make_team("blue", {found["bert"]: "user"}, on=lab, others="")
    make_team("green", {found["gina"]: "user"}, on=make_hypervisor("elsewhere"), others="")
    return found


@pytest.fixture
def things(lab, users):
    """Return a network and a VM of otto in the team red."""
    red = Team.objects.get(name="red")
    network = make_network(lab, "net1", "10.1.0.1/24", owner=users["otto"], team=red)
    network.status.write(present=True, active=True, document=network.full_document)
    vm = make_vm(lab, "vm-1", 8, owner=users["otto"], team=red, image=make_image(lab, team=red))
    make_running(vm, ("net1", "52:54:00:00:00:08", "vnet0"))
    vm.status.write(document="<domain type='qemu'><name>vm-1</name><devices/></domain>")
    return {"network": network, "vm": vm}
