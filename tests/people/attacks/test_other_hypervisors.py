"""Operators of one hypervisor who try to act on another one as operators."""

import pytest

from tests.support.making import everyone, make_foreign_network, make_hypervisor, make_image, record_volume
from tests.support.teams import make_team, role
from virterweb.people.models import Grant, Team
from vms.models import VM, Image

pytestmark = pytest.mark.integration


@pytest.fixture
def labs(db, enqueued, member):
    """Return a hypervisor that the member operates, and another one on which the member only runs VMs."""
    operated, other = make_hypervisor("lab-1"), make_hypervisor("lab-2")
    for each in (operated, other):
        make_foreign_network(each)
        make_image(each)
    make_team("operators", {member: "user"}, on=operated, others="operator")
    return operated, other


@pytest.mark.parametrize("spelling", ["{}", " {}", "+{}", "{} "])
@pytest.mark.parametrize(
    "fields", [{"console_dir": "/etc"}, {"vnc_bind": "0.0.0.0"}, {"nic_bridge": "br0", "nic_model": "virtio"}]
)
def test_a_vm_gets_no_access_to_another_host_however_its_hypervisor_is_spelled(member_page, labs, spelling, fields):
    sent = {"hypervisor": spelling.format(labs[1].pk), "image": "alma-8", "number": 8, "count": "1"}
    sent |= {"memory": 128, "vcpus": 1, "boot_size": 1, **fields}
    assert member_page.post("/vms/run/", sent).status_code == 422
    assert not VM.objects.exists()


def test_an_image_is_not_made_for_a_team_that_may_create_nothing_there(member_page, labs):
    other, operators = labs[1], Team.objects.get(name="operators")
    record_volume(other, "disk.qcow2", path="/pool/disk.qcow2", format="qcow2")
    Grant.objects.filter(team=everyone()).update(role=role("network administrator"))  # may create everything
    sent = {"hypervisor": other.pk, "name": "image", "volume": "disk.qcow2"}
    assert member_page.post("/images/", {**sent, "team": operators.pk}).status_code == 422
    assert not Image.objects.filter(name="image").exists()
    assert member_page.post("/images/", {**sent, "team": everyone().pk}).status_code == 302


def test_an_operator_of_one_hypervisor_makes_no_image_of_a_volume_of_another_one(member_page, labs):
    for lab in labs:
        record_volume(lab, "disk.qcow2", path="/pool/disk.qcow2", format="qcow2")
    sent = {"name": "image", "volume": "disk.qcow2"}
    answer = member_page.post("/images/", {**sent, "hypervisor": labs[1].pk})
    assert "Only operators may create images from volumes." in str(answer.context["form"].errors["volume"])
    assert not Image.objects.filter(name="image").exists()
    assert member_page.post("/images/", {**sent, "hypervisor": labs[0].pk}).status_code == 302
