"""Changes of a VM outside the portal are shown with the side that has them."""

import pytest

from tests.vms.changes.outside_changes import FIRST, SECOND, THIRD, macs, nic, table
from virterweb.hypervisors.desired.state import State
from vms.attached.rows import nic_rows
from vms.definition.nics.edit import put, take
from vms.models import VM

pytestmark = pytest.mark.integration


def test_a_nic_that_was_attached_only_to_the_definition_is_drift(page, lab):
    lab.adopt()
    lab.define(put(lab.documents()[1], nic(THIRD, "net1")))
    assert lab.vm.state == State.DRIFTED
    assert table(page) == [[f"NIC {THIRD}", "none", "on net1", "none"]]
    states = {row.nic.mac: row.state for row in nic_rows(lab.vm)}
    assert states == {FIRST: "attached", SECOND: "attached", THIRD: "at the next start"}
    assert page.get(f"/vms/lab-1/web/nics/{THIRD}/edit/").status_code == 200
    assert page.get(f"/vms/lab-1/web/nics/{THIRD}/remove/").status_code == 200


def test_a_nic_that_was_detached_only_from_the_definition_is_drift(page, lab):
    lab.adopt()
    lab.define(take(lab.documents()[1], SECOND))
    assert table(page) == [[f"NIC {SECOND}", "on default", "missing", "on default"]]
    assert {row.nic.mac: row.state for row in nic_rows(lab.vm)}[SECOND] == "until shutdown"


def test_each_field_names_the_side_that_has_it(page, lab):
    lab.adopt()
    changed = (
        lab.documents()[1].replace(">524288<", ">1048576<").replace("</interface>", "<mtu size='1400'/></interface>", 1)
    )
    lab.define(changed)
    assert table(page) == [
        ["Memory", "512 MiB", "1024 MiB", "512 MiB"],
        [f"NIC {FIRST}: MTU", "none", "1400", "none"],
    ]
    assert lab.vm.status.drifts[0] == "Memory: stored 1024 MiB, running 512 MiB, expected 512 MiB"


def test_differences_of_an_unmanaged_vm_are_shown_in_its_rows(lab):
    lab.define(take(lab.documents()[1], SECOND))
    assert [row.state for row in nic_rows(lab.vm)] == ["attached", "until shutdown"]
    assert lab.vm.state == State.UNMANAGED


@pytest.mark.parametrize("change", ["nothing", "more in the definition", "less in the definition", "off"])
def test_adopting_releasing_and_accepting_change_nothing_in_libvirt(page, lab, change):
    if change == "more in the definition":
        lab.define(put(lab.documents()[1], nic(THIRD)))
    elif change == "less in the definition":
        lab.define(take(lab.documents()[1], SECOND))
    elif change == "off":
        lab.shut_off()
    before = lab.documents()
    for verb in ("adopt", "take", "release", "adopt"):
        assert lab.say(page, verb)
        assert lab.vm.done, "there is nothing to push"
        VM.objects.update(generation=lab.vm.generation + (1 if lab.vm.managed else 0))
        lab.push()
        assert lab.documents() == before
    assert macs(before[1]) == [found.mac for found in lab.vm.nics.all()]
