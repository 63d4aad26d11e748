"""Changes outside the portal are reverted or accepted."""

import pytest

from tests.support.making import make_vm, record_volume
from tests.vms.changes.outside_changes import DOMAIN, FIRST, SECOND, THIRD, UUID, macs, nic, table
from virterweb.hypervisors.desired.state import State
from virterweb.messages import Message
from vms.definition.domain import parse
from vms.definition.guest_nic import GuestSpec, Mode
from vms.definition.nics.edit import put, take
from vms.models import VM, VMStatus

pytestmark = pytest.mark.integration


def test_a_stored_nic_is_changed_in_the_definition_and_not_attached(lab):
    lab.define(put(lab.documents()[1], nic(THIRD)))
    live = lab.documents()[0]
    lab.vm.change_nic(parse(put(DOMAIN, nic(THIRD, "net1"))).nics[-1].spec)
    lab.push()
    assert lab.documents()[0] == live
    assert parse(lab.documents()[1]).nics[-1].source == "net1"


def test_memory_and_vcpus_are_reverted_in_the_definition(page, lab):
    lab.adopt()
    lab.define(lab.documents()[1].replace(">524288<", ">1048576<").replace(">2</vcpu>", ">4</vcpu>"))
    assert "at its next start" in lab.say(page, "revert")
    lab.push()
    found = parse(lab.documents()[1])
    assert (found.memory, found.vcpus) == (512, 2)
    assert lab.vm.state == State.READY
    assert lab.vm.asked == []


def test_a_name_is_reverted_when_the_vm_is_off(page, lab):
    lab.adopt()
    lab.shut_off()
    lab.connection.domains.rename(UUID, "other")
    lab.observe()
    assert table(page) == [["Name", "web", "other", "–"]]
    lab.say(page, "revert")
    lab.push()
    assert lab.connection.domains.get(UUID).name == "web"
    assert lab.vm.status.drift == ""


def test_what_the_guest_is_to_have_stays_when_a_definition_is_accepted(page, lab):
    lab.adopt()
    static = GuestSpec(mode=Mode.STATIC, addresses=("10.255.0.9/24",)).stored
    late = {"source": "net1", "at_shutdown": True, "leaves": ["default"]}  # the guest moves to net1 at its shutdown
    lab.vm.nics.filter(mac=FIRST).update(guest=static, **late)
    lab.vm.nics.filter(mac=SECOND).update(**late)
    lab.define(put(lab.documents()[1].replace(">2</vcpu>", ">4</vcpu>"), nic(FIRST, "net1")))
    lab.say(page, "take")
    first, second = (lab.vm.nics.get(mac=mac) for mac in (FIRST, SECOND))
    assert (first.source, first.guest, first.at_shutdown, first.leaves) == ("net1", static, True, ["default"])
    assert (second.source, second.at_shutdown, second.leaves) == ("default", False, [])


def test_a_new_name_is_accepted(page, lab):
    lab.adopt()
    lab.shut_off()
    lab.connection.domains.rename(UUID, "other")
    lab.observe()
    assert "now the one that libvirt stores" in lab.say(page, "take")
    assert (lab.vm.name, lab.observe().status.drift) == ("other", "")


@pytest.mark.parametrize("reason", ["another VM other", "volumes of web are named"])
def test_a_new_name_that_cannot_be_accepted_has_a_reason(page, lab, reason):
    lab.adopt()
    lab.shut_off()
    lab.connection.domains.rename(UUID, "other")
    lab.observe()
    if "volumes" in reason:
        record_volume(lab.hypervisor, "virter:work:web", path="/pool/web")
    else:
        make_vm(lab.hypervisor, "other", None)
    assert reason in lab.say(page, "take")
    assert VM.objects.get(uuid=UUID).name == "web"


def test_nics_that_were_removed_and_added_outside_the_portal_are_reverted(page, lab):
    lab.adopt()
    lab.shut_off()
    lab.define(put(take(lab.documents()[1], SECOND), nic(THIRD)))
    lab.say(page, "revert")
    lab.push()
    assert sorted(macs(lab.documents()[1])) == [FIRST, SECOND]
    assert lab.vm.status.drift == ""


def test_a_change_after_the_page_was_shown_is_not_reverted(page, lab):
    lab.adopt()
    seen = lab.vm.status.drift_digest
    lab.define(put(lab.documents()[1], nic(THIRD)))
    assert "since you opened this page" in lab.say(page, "revert", seen=seen)
    lab.push()
    assert THIRD in macs(lab.documents()[1])


def test_a_retry_reverts_nothing(page, lab):
    lab.adopt()
    lab.define(take(lab.documents()[1], SECOND))
    lab.say(page, "retry")
    lab.push()
    assert SECOND not in macs(lab.documents()[1])


def test_a_change_since_the_page_was_opened_is_not_accepted(page, lab):
    lab.adopt()
    lab.define(put(lab.documents()[1], nic(THIRD, "net1")))
    seen = lab.vm.status.drift_digest
    lab.define(take(lab.documents()[1], SECOND))
    assert "web has been changed in libvirt since you opened this page" in lab.say(page, "take", seen=seen)
    assert lab.vm.nics.count() == 2
    lab.say(page, "take", seen=lab.vm.status.drift_digest)
    assert {found.mac for found in lab.vm.nics.all()} == {FIRST, THIRD}


def test_a_failed_vm_shows_the_differences_and_the_actions(page, lab):
    vm = lab.adopt()
    lab.define(DOMAIN.replace("<memory", "<title>external</title><memory", 1).replace(SECOND, THIRD))
    VMStatus.objects.update(error=Message.external("It cannot start"))
    assert VM.objects.get(pk=vm.pk).state == State.FAILED
    assert table(page)
    text = page.get("/vms/lab-1/web/").content.decode()
    assert "It cannot start" in text and "Revert to saved definition" in text
