"""The pages of disks: what is asked of the worker, what is refused at its field, and what is offered."""

import pytest
from django.core.management import CommandError, call_command

from tests.support.making import make_hypervisor, make_running, make_vm, record_volume
from virterweb.messages import Message
from vms.models import VM, Disk, DiskRequest

WORK = "default/virter:work:alma-8-8"
KEYS = ("target", "bus", "device", "format", "source")
FOUND = (
    ("vda", "virtio", "disk", "qcow2", WORK),
    ("vdb", "virtio", "disk", "raw", f"{WORK}-data"),
    ("sda", "scsi", "cdrom", "raw", f"{WORK}-cidata"),
    ("sdb", "scsi", "cdrom", "raw", ""),
)
DISKS = [dict(zip(KEYS, values, strict=True)) for values in FOUND]


@pytest.fixture
def vm(db, enqueued) -> VM:
    vm = make_vm(make_hypervisor())
    make_running(vm)
    vm.disks.create(name="data", size=2048, format="raw")
    vm.status.write(disks=DISKS)
    hypervisor = vm.hypervisor
    for name, capacity in (("virter:work:alma-8-8", 10 * 1024**3), ("tools.iso", 4096), ("virter:work:x.iso", 1)):
        record_volume(hypervisor, name, path=f"/pool/{name}", capacity=capacity)
    return VM.objects.alone().get()


def asked() -> list[tuple[str, str, int | None]]:
    return list(DiskRequest.objects.values_list("verb", "target", "size"))


def test_the_page_lists_disks_with_sizes_and_what_can_be_done(page, vm):
    shown = page.get(f"{vm.get_absolute_url()}disks/").content.decode()
    for text in ("boot disk", "10.0 GiB", "2.0 GiB", "cloud-init", "empty", "disks/vda/grow/", "disks/vdb/remove/"):
        assert text in shown
    assert "disks/sdb/medium/" in shown
    for text in ("disks/vda/remove/", "disks/sda/medium/", "disks/sda/remove/"):
        assert text not in shown
    for path in ("disks/vda/remove/", "disks/sda/medium/", "disks/sda/grow/", "disks/vdz/grow/"):
        assert page.get(vm.get_absolute_url() + path).status_code == 404


def test_a_drive_is_removed_in_words_for_drives(page, vm):
    path = f"{vm.get_absolute_url()}disks/sdb/remove/"
    shown = page.get(path).content.decode()
    assert "Remove CD-ROM drive sdb" in shown
    assert "volume" not in shown.split("<main")[1]
    page.post(path)
    assert asked() == [("detach", "sdb", None)]


def test_the_overview_of_a_vm_names_drives_as_the_page_of_disks_does(page, vm):
    assert "CD-ROM" in page.get(vm.get_absolute_url()).content.decode()


def test_a_disk_is_added_and_counts_as_the_vms_only_once_its_volume_was_created(page, vm):
    data = {"name": "more", "size": "3G", "format": "qcow2", "bus": "virtio", "pool": "", "discard": "unmap"}
    answer = page.post(f"{vm.get_absolute_url()}disks/add/", data | {"cache": "none"})
    assert answer.url == f"{vm.get_absolute_url()}disks/"
    disk = Disk.objects.get(name="more")
    assert (disk.size, disk.cache, disk.made) == (3072, "none", False)
    assert asked() == [("add", "", None)]
    again = VM.objects.get()
    assert again.generation == vm.generation + 1
    assert ("default", disk.volume) not in again.volumes()
    assert "Add disk: in progress" in page.get(f"{vm.get_absolute_url()}disks/").content.decode()


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("name", "data", "already has a disk data"),
        ("name", "cidata", "Another volume of the VM has this name"),
        ("name", "a/b", "cannot contain"),
        ("name", "old", "already has a volume of this name"),
        ("size", "0", "Enter a size from 1 MiB"),
        ("size", "many", "is not a size"),
        ("size", "4000T", "Enter a size from 1 MiB"),
        ("bus", "floppy", "Select a valid choice"),
        ("cache", "fast", "Select a valid choice"),
    ],
)
def test_a_bad_disk_is_refused_at_its_field(page, vm, field, value, said):
    record_volume(vm.hypervisor, "virter:work:alma-8-8-old", path="/pool/old")
    data = {"name": "more", "size": "3G", "format": "qcow2", "bus": "virtio", "pool": "", "discard": "unmap"}
    answer = page.post(f"{vm.get_absolute_url()}disks/add/", data | {field: value})
    assert answer.status_code == 422
    assert said in " ".join(answer.context["form"].errors[field])
    assert asked() == []


