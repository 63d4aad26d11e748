"""A VM is duplicated with an ID, MACs and a host key of its own, by those who may read its disks."""

import pytest
from django.core.management import CommandError, call_command

from tests.support.making import make_hypervisor, make_image, make_vm, record_volume
from tests.support.teams import make_team
from virterweb.activity.models import Entry
from virterweb.people.models import Grant, Team
from vms.models import VM, Disk

pytestmark = pytest.mark.integration
PAGE = "/vms/lab/web-8/duplicate/"
DISK = {"target": "vda", "bus": "virtio", "device": "disk", "format": "qcow2", "source": "default/virter:work:web-8"}
DOMAIN = """<domain type='kvm'><name>web-8</name><devices>
<disk type='volume' device='disk'><source pool='default' volume='virter:work:web-8'/><target dev='vda'/></disk>
<disk type='volume' device='disk'><source pool='default' volume='virter:work:web-8-data'/><target dev='vdb'/></disk>
</devices></domain>"""


@pytest.fixture
def vm(db, enqueued, member) -> VM:
    Team.objects.update(role_of_all=None)
    lab = make_hypervisor("lab")
    make_team("red", {member: "user"}, on=lab, others="")
    red = Team.objects.get(name="red")
    vm = make_vm(lab, "web-8", 8, owner=member, team=red, running=False, image=make_image(lab, team=red))
    Disk.objects.create(vm=vm, name="data", size=64)
    vm.nics.create(position=1, kind="network", source="net1", mac="52:54:00:80:00:01")
    seen = {"present": True, "persistent": True, "power": "off", "disks": [DISK], "document": DOMAIN}
    vm.status.write(generation=vm.generation, **seen)
    return vm


def copy(page, **values):
    return page.post(PAGE, {"number": "30", "name": "", "start": "on", **values})


def test_the_duplicate_of_a_vm_that_starts_with_the_host_does_not(page, vm):
    VM.objects.filter(pk=vm.pk).update(autostart=True)
    copy(page)
    assert VM.objects.get(name="web-30").autostart is None  # as libvirt has it: off


def test_the_duplicate_has_its_own_id_macs_and_key_and_the_rest_of_the_original(page, vm):
    assert copy(page).url == "/vms/lab/web-30/"
    new = VM.objects.get(name="web-30")
    assert (new.number, new.copied_from, new.running) == (30, vm.uuid, True)
    assert (new.memory, new.vcpus, new.image, new.team) == (vm.memory, vm.vcpus, vm.image, vm.team)
    assert new.uuid != vm.uuid
    assert new.host_key not in ("", vm.host_key)
    first, second = new.nics.all()
    assert first.mac == "52:54:00:00:00:1e"
    assert second.source == "net1"
    assert second.mac not in ("", "52:54:00:80:00:01")
    assert [(disk.name, disk.size) for disk in new.disks.all()] == [("data", 64)]
    assert Entry.objects.get(event="duplicated").what == "duplicated from web-8"


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        ({"power": "running"}, "web-8 is not off"),
        ({"saved": True}, "has a saved state"),
        ({"disks": []}, "is not attached to web-8"),
        ({"document": DOMAIN.replace("virter:work:web-8-data", "theirs")}, "has a disk default/theirs"),
        ({"document": DOMAIN.replace("pool='default' volume='virter:work:web-8-data'", "file='/x'")}, "no volume"),
    ],
)
def test_a_vm_that_cannot_be_copied_is_refused_with_the_reason(page, vm, seen, said):
    vm.status.write(**seen)
    for answer in (page.get(PAGE), copy(page)):
        assert said in answer.content.decode()
    assert VM.objects.count() == 1


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"number": "8"}, "ID 8 is taken"),
        ({"number": "1"}, "2"),
        ({"name": "web-8"}, "already has a VM"),
        ({"name": "a/b"}, "a/b"),
        ({"name": "left"}, "already has a volume virter:work:left-data"),
    ],
)
def test_bad_values_are_refused(page, vm, values, said):
    record_volume(vm.hypervisor, "virter:work:left-data", path="/pool/left-data")
    answer = copy(page, **values)
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert VM.objects.count() == 1


def test_the_limits_of_the_team_count(member_page, vm):
    Grant.objects.filter(team=vm.team).update(max_vms=1)
    answer = copy(member_page)
    assert answer.status_code == 422
    assert VM.objects.count() == 1


def test_who_may_not_read_the_disk_makes_no_copy(client, vm, django_user_model):
    viewer = django_user_model.objects.create_user("rita")
    make_team("watchers", {viewer: "viewer"}, on=vm.hypervisor, others="")
    VM.objects.update(team=Team.objects.get(name="watchers"))
    client.force_login(viewer)
    assert copy(client).status_code == 403
    assert VM.objects.count() == 1


def test_the_command_duplicates(vm):
    call_command("vm", "duplicate", "web-8", "--id", "31", "--no-start", "--no-wait")
    new = VM.objects.get(number=31)
    assert (new.name, new.running) == ("web-31", False)
    with pytest.raises(CommandError, match="ID 31 is taken"):
        call_command("vm", "duplicate", "web-8", "--id", "31", "--no-wait")
