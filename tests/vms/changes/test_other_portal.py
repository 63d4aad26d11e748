"""A VM that another portal has changed names this portal."""

import libvirt
import pytest

from tests.vms.changes.outside_changes import UUID
from virterweb.hypervisors.connections.identity import own_mark
from virterweb.hypervisors.desired.state import State
from virterweb.hypervisors.gateway.marks import NAMESPACE, Mark
from vms.models import VM

pytestmark = pytest.mark.integration

THEIRS = Mark(id="1234-abcd", host="machine2")


def test_drift_names_the_portal_that_defined_the_vm_last_until_this_one_changes_it(page, lab):
    lab.connection.session.mark = own_mark()
    raw = lab.connection.session.libvirt
    lab.adopt()
    VM.objects.update(autostart=False)
    domain = raw.lookupByUUIDString(UUID)

    def stored() -> str:
        return domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)

    raw.defineXML(THEIRS.marked(stored()))
    assert lab.observe().state == State.READY, "a mark is no difference"
    raw.defineXML(stored().replace(">524288<", ">1048576<"))
    vm = lab.observe()
    assert vm.state == State.DRIFTED
    said = "Another portal was the last to define it: its worker runs on machine2, its ID is 1234-abcd."
    assert vm.status.drift_text.endswith(said)
    assert said in page.get(vm.get_absolute_url()).content.decode()
    lab.say(page, "revert")
    assert lab.push().state == State.READY
    assert (own_mark().id in stored(), THEIRS.id in stored()) == (True, False)

    raw.defineXML(THEIRS.marked(stored()))
    domain.setAutostart(True)
    assert "1234-abcd" in lab.observe().status.drift_text
    lab.say(page, "revert")
    assert lab.push().state == State.READY
    assert (own_mark().id in stored(), THEIRS.id in stored()) == (True, False), "also without a new definition"
    assert NAMESPACE not in "".join((*lab.documents(), lab.vm.status.document, lab.vm.status.stored))
