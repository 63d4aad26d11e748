"""A VM that was undefined outside the portal is created again."""

import pytest

from tests.vms.changes.outside_changes import FIRST, SECOND, macs, table, undefine
from virterweb.hypervisors.desired.state import State
from virterweb.hypervisors.gateway.found import Refused
from vms import sync

pytestmark = pytest.mark.integration


class Killed(BaseException):
    """Ends a worker at once, as SIGKILL does."""


def killed(*args: object) -> None:
    raise Killed


def test_a_vm_that_was_undefined_outside_the_portal_is_recreated(page, lab):
    lab.define(lab.documents()[1].replace("<devices>", "<description>a note</description><devices>"))
    lab.adopt()
    undefine(lab)
    assert table(page) == [["VM", "web", "missing", "–"]]
    assert lab.vm.status.drifts == ["libvirt no longer has web"]
    assert "Recreate" in page.get("/vms/lab-1/web/").content.decode()
    lab.say(page, "revert")
    lab.push()
    assert "a note" in lab.documents()[1]
    assert macs(lab.documents()[1]) == [FIRST, SECOND]
    assert (lab.vm.state, lab.vm.status.power) == (State.READY, "running")


def test_a_vm_whose_worker_was_killed_before_the_start_is_started_by_the_next(page, lab, monkeypatch):
    lab.adopt()
    undefine(lab)
    lab.say(page, "revert")
    with monkeypatch.context() as once, pytest.raises(Killed):
        once.setattr(lab.connection.power, "start", killed)
        lab.push()
    lab.push()
    assert (lab.vm.state, lab.vm.status.power) == (State.READY, "running")


def test_a_vm_whose_disk_is_missing_is_not_recreated_and_shows_the_reason(page, lab):
    disk = "<disk type='volume'><source pool='default' volume='gone'/><target dev='vda' bus='virtio'/></disk>"
    lab.define(lab.documents()[1].replace("<devices>", f"<devices>{disk}"))
    lab.adopt()
    undefine(lab)
    lab.say(page, "revert")
    with pytest.raises(Refused, match="The disk default/gone of web no longer exists"):
        sync.push(lab.vm, lab.connection)
    assert lab.vm.asked == []


@pytest.mark.parametrize(("verb", "said"), [("take", "libvirt has no web"), ("release", "libvirt has no web")])
def test_actions_that_need_the_vm_say_that_libvirt_does_not_have_it(page, lab, verb, said):
    lab.adopt()
    undefine(lab)
    assert said in lab.say(page, verb)
