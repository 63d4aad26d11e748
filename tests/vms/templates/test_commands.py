"""The commands `template` and `vm run --template`."""

import pytest
from django.core.management.base import CommandError

from tests.project.commands.running_commands import lines, run
from tests.support.making import make_vm
from vms.models import VM, VMTemplate

pytestmark = pytest.mark.integration


def test_a_vm_is_saved_as_a_template_listed_and_deleted(lab, vm):
    run("template", "save", "web-8", "web")
    assert VMTemplate.objects.get().fields["user_data"] == vm.user_data
    assert lines(run("template", "ls")) == [
        "Name  Image   Memory    vCPUs  Networks          Owner  Hypervisor",
        "web   alma-8  2048 MiB  2      default,net1,br0         lab",
    ]
    run("template", "rm", "web", "unknown")
    assert not VMTemplate.objects.exists()


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("save", "none", "web"), "lab has no VM none that the portal manages"),
        (("save", "web-8", "a b"), "NAME: "),
        (("ls", "--hypervisor", "none"), "there is no hypervisor none"),
    ],
)
def test_what_cannot_be_saved_is_refused(lab, vm, words, text):
    with pytest.raises(CommandError, match=text):
        run("template", *words)


def test_a_name_is_not_saved_twice(lab, vm):
    run("template", "save", "web-8", "web")
    with pytest.raises(CommandError, match="NAME: lab already has a template web"):
        run("template", "save", "web-8", "web")


def test_rights_hold_on_the_command_line(lab, template):
    with pytest.raises(CommandError, match=r"You may not delete web\. Ask owner"):
        run("template", "rm", "web", "--user", "user")
    run("template", "rm", "web", "--user", "stranger")  # it does not exist for this user
    assert "web" not in run("template", "ls", "--user", "stranger")
    with pytest.raises(CommandError, match="there is no template web"):
        run("vm", "run", "--template", "web", "--as-user", "stranger", "--no-wait")
    assert VMTemplate.objects.exists()


def test_vms_are_run_from_a_template_with_consecutive_free_ids(lab, template):
    make_vm(lab, "other", 3)
    assert run("vm", "run", "--template", "web", "--no-wait") == "web-2\n"
    assert run("vm", "run", "--template", "web", "--count", "2", "--no-wait") == "web-4\nweb-5\n"
    vm = VM.objects.get(name="web-5")
    assert (vm.memory, vm.vcpus, vm.boot_size, vm.image.name) == (2048, 2, 20, "alma-8")
    assert list(vm.nics.values_list("source", flat=True)) == ["default", "net1"]
    assert vm.user_data == template.fields["user_data"]


def test_flags_override_the_template(lab, template):
    template.fields["disks"] = [{"name": "data", "size": "1G", "format": "raw", "bus": "scsi", "pool": ""}]
    template.save()
    run(
        *("vm", "run", "--template", "web", "--id", "20", "--name", "shop", "--memory", "1G", "--vcpus", "4"),
        *("--nic", "type=bridge,source=br0", "--user", "mira", "--ssh-key", "", "--no-wait"),
    )
    vm = VM.objects.get()
    assert (vm.name, vm.number, vm.memory, vm.vcpus, vm.boot_size, vm.ssh_user) == ("shop", 20, 1024, 4, 20, "mira")
    assert list(vm.nics.values_list("source", flat=True)) == ["default", "br0"]
    assert vm.disks.get().name == "data"


def test_without_a_template_image_and_id_are_required(lab):
    for words in ((), ("alma-8",), ("--id", "8")):
        with pytest.raises(CommandError, match="enter the name of the image and --id, or --template"):
            run("vm", "run", *words, "--no-wait")


def test_a_block_without_enough_consecutive_ids_is_refused(lab, template):
    with pytest.raises(CommandError, match="--id: "):
        run("vm", "run", "--template", "web", "--count", "100", "--id", "200", "--no-wait")
    for number in (60, 120, 180, 240):
        make_vm(lab, f"other-{number}", number)
    with pytest.raises(CommandError, match="--id: "):
        run("vm", "run", "--template", "web", "--count", "70", "--no-wait")
    assert not VM.objects.filter(name__startswith="web").exists()


def test_what_is_gone_is_named_and_a_flag_replaces_it(lab, template, capsys):
    lab.images.update(name="new")
    with pytest.raises(CommandError, match="IMAGE: "):
        run("vm", "run", "--template", "web", "--no-wait")
    run("vm", "run", "new", "--template", "web", "--no-wait")
    assert VM.objects.get().image.name == "new"
