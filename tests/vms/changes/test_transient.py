"""A transient VM is marked and made persistent."""

from io import StringIO

import pytest
from django.core.management import call_command

from tests.vms.changes.outside_changes import UUID, table
from virterweb.hypervisors.desired.state import State
from virterweb.hypervisors.gateway.found import Refused
from vms import sync
from vms.models import VM

pytestmark = pytest.mark.integration


def test_a_transient_vm_is_marked_everywhere_and_made_persistent(page, lab):
    lab.connection.domains.undefine(UUID, "web")
    lab.observe()
    for path in ("/vms/", "/vms/lab-1/web/", "/attached/"):
        assert ">transient</span>" in page.get(path).content.decode(), path
    said = StringIO()
    call_command("vm", "ls", stdout=StringIO(), stderr=said)
    assert "web is transient" in said.getvalue()
    lab.adopt()
    assert [row[0] for row in table(page)] == ["Definition"]
    assert "deletes it when it stops" in lab.say(page, "take")
    lab.say(page, "persist")
    live = lab.documents()[0]
    lab.push()
    assert lab.connection.domains.get(UUID).persistent
    assert lab.documents()[0] == live
    assert (lab.vm.state, lab.vm.status.transient) == (State.READY, False)
    assert ">transient</span>" not in page.get("/vms/").content.decode()


def test_memory_of_a_transient_vm_is_not_reverted_and_the_reason_is_shown(lab):
    lab.connection.domains.undefine(UUID, "web")
    lab.adopt()
    vm = lab.vm
    VM.objects.filter(pk=vm.pk).update(asked=["memory"])
    with pytest.raises(Refused, match="Make it persistent first"):
        sync.push(lab.vm, lab.connection)
