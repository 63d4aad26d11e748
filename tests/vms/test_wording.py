"""Stored values and decisions about VMs do not depend on the wording."""

import pytest

from tests.portal.problems.observed_network import NINE, TWO, check_network, host, lease, nic, report
from tests.support.rewording import MODULES, reworded, tables  # noqa: F401
from tests.vms.bulk.conftest import lab, vms  # noqa: F401
from tests.vms.bulk.many_vms import ask
from tests.vms.changes.conftest import lab as vm_lab  # noqa: F401
from tests.vms.changes.outside_changes import FIRST, SECOND, THIRD, UUID, Lab, macs
from tests.vms.changes.outside_changes import nic as interface
from tests.vms.observed import test_guest_check as check
from virterweb.hypervisors.desired.drift import decoded
from virterweb.hypervisors.desired.state import State
from virterweb.hypervisors.gateway.found import Refused
from virterweb.hypervisors.gateway.reasons import Code
from virterweb.messages import Message
from virterweb.portal import wording as problem_words
from virterweb.portal.problems import Kind
from vms.definition import wording
from vms.definition.domain_diff import Aspect
from vms.definition.nics.edit import put, take
from vms.definition.nics.fields import FIELDS
from vms.definition.nics.steps import Manner, Note
from vms.images import qcow2
from vms.models import SSH_TIMEOUT, VM, SSHCheck, SSHState, VMStatus
from vms.observed import wording as guest_words
from vms.observed.guest_seen import Fix
from vms.sync import polling


def again(world: Lab) -> VM:
    """Return the VM after a poll has compared it again."""
    VMStatus.objects.update(compared=0)
    world.observe()
    return world.vm


def test_every_code_has_its_text():
    assert all(list(tables(module)) for module in MODULES)
    assert {manner.value for manner in Manner} == wording.MANNERS.keys()
    assert {note.value for note in Note} == wording.NOTES.keys()
    requests = {Aspect.STAYS_OFF, Aspect.DOCUMENT}  # which are no differences
    assert {aspect.value for aspect in Aspect} - requests == wording.ASPECTS.keys()
    assert wording.FIELDS.keys() == FIELDS.keys()
    assert {fix.value for fix in Fix} == guest_words.FIXES.keys()
    assert {kind.value for kind in Kind} == problem_words.KINDS.keys()


def test_a_new_wording_does_not_change_a_settled_vm(vm_lab, reworded):  # noqa: F811
    vm_lab.adopt()
    generation = vm_lab.vm.generation
    reworded()
    vm = again(vm_lab)
    assert (vm.state, vm.status.drift, vm.generation) == (State.READY, "", generation)


def test_drift_is_the_same_and_is_reverted(page, vm_lab, reworded):  # noqa: F811
    vm_lab.adopt()
    document = take(put(vm_lab.documents()[1], interface(THIRD, "net1")), SECOND)
    vm_lab.define(document.replace(">524288<", ">1048576<"))
    seen = vm_lab.vm.status
    assert {code.get("aspect") or code["nic"] for code in decoded(seen.drift)} == {"memory", SECOND, THIRD}
    reworded()
    vm = again(vm_lab)
    assert (vm.state, vm.status.drift, vm.status.drift_digest) == (State.DRIFTED, seen.drift, seen.drift_digest)
    assert "XXXX" in vm.status.drift_text
    assert "XXXX" not in vm.status.drift
    vm_lab.say(page, "revert", seen=seen.drift_digest)
    vm_lab.push()
    assert macs(vm_lab.documents()[1]) == [FIRST, SECOND]
    assert vm_lab.vm.state == State.READY


def test_a_refused_nic_is_tried_again_when_its_network_has_come(vm_lab, reworded):  # noqa: F811
    vm_lab.adopt()
    reworded()
    code = {"message": Message.external("XXXX").stored(), "reason": Code.NO_NETWORK, "about": "net1"}
    vm_lab.vm.nics.filter(mac=SECOND).update(refused=code)
    vm_lab.vm.status.write(error=Message.external("XXXX"), generation=vm_lab.vm.generation)
    vm_lab.hypervisor.networks.filter(name="net1").get().status.write(active=True)
    polling._try_again(vm_lab.hypervisor)
    assert not vm_lab.vm.done