def test_a_disk_grows_and_never_shrinks(page, vm):
    path = f"{vm.get_absolute_url()}disks/vda/grow/"
    assert "Enter a larger size" in page.post(path, {"size": "10G"}).content.decode()
    page.post(path, {"size": "20G"})
    page.post(f"{vm.get_absolute_url()}disks/vdb/grow/", {"size": "3G"})
    assert asked() == [("grow", "vda", 20480), ("grow", "vdb", 3072)]
    assert (VM.objects.get().boot_size, Disk.objects.get().size) == (20, 3072)


def test_deleting_a_volume_wants_the_target_typed_and_detaching_does_not(page, vm):
    path = f"{vm.get_absolute_url()}disks/vdb/remove/"
    assert "everything on it is deleted" in page.get(path).content.decode()
    assert page.post(path, {"delete": "yes", "target": "vda"}).status_code == 422
    assert asked() == []
    page.post(path, {"delete": "yes", "target": "vdb"})
    assert asked() == [("delete", "vdb", None)]
    DiskRequest.objects.all().delete()
    page.post(path)
    assert asked() == [("detach", "vdb", None)]


def test_only_iso_images_of_the_pool_that_are_no_vms_disk_are_media(page, vm):
    path = f"{vm.get_absolute_url()}disks/sdb/medium/"
    form = page.get(path).context["form"]
    assert [name for name, _ in form.fields["medium"].choices] == ["", "tools.iso"]
    assert page.post(path, {"medium": "virter:work:alma-8-8"}).status_code == 422
    page.post(path, {"medium": "tools.iso"})
    assert DiskRequest.objects.values_list("verb", "pool", "volume").get() == ("insert", "default", "tools.iso")
    page.post(path, {"medium": ""})
    assert list(DiskRequest.objects.values_list("verb", flat=True)) == ["insert", "eject"]


def test_a_refused_request_is_shown_and_cancelled_with_the_disk_that_was_not_created(page, vm):
    vm.add_disk(Disk(name="more", size=1))
    request = DiskRequest.objects.get()
    path = f"{vm.get_absolute_url()}disks/requests/{request.pk}/cancel/"
    assert page.post(path).status_code == 404  # it is in progress
    DiskRequest.objects.update(refused=Message("vm.volume_left", pool="default", volume="x"))
    assert "already has a volume x" in page.get(f"{vm.get_absolute_url()}disks/").content.decode()
    page.post(path)
    assert (asked(), list(Disk.objects.values_list("name", flat=True))) == ([], ["data"])


def test_an_unmanaged_vm_has_its_media_changed_and_nothing_else(page, vm):
    VM.objects.update(managed=False)
    page.post(f"{vm.get_absolute_url()}disks/sdb/medium/", {"medium": "tools.iso"})
    assert asked() == [("insert", "sdb", None)]
    for part in ("add/", "vda/grow/", "vdb/remove/"):
        page.post(f"{vm.get_absolute_url()}disks/{part}", {"size": "20G"})
    assert len(asked()) == 1


def test_the_command_lists_and_refuses_as_the_page(vm, capsys):
    call_command("vm", "disk", "ls", "alma-8-8")
    assert "default/virter:work:alma-8-8-data" in capsys.readouterr().out
    for words, said in (
        (("rm", "alma-8-8", "vda"), "the boot disk"),
        (("rm", "alma-8-8", "vdz"), "has no disk vdz"),
        (("grow", "alma-8-8", "sda", "2G"), "not a disk that can grow"),
        (("insert", "alma-8-8", "sdb", "none.iso"), "has no ISO image none.iso"),
        (("add", "alma-8-8", "name=data,size=1G"), "already has a disk data"),
    ):
        with pytest.raises(CommandError, match=said):
            call_command("vm", "disk", *words, "--no-wait")
    call_command("vm", "disk", "grow", "alma-8-8", "vdb", "4G", "--no-wait")
    assert asked() == [("grow", "vdb", 4096)]


def test_a_released_vm_keeps_no_request_that_would_still_change_it(vm):
    vm.grow_disk("vda", 20480)
    vm.change_medium("sdb", "default", "tools.iso")
    VM.objects.alone().get().release()
    assert asked() == []


def test_a_smaller_size_by_command_leaves_the_saved_size(vm):
    for target in ("vda", "vdb"):
        vm.grow_disk(target, 1024)
    assert (VM.objects.get().boot_size, Disk.objects.get().size) == (10, 2048)
