"""The disks of a new VM."""

import pytest

from tests.support.making import record_volume
from tests.vms.run.form.run_form import errors, send
from vms.models import VM


def test_disk_rows_are_added_and_removed_without_errors(page, lab):
    answer = send(page, lab, disks=[{"name": "data", "size": "1G"}], image="", change="add-disk")
    assert [disk.data.get("name") for disk in answer.context["form"].disks] == ["data", None]
    assert answer.status_code == 200 and "required." not in answer.content.decode()
    disks = [{"name": "one", "size": "1G"}, {"name": "two", "size": "1G"}]
    answer = send(page, lab, disks=disks, change="drop-disk-0")
    assert [disk.data["name"] for disk in answer.context["form"].disks] == ["two"]
    assert not VM.objects.exists()


@pytest.mark.parametrize(
    ("disk", "field", "said"),
    [
        ({"name": "", "size": "1G"}, "name", "required"),
        ({"name": "a/b", "size": "1G"}, "name", "cannot contain “/”"),
        ({"name": "cidata", "size": "1G"}, "name", "Choose another name"),
        ({"name": "console", "size": "1G"}, "name", "Choose another name"),
        ({"name": "first", "size": "1G"}, "name", "Disk 1 is also named first."),
        ({"name": "data", "size": ""}, "size", "required"),
        ({"name": "data", "size": "0"}, "size", "from 1 MiB"),
        ({"name": "data", "size": "100K"}, "size", "from 1 MiB"),
        ({"name": "data", "size": "-1G"}, "size", "-1G is not a size"),
        ({"name": "data", "size": "9" * 12 + "T"}, "size", "to 1024 TiB"),
        ({"name": "data", "size": "1G", "format": "vmdk"}, "format", "Select a valid choice"),
        ({"name": "data", "size": "1G", "bus": "usb"}, "bus", "Select a valid choice"),
    ],
)
def test_an_invalid_disk_is_refused_at_its_row(page, lab, disk, field, said):
    answer = send(page, lab, disks=[{"name": "first", "size": "1G"}, disk])
    assert answer.status_code == 422
    assert said in " ".join(answer.context["form"].disks[1].errors[field])
    assert not VM.objects.exists()


def test_a_bus_has_a_limited_number_of_disks(page, lab):
    disks = [{"name": f"d{number}", "size": "1G", "bus": "ide"} for number in range(5)]
    rows = send(page, lab, disks=disks).context["form"].disks
    assert [bool(row.errors) for row in rows] == [False] * 4 + [True]
    assert rows[4].errors["bus"] == ["A VM can have at most 4 ide disks."]


def test_an_existing_volume_of_a_disk_is_found(page, lab):
    record_volume(lab, "virter:work:alma-8-9-data", path="/x")
    answer = send(page, lab, disks=[{"name": "data", "size": "512"}], count="2")
    assert "virter:work:alma-8-9-data. If nothing uses it, delete it" in errors(answer)["name"]
