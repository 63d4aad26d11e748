"""A refused deletion is over: later requests do not delete the VM."""

from uuid import uuid4

import pytest

from tests.support.driver import Driver
from tests.support.making import make_foreign_network, make_hypervisor, record_volume
from tests.support.shown import as_shown
from tests.vms.changes.outside_changes import POOL, UUID, Lab
from virterweb.hypervisors.desired.state import State
from virterweb.hypervisors.gateway.found import Refused
from vms import sync
from vms.models import VM

from .test_lifecycle import DISK, NETWORKS, WITH_DISK

pytestmark = pytest.mark.integration

OVERLAY = f"""<volume><name>clone</name><capacity>1024</capacity>
<backingStore><path>/pool/{DISK}</path><format type='qcow2'/></backingStore></volume>"""


@pytest.fixture
def lab(db, enqueued, tmp_path):
    """A running VM of the portal, and somebody's overlay on its disk."""
    hypervisor = make_hypervisor()
    make_foreign_network(hypervisor)
    file = tmp_path / "host.xml"
    file.write_text(f"<node>{NETWORKS}{POOL}{WITH_DISK}</node>")
    connection = Driver(1, f"test://{file}")
    connection.volumes.create("default", f"<volume><name>{DISK}</name><capacity>1024</capacity></volume>", DISK)
    connection.volumes.create("default", OVERLAY, "clone")
    lab = Lab(hypervisor, connection)
    lab.adopt()
    yield lab
    connection.close()


def refuse(lab: Lab) -> None:
    """A worker's attempt at what is asked for, as the engine records a refusal."""
    row = lab.vm
    with pytest.raises(Refused, match="clone in the pool default is an overlay") as problem:
        lab.push()
    row.status.write(generation=row.generation, error=problem.value.message)


def test_a_vm_that_was_started_after_its_end_date_requested_deletion_is_kept(lab):
    lab.vm.remove(only_if_off=True)
    with pytest.raises(Refused, match="The VM runs, although its end date has passed"):
        lab.push()
    assert lab.vm.removed_at is None
    assert lab.connection.domains.get(UUID)


@pytest.mark.parametrize("later", ["start", "force-off", "retry", "release"])
def test_later_actions_after_a_refused_deletion_do_not_delete_the_vm(page, lab, later):
    page.post("/vms/lab-1/web/remove/", {"name": "web"})
    refuse(lab)
    assert lab.vm.removed_at is None
    assert lab.vm.state == State.FAILED
    lab.connection.volumes.delete("default", "clone")  # nothing is in the way any more
    page.post(f"/vms/lab-1/web/{later}/")
    lab.push()
    assert lab.connection.domains.get(UUID)
    assert lab.connection.volumes.get("default", DISK)


@pytest.mark.parametrize("verb", ["start", "shutdown", "force-off", "release", "take"])
def test_a_vm_that_is_being_deleted_takes_no_other_request_and_says_so(page, lab, verb):
    page.post("/vms/lab-1/web/remove/", {"name": "web"})
    before = lab.vm.generation
    answer = page.post(f"/vms/lab-1/web/{verb}/", follow=True)
    assert lab.vm.generation == before
    assert "web is being deleted." in answer.content.decode()


def test_a_deletion_that_is_asked_for_again_is_carried_out(page, lab):
    page.post("/vms/lab-1/web/remove/", {"name": "web"})
    refuse(lab)
    lab.connection.volumes.delete("default", "clone")
    page.post("/vms/lab-1/web/remove/", {"name": "web"})
    assert sync.push(lab.vm, lab.connection) is None
    assert lab.connection.domains.get(UUID) is None


@pytest.mark.parametrize("change", ["recreated", "another disk"])
def test_a_stale_removal_page_removes_nothing(page, lab, change):
    path = "/vms/lab-1/web/remove/"
    shown = as_shown(page.get(path)) | {"name": "web"}
    if change == "recreated":
        VM.objects.update(uuid=uuid4())
    else:
        lab.vm.disks.create(name="data", size=1)
        record_volume(lab.hypervisor, f"{DISK}-data", path="/pool/data")
    refused = page.post(path, shown)
    assert refused.status_code == 409
    assert "since you opened this page" in refused.content.decode()
    assert lab.vm.removed_at is None
    assert as_shown(refused)["name"] == [""], "the new effects need another confirmation"
    assert page.post(path, as_shown(refused) | {"name": "web"}).url == "/vms/"
    assert lab.vm.removed_at