def test_a_plan_of_many_vms_that_was_shown_is_carried_out(page, lab, vms, reworded):  # noqa: F811
    fields = {"source": "red", "to": "blue"}
    token = ask(page, vms, "move", **fields).context["token"]
    reworded()
    assert ask(page, vms, "move", go="yes", token=token, **fields).status_code == 302


def test_a_new_wording_does_not_change_problems(reworded):  # noqa: F811
    known = {"leases": (lease(), lease("10.255.0.99", "52:54:00:00:00:63")), "reported": (report(mac=NINE),)}
    known |= {"hosts": (host("10.255.0.44"),), "size": 9, "free": 0}

    def facts() -> list[tuple]:
        return [
            (each.kind, each.code, each.step, each.vm, each.mac, each.ip)
            for each in check_network(*TWO, nic(), **known)
        ]

    before = facts()
    assert len(before) > 3
    reworded()
    assert facts() == before


def test_a_new_wording_does_not_change_verdicts_on_guests(reworded):  # noqa: F811
    cases = [(check.DHCP, {}), (check.DHCP, check.NO_CLIENT), (check.STATIC, {}), (check.UP, {})]

    def facts() -> list[tuple]:
        found = [check.verdict(wanted, **known) for wanted, known in cases]
        return [(each.state, each.why, each.remedy, each.configurable, each.address) for each in found]

    before = facts()
    reworded()
    assert facts() == before


def test_a_vm_that_was_refused_for_a_missing_network_is_tried_again(vm_lab, reworded):  # noqa: F811
    vm_lab.adopt()
    reworded()
    error = Message("vm.not_deleted", vm="web", reason=Message("vm.no_network", about="net1", hypervisor="lab-1"))
    vm_lab.vm.status.write(error=error, generation=vm_lab.vm.generation)
    vm_lab.hypervisor.networks.filter(name="net1").get().status.write(active=True)
    polling._try_again(vm_lab.hypervisor)
    assert not vm_lab.vm.done


@pytest.mark.parametrize("code", ["vm.gone", "vm.transient", "image.no_volume", "hypervisor.refused"])
def test_a_vm_that_was_refused_for_something_else_stays_refused(vm_lab, reworded, code):  # noqa: F811
    vm_lab.adopt()
    reworded()
    vm_lab.vm.status.write(error=Message(code, vm="net1"), generation=vm_lab.vm.generation)
    polling._try_again(vm_lab.hypervisor)
    assert (vm_lab.vm.done, vm_lab.vm.state) == (True, State.FAILED)


def test_a_vm_that_is_refused_stores_codes_only(vm_lab, reworded):  # noqa: F811
    vm_lab.adopt()
    reworded()
    vm_lab.connection.power.force_off(UUID, "web")
    vm_lab.connection.domains.undefine(UUID, "web")
    vm_lab.vm.save()
    with pytest.raises(Refused) as refused:
        vm_lab.push()
    assert refused.value.message == Message("vm.gone", vm="web")
    assert "XXXX" not in refused.value.message.stored()


def test_files_that_are_no_images_are_refused_by_codes(reworded):  # noqa: F811
    reworded()
    packed, overlay = qcow2.problem(b"\x1f\x8b"), qcow2.problem(b"QFI\xfb")
    assert packed == Message("file.packed", program="gzip")
    assert overlay == Message("file.header", reason=Message("qcow2.cut_off"))
    assert not qcow2.problem(bytes(512), 512)


def test_reasons_of_ssh_decide_alike(vm_lab, reworded):  # noqa: F811
    vm_lab.adopt()
    vm = vm_lab.vm
    reworded()
    long_ago = vm.created_at - 2 * SSH_TIMEOUT
    for reason, state in ((Message("ssh.no_address"), SSHState.GIVEN_UP), (Message(), SSHState.WAITING)):
        SSHCheck.objects.update_or_create(vm=vm, defaults={"since": long_ago, "reason": reason})
        tried = SSHCheck.objects.get(vm=vm)
        assert (tried.reason, tried.state) == (reason, state)
