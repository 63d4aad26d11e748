"""The boot disk of a VM becomes an image, for those who may read the disk and create images."""

import pytest
from django.core.management import CommandError, call_command

from tests.support.driver import Driver
from tests.support.making import make_hypervisor, make_image, make_vm, record_volume
from tests.support.teams import make_team
from tests.vms.changes.outside_changes import POOL
from virterweb.activity.models import Entry
from virterweb.hypervisors.gateway.found import Refused
from virterweb.people.models import Grant, Team
from vms.images import sync as image_sync
from vms.models import VM, Image

pytestmark = pytest.mark.integration
COMMIT = "/vms/lab/web-8/commit/"
VOLUME = "<volume><name>virter:work:web-8</name><capacity>1024</capacity></volume>"
DISK = {"target": "vda", "bus": "virtio", "device": "disk", "format": "qcow2", "source": "default/virter:work:web-8"}


@pytest.fixture
def vm(db, enqueued, member) -> VM:
    Team.objects.update(role_of_all=None)
    lab = make_hypervisor("lab")
    make_team("red", {member: "user"}, on=lab, others="")
    vm = make_vm(lab, "web-8", 8, owner=member, team=Team.objects.get(name="red"), running=False)
    vm.status.write(present=True, persistent=True, power="off", generation=vm.generation, disks=[DISK])
    return vm


def test_the_image_gets_the_disk_and_the_team_of_the_vm(member_page, vm):
    assert member_page.post(COMMIT, {"name": "golden"}).url == "/images/"
    image = Image.objects.get(name="golden")
    assert (image.volume, image.team, image.managed) == ("virter:work:web-8", vm.team, True)
    assert Entry.objects.get(kind="image").what == "created from the boot disk of web-8"


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        ({"power": "running"}, "web-8 is not off"),
        ({"saved": True}, "web-8 has a saved state"),
        ({"disks": []}, "is not attached to web-8"),
        ({"present": False}, "libvirt has no VM web-8"),
    ],
)
def test_a_vm_whose_disk_is_not_complete_is_refused_with_the_reason(member_page, vm, seen, said):
    vm.status.write(**seen)
    for answer in (member_page.get(COMMIT), member_page.post(COMMIT, {"name": "golden"})):
        assert said in answer.content.decode()
    assert not Image.objects.exists()


@pytest.mark.parametrize("name", ["", "a/b", "-x", "x" * 101, "golden"])
def test_a_bad_or_used_name_is_refused(member_page, vm, name):
    make_image(vm.hypervisor, "golden", team=vm.team)
    answer = member_page.post(COMMIT, {"name": name})
    assert answer.status_code == 422
    assert Image.objects.count() == 1


def test_who_may_not_see_secrets_makes_no_image(client, vm, django_user_model):
    viewer = django_user_model.objects.create_user("rita")
    make_team("watchers", {viewer: "viewer"}, on=vm.hypervisor, others="")
    VM.objects.update(team=Team.objects.get(name="watchers"))
    client.force_login(viewer)
    assert client.post(COMMIT, {"name": "golden"}).status_code == 403
    assert not Image.objects.exists()


def test_the_limit_of_images_counts(member_page, vm):
    record_volume(vm.hypervisor, vm.boot_volume, path="/pool/web-8", capacity=5 * 1024**3)
    Grant.objects.filter(team=vm.team).update(max_disk=vm.boot_size + 1)
    answer = member_page.post(COMMIT, {"name": "golden"})
    assert answer.status_code == 422
    assert not Image.objects.exists()


def test_the_command_names_the_image_after_the_vm(vm):
    call_command("vm", "commit", "web-8", "--no-wait")
    assert Image.objects.get().name == "web-8"
    with pytest.raises(CommandError, match="already"):
        call_command("vm", "commit", "web-8", "--no-wait")


@pytest.mark.parametrize("now", ["deleted", "another team's", "another disk"])
def test_only_the_disk_of_that_vm_is_copied_and_only_while_its_team_has_it(vm, tmp_path, now):
    call_command("vm", "commit", "web-8", "golden", "--no-wait")
    uuid = "00000000-0000-4000-8000-000000000001" if now == "deleted" else vm.uuid
    disk = "theirs" if now == "another disk" else "virter:work:web-8"
    source = f"<disk type='volume' device='disk'><source pool='default' volume='{disk}'/><target dev='vda'/></disk>"
    domain = f"<name>web-8</name><uuid>{uuid}</uuid><memory>1</memory><os><type>hvm</type></os>"
    host = tmp_path / "host.xml"
    host.write_text(f"<node>{POOL}<domain type='test'>{domain}<devices>{source}</devices></domain></node>")
    if now == "another team's":
        VM.objects.update(team=make_team("green", {}, others=""))
    connection = Driver(1, f"test://{host}")
    connection.power.force_off(str(uuid), "web-8")
    connection.volumes.create("default", VOLUME, "virter:work:web-8")
    with pytest.raises(Refused, match="no longer exists, has another disk, or belongs to another team"):
        image_sync.push(Image.objects.get(), connection)
    connection.close()


def test_an_unmanaged_vm_of_no_team_needs_the_choice_of_a_team(page, vm, django_user_model):
    VM.objects.update(team=None, owner=None, managed=False)
    answer = page.post(COMMIT, {"name": "golden"})
    assert answer.status_code == 422
    assert not Image.objects.exists()
    page.post(COMMIT, {"name": "golden", "team": vm.team.pk})
    assert Image.objects.get().team == vm.team
