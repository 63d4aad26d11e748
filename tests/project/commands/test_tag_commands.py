"""Commands that print and change tags, and that choose VMs by a tag."""

import pytest
from django.contrib.auth import get_user_model
from django.core.management.base import CommandError

from networks.models import Network
from tests.project.commands.running_commands import lines, run
from tests.support.making import make_vm
from tests.support.teams import make_team
from virterweb.activity.models import Entry
from virterweb.people.models import Team
from vms.models import VM, SnapshotRequest

pytestmark = pytest.mark.integration


@pytest.fixture
def vms(lab, enqueued) -> list[VM]:
    """Return two VMs with the tag web, which are off, and one without."""
    made = [make_vm(lab, f"vm-{number}", number, running=False) for number in (2, 3, 4)]
    for vm in made:
        vm.status.write(present=True, persistent=True, power="off", generation=vm.generation)
    for vm in made[:2]:
        vm.change_tags(add=["web"])
    return made


def running() -> list[str]:
    return list(VM.objects.filter(running=True).values_list("name", flat=True))


def test_vm_tag_prints_adds_and_removes_tags(vms):
    assert run("vm", "tag", "vm-2") == "web\n"
    assert lines(run("vm", "tag", "vm-2", "+Db", "-web", "+new")) == ["db", "new"]
    assert run("vm", "tag", "vm-2", "-db", "-new") == ""
    assert Entry.objects.filter(event="tagged").latest("pk").what == "tags: -db, -new"


def test_network_tag_does_so_for_unmanaged_networks_too(lab):
    assert lines(run("network", "tag", "default", "+web,db")) == ["db", "web"]
    assert lines(run("network", "ls", "--tag", "web"))[1].startswith("default")
    assert len(lines(run("network", "ls", "--tag", "other"))) == 1
    assert Network.objects.get().generation == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["web"], "web: begin with \\+ to add the tag, or with - to remove it"),
        (["+<b>"], "“<b>” cannot be a tag"),
        (["+🦊"], "“🦊” cannot be a tag"),
        (["+" + "x" * 300], "cannot be a tag"),
        (["+"], "cannot be a tag"),
        ([f"+t{number}" for number in range(1000)], "1000 tags are too many"),
        (["+new", "--hypervisor", "lab-1"], "--hypervisor: flags are given before the name"),
    ],
)
def test_what_cannot_be_a_tag_is_refused_and_nothing_is_changed(vms, words, said):
    with pytest.raises(CommandError, match=said):
        run("vm", "tag", "vm-2", *words)
    assert VM.objects.get(name="vm-2").tag_names == ("web",)


def test_a_user_without_the_right_may_print_tags_but_not_change_them(vms):
    viewer = get_user_model().objects.create_user("rita")
    make_team("red", {viewer: "viewer"})
    VM.objects.update(team=viewer.memberships.get(team__name="red").team)
    assert run("vm", "tag", "--user", "rita", "vm-2") == "web\n"
    with pytest.raises(CommandError, match="You may not edit vm-2"):
        run("vm", "tag", "--user", "rita", "vm-2", "+new")


def test_vm_ls_lists_the_vms_with_a_tag(vms):
    assert [line.split()[0] for line in lines(run("vm", "ls", "--tag", "WEB"))[1:]] == ["vm-2", "vm-3"]


def test_the_vms_with_a_tag_are_started_and_stopped(vms):
    run("vm", "start", "--tag", "web", "--no-wait")
    assert running() == ["vm-2", "vm-3"]
    VM.objects.get(name="vm-3").change_tags(remove=["web"])
    for vm in VM.objects.select_related("status"):
        vm.status.write(power="running", generation=vm.generation)
    run("vm", "stop", "--tag", "web", "--no-wait")
    assert running() == ["vm-3"]
    run("vm", "autostart", "--tag", "web", "--no-wait")
    assert list(VM.objects.filter(autostart=True).values_list("name", flat=True)) == ["vm-2"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "choose the VMs by their names or by --tag"),
        (["vm-2", "--tag", "web"], "choose the VMs by their names or by --tag"),
        (["--tag", "none"], "no VM has the tag none"),
        (["--tag", ""], "no VM has the tag "),
        (["--tag", "w%"], "no VM has the tag w%"),
    ],
)
def test_vms_are_chosen_either_by_name_or_by_a_tag_that_one_of_them_has(vms, words, said):
    with pytest.raises(CommandError, match=said):
        run("vm", "start", *words, "--no-wait")
    assert running() == []


def test_snapshots_of_the_vms_with_a_tag_are_requested(vms):
    disk = "<disk device='disk'><source file='/pool/disk'/><target dev='vda'/></disk>"
    domain = f"<domain type='qemu'><memory>1</memory><vcpu>1</vcpu><devices>{disk}</devices></domain>"
    for vm in vms:
        vm.status.write(document=domain.replace("<memory", f"<name>{vm}</name><memory", 1), present=True)
    run("vm", "snapshot", "take", "before", "--tag", "web", "--no-wait")
    assert list(SnapshotRequest.objects.order_by("vm").values_list("vm__name", "name")) == [
        ("vm-2", "before"),
        ("vm-3", "before"),
    ]
    run("vm", "snapshot", "take", "vm-4", "before", "--description", "alone", "--no-wait")
    assert SnapshotRequest.objects.get(vm__name="vm-4").name == "before"


def test_one_vm_that_a_user_may_not_start_does_not_stop_the_others_with_the_tag(vms):
    user = get_user_model().objects.create_user("otto")
    Team.objects.update(role_of_all=None)
    team = make_team("red", {user: "user"}, others="viewer")
    VM.objects.filter(name="vm-3").update(team=team, owner=user)
    with pytest.raises(CommandError, match="vm-2"):
        run("vm", "start", "--tag", "web", "--user", "otto", "--no-wait")
    assert running() == ["vm-3"]
