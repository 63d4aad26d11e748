"""A hypervisor with an image, networks and a VM, and the teams of those who use its templates."""

import pytest
from django.contrib.auth import get_user_model

from tests.support.making import SSH_KEY, make_foreign_network, make_hypervisor, make_image, make_network, make_vm
from tests.support.teams import make_team
from virterweb.people.models import Team
from vms.definition.nics.spec import NICSpec
from vms.models import VM, VMTemplate

USER_DATA = "#cloud-config\nchpasswd: {expire: false, users: [{name: root, password: geheim}]}\n"


@pytest.fixture
def lab(db, enqueued):
    hypervisor = make_hypervisor("lab")
    make_foreign_network(hypervisor)
    make_network(hypervisor)
    make_image(hypervisor)
    return hypervisor


@pytest.fixture
def vm(lab, user) -> VM:
    values = {"memory": 2048, "vcpus": 2, "boot_size": 20, "ssh_user": "alma", "ssh_keys": f"{SSH_KEY} me"}
    image = lab.images.get()
    vm = make_vm(lab, "web-8", image=image, owner=user, user_data=USER_DATA, vnc_port=6008, **values)
    vm.add_nic(NICSpec(kind="network", source="net1", mac="52:54:00:80:00:01"))
    vm.add_nic(NICSpec(kind="bridge", source="br0", mac="52:54:00:80:00:02", model="e1000"))
    vm.disks.create(name="data", size=1536, bus="scsi")
    return vm


@pytest.fixture
def team(lab) -> Team:
    """Create a team with a member of each role; the users have the names of the roles."""
    Team.objects.update(role_of_all=None)
    make = get_user_model().objects.create_user
    members = {make(name): "user" if name == "owner" else name for name in ("viewer", "user", "owner", "manager")}
    team = make_team("red", members, lab)
    make_team("blue", {make("stranger"): "manager"}, lab, others="")
    lab.networks.update(team=team)
    lab.images.update(team=team)
    return team


@pytest.fixture
def template(lab, team) -> VMTemplate:
    fields = {"image": "alma-8", "memory": 2048, "vcpus": 2, "boot_size": 20, "user_data": USER_DATA}
    fields |= {"nics": [{"network": "net1", "model": "virtio"}], "ssh_user": "root", "console_log": True}
    owner = get_user_model().objects.get(username="owner")
    return VMTemplate.objects.create(hypervisor=lab, name="web", team=team, owner=owner, fields=fields)


@pytest.fixture
def browse(client):
    """Sign in as the user of a name, and return the test client."""

    def sign_in(name: str):
        client.force_login(get_user_model().objects.get(username=name))
        return client

    return sign_in
