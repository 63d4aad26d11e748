"""A linked clone is requested of an external snapshot, and excludes requests about snapshots until it is made."""

import pytest
from django.core.management import call_command
from django.utils import timezone

from tests.vms.duplicate.test_duplicate import DOMAIN, copy, vm  # noqa: F401, the fixture
from virterweb.hypervisors.desired.refusals import InvalidTransition
from vms.models import VM, SnapshotRequest
from vms.snapshots import requests

pytestmark = pytest.mark.integration
ON_OVERLAY = DOMAIN.replace("pool='default' volume='virter:work:web-8'", "file='/pool/virter:work:web-8.snapshot-12'")


@pytest.fixture
def base(vm):  # noqa: F811, the fixture
    vm.status.write(document=ON_OVERLAY, power="running", disks=[])
    return vm.snapshots.create(name="base", kind="external", document=DOMAIN, taken_at=timezone.now())


def test_a_running_vm_with_a_snapshot_is_cloned(page, vm, base):  # noqa: F811
    assert copy(page, snapshot="base").url == "/vms/lab/web-30/"
    new = VM.objects.get(name="web-30")
    assert (new.copied_from, new.linked_to) == (vm.uuid, "base")
    assert [(disk.name, disk.format) for disk in new.disks.all()] == [("data", "qcow2")]


def test_the_command_clones(base):
    call_command("vm", "duplicate", "web-8", "--id", "31", "--linked", "base", "--no-wait")
    assert VM.objects.get(number=31).linked_to == "base"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"kind": "internal"}, "not one of the available choices"),
        ({"document": ""}, "not one of the available choices"),
        ({"document": ON_OVERLAY}, "overlays of an earlier snapshot"),
        ({"document": DOMAIN.replace("dev='vdb'", "dev='vdc'")}, "has other disks"),
    ],
)
def test_a_snapshot_that_cannot_be_linked_to_is_refused(page, vm, base, changed, said):  # noqa: F811
    vm.snapshots.update(**changed)
    answer = copy(page, snapshot="base")
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert VM.objects.count() == 1


def test_clones_and_requests_about_snapshots_exclude_each_other(page, vm, base, member):  # noqa: F811
    asked = SnapshotRequest.objects.create(vm=vm, verb="merge", name="base", asked_at=timezone.now())
    assert "is in progress" in copy(page, snapshot="base").content.decode()
    asked.delete()
    copy(page, snapshot="base")
    with pytest.raises(InvalidTransition, match="web-30"):
        requests.merge(vm, base, member)
    VM.objects.get(name="web-30").status.write(made_at=timezone.now())
    requests.merge(vm, base, member)
    assert SnapshotRequest.objects.get().verb == "merge"
