"""Images count towards the disk of a team, and the address that a VM's ID reserves towards that of the VM's team."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from networks.models import DHCPHost
from tests.people.teams.test_limits import limit, run
from tests.support.making import everyone, make_host, make_hypervisor, make_image, make_network, make_vm, record_volume
from tests.support.teams import make_team, role
from virterweb.people.limits import Exceeded, Kind, limits
from virterweb.people.models import Grant
from vms.models import VM, Image, UploadPart, Volume

pytestmark = pytest.mark.integration
GIB = 1024**3
EXCEEDED = "This would be 1 of 0 GiB of disk on all hypervisors. Delete something, or ask an operator for more."
RAW = bytes(range(256)) * 4096


@pytest.fixture
def lab(db, enqueued):
    lab = make_hypervisor("lab", access_network="access")
    make_image(lab, team=None)
    return lab


def add_image(page, lab, name: str = "mine", **source: object):
    return page.post("/images/", {"hypervisor": lab.pk, "name": name, **source})


def used(lab, kind: Kind, team=None) -> int:
    team = team or everyone()
    Grant.objects.filter(team=team, **{f"max_{kind.value}": None}).update(**{f"max_{kind.value}": 99})
    return next(each.used for each in limits(team.pk, lab.pk) if each.kind == kind)


def test_an_uploaded_file_is_refused_beyond_the_limit_and_leaves_nothing_behind(member_page, lab, settings):
    limit(disk=0)
    kept = sorted(settings.SPOOL_DIR.iterdir())
    answer = add_image(member_page, lab, file=SimpleUploadedFile("x.raw", RAW))
    assert answer.status_code == 422
    assert answer.context["form"].errors == {"__all__": [EXCEEDED]}
    assert not Image.objects.filter(name="mine").exists()
    assert not UploadPart.objects.exists()
    assert sorted(settings.SPOOL_DIR.iterdir()) == kept


def test_a_volume_counts_with_the_size_of_its_disk_until_it_is_copied(member_page, lab):
    record_volume(lab, "golden", path="/pool/golden", format="qcow2", capacity=4 * GIB)
    Grant.objects.update(role=role("operator"))  # others make no images from volumes
    limit(disk=3)
    assert "4 of 3 GiB of disk" in add_image(member_page, lab, volume="golden").content.decode()
    limit(disk=4)
    assert add_image(member_page, lab, volume="golden").status_code == 302
    assert used(lab, Kind.DISK) == 4
    Image.objects.filter(name="mine").update(size=GIB)
    assert used(lab, Kind.DISK) == 1


def test_images_count_with_the_disks_of_vms_and_stop_counting_when_they_are_gone(lab, member):
    red = make_team("red", {member: "user"}, on=lab)
    assert used(lab, Kind.DISK, red) == 0
    image = make_image(lab, "big", team=red, size=2 * GIB + 1)
    make_vm(lab, "vm-8", 8, team=red, boot_size=5)
    make_image(lab, "of-others", size=9 * GIB)
    make_image(make_hypervisor("other"), "elsewhere", team=red, size=9 * GIB)
    make_image(lab, "unmanaged", team=red, size=9 * GIB, managed=False)
    assert used(lab, Kind.DISK, red) == 8
    image.delete()
    assert used(lab, Kind.DISK, red) == 5


def test_an_image_without_a_volume_counts_as_nothing(lab):
    make_image(lab, "odd", size=0)
    Volume.objects.all().delete()
    assert used(lab, Kind.DISK) == 0


def test_an_image_is_handed_over_only_within_the_limit_of_the_new_team(user, member, lab):
    red = make_team("red", {member: "user"}, on=lab, max_disk=1)
    image = make_image(lab, "big", size=2 * GIB)
    with pytest.raises(Exceeded, match="2 of 1 GiB of disk on lab"):
        image.hand_over(member, red, user)
    image.refresh_from_db()
    assert image.team == everyone()


def test_the_address_of_a_vm_counts_for_its_team_on_the_network_of_another(member_page, member, lab):
    blue = make_team("blue", on=lab)
    access = make_network(lab, "access", "192.168.122.1/24", team=blue)
    red = make_team("red", {member: "user"}, on=lab, max_reservations=2, networks="access")
    assert run(member_page, lab, image="alma-8", team=red.pk, count="3").status_code == 422
    answer = run(member_page, lab, image="alma-8", team=red.pk, count="3")
    assert "3 of 2 reserved addresses on lab" in answer.content.decode()
    assert run(member_page, lab, image="alma-8", team=red.pk, count="2").status_code == 302
    for vm in VM.objects.all():
        make_host(access, vm.nics.get().mac, f"192.168.122.{vm.number}")
    make_host(access, "52:54:00:aa:00:01", "192.168.122.200")
    assert used(lab, Kind.RESERVATIONS, red) == 2
    assert used(lab, Kind.RESERVATIONS, blue) == 1
    assert DHCPHost.objects.count() == 3


def test_the_address_of_a_vm_counts_once_on_the_own_network(lab):
    access = make_network(lab, "access", "192.168.122.1/24")
    vm = make_vm(lab, "vm-8", 8)
    assert used(lab, Kind.RESERVATIONS) == 1
    make_host(access, vm.nics.get().mac, "192.168.122.8")
    assert used(lab, Kind.RESERVATIONS) == 1
    make_vm(lab, "foreign", 9, managed=False)
    assert used(lab, Kind.RESERVATIONS) == 1


def test_where_addresses_are_reserved_beforehand_a_vm_reserves_none(lab):
    lab.static_dhcp = True
    lab.save()
    access = make_network(lab, "access", "192.168.122.1/24")
    make_host(access, "52:54:00:00:00:08", "192.168.122.8")
    make_vm(lab, "vm-8", 8)
    assert used(lab, Kind.RESERVATIONS) == 1


def test_a_refused_volume_discards_no_uploads_of_others(member_page, lab, settings):
    record_volume(lab, "golden", path="/pool/golden", format="qcow2", capacity=4 * GIB)
    kept = settings.SPOOL_DIR / "of-somebody"
    kept.write_text("kept")
    limit(disk=0)
    assert add_image(member_page, lab, volume="golden").status_code == 422
    assert kept.exists()
    kept.unlink()
