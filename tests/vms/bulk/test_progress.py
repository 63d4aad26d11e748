"""The progress of a change of many VMs."""

from datetime import timedelta

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from lxml import html

from networks.definition.spec import HostSpec
from networks.models import Network
from networks.reservations import reservations as hosts
from tests.vms.bulk.many_vms import HTMX, ask, mac_of, make, places, say_yes, see, texts_by_vm
from virterweb.hypervisors.claims.clock import Now
from virterweb.hypervisors.models import HypervisorStatus
from virterweb.messages import Message
from vms.models import VM, NICStatus, VMStatus


def test_without_a_selection_there_is_no_progress(page, lab):
    assert page.get("/vms/many/").url == "/vms/"


def test_all_listed_vms_can_be_selected(page, lab, vms):
    make(lab, 66)
    answer = page.post("/vms/many/", {"action": "down", "all": "yes", "q": "tiny-6", "hypervisor": "lab-1"})
    assert list(texts_by_vm(answer)) == ["tiny-66"]
    assert len(texts_by_vm(page.post("/vms/many/", {"action": "down", "all": "yes", "q": "", "hypervisor": ""}))) == 4


def test_htmx_gets_only_the_plan_and_never_confirms(page, vms):
    answer = ask(page, vms, "move", htmx=True, source="red", to="blue")
    assert answer.content.decode().startswith('<div id="plan"')
    token = answer.context["token"]
    ask(page, vms, "move", htmx=True, source="red", to="blue", token=token)
    assert places(vms) == [[("red", mac_of(vm.number))] for vm in vms]


def test_progress_has_a_row_for_each_vm_and_names_those_that_failed(page, lab, vms):
    path = say_yes(page, vms, "move", source="red", to="blue").url
    assert texts_by_vm(page.get(path))["tiny-3"] == f"pending running | {mac_of(3)} on red, expected on blue"
    assert "0 of 3 done, 3 in progress." in " ".join(page.get(path).content.decode().split())
    for vm in vms[:2]:
        see(vm, ("blue", mac_of(vm.number)))
        VMStatus.objects.filter(desired=vm).update(generation=VM.objects.get(pk=vm.pk).generation)
    generation = VM.objects.get(pk=vms[2].pk).generation
    vms[2].status.write(
        generation=generation, error=Message.external("libvirt refuses it: no such thing."), detail="internal <error>"
    )
    answer = page.get(path)
    assert texts_by_vm(answer) == {
        "tiny-3": f"running | {mac_of(3)} on blue",
        "tiny-4": f"running | {mac_of(4)} on blue",
        "tiny-5": f"failed running | {mac_of(5)} on red, expected on blue | "
        "libvirt refuses it: no such thing. libvirt error message internal <error>",
    }
    assert "2 of 3 done, 1 failed: tiny-5." in " ".join(html.fromstring(answer.content).text_content().split())
    assert page.get(path, headers=HTMX).content.decode().startswith('<div id="many"')


def test_only_failed_vms_are_retried(page, vms, enqueued, django_capture_on_commit_callbacks):
    vms[2].status.write(error=Message.external("refused"))
    vms[2].nics.update(refused={"message": Message.external("refused").stored()})
    with django_capture_on_commit_callbacks(execute=True):
        answer = ask(page, vms, "retry", did="move", where="blue")
    assert answer.url == "/vms/many/?did=move&where=blue&" + "&".join(f"vm={vm.pk}" for vm in vms)
    assert enqueued == [("vms.tasks.push", vms[2].pk)]
    assert [vm.done for vm in VM.objects.all()] == [True, True, False]
    assert vms[2].nics.get().asked_at > timezone.now() - timedelta(minutes=1)


def test_a_vm_that_was_deleted_during_the_change_is_counted(page, vms):
    path = say_yes(page, vms, "down").url
    vms[0].delete()
    said = page.get(path).content.decode()
    assert "1 VM is no longer there." in said
    assert list(texts_by_vm(page.get(path))) == ["tiny-4", "tiny-5"]


def test_plan_and_progress_need_the_same_number_of_queries_for_more_vms(page, lab):
    def queries(vms: list[VM]) -> tuple[int, int]:
        fields = {"source": "red", "to": "blue"}
        HypervisorStatus.objects.update(watched_at=Now())  # that a page is open is recorded only from time to time
        with CaptureQueriesContext(connection) as plan:
            assert len(texts_by_vm(ask(page, vms, "move", **fields))) == len(vms)
            count = len(plan)
        with CaptureQueriesContext(connection) as progress:
            keys = "&".join(f"vm={vm.pk}" for vm in vms)
            assert len(texts_by_vm(page.get(f"/vms/many/?{keys}"))) == len(vms)
            return count, len(progress)

    vms = [make(lab, number) for number in (3, 4)]
    few = queries(vms)
    vms += [make(lab, number) for number in range(5, 40)]
    assert queries(vms) == few
    assert max(few) <= 19


def test_a_nic_that_was_attached_outside_the_portal_is_moved_too(page, lab):
    vm = make(lab, 3)
    see(vm, ("red", mac_of(3)), ("red", mac_of(0x99)))
    assert NICStatus.objects.count() == 2
    say_yes(page, [vm], "move", source="red", to="blue")
    assert places([vm]) == [[("blue", mac_of(3)), ("blue", mac_of(0x99))]]


def test_a_reserved_address_follows_each_moved_nic(page, lab, vms):
    red, blue = (Network.objects.select_related("status").get(name=name, hypervisor=lab) for name in ("red", "blue"))
    for network in (red, blue):
        network.status.write(present=False)  # then its saved definition has the blocks
    for index, vm in enumerate(vms[:2]):
        hosts.reserve(red, [HostSpec(mac=vm.nics.get().mac, ip=f"10.250.0.{50 + index}")], None)
    said = texts_by_vm(ask(page, vms, "move", source="red", to="blue"))
    assert "is replaced by the next free address of blue" in said[vms[0].name]
    say_yes(page, vms, "move", source="red", to="blue")
    assert len(hosts.entries(red)) == 2  # until the worker has moved them
    moved = {entry.mac: entry.ip for entry in hosts.entries(blue).values()}
    assert set(moved) == {vm.nics.get().mac for vm in vms[:2]}
    assert len(set(moved.values())) == 2
