"""The overview lists VMs that a restart has stopped, with buttons to start them again or leave them off."""

import pytest
from django.urls import reverse
from django.utils import timezone
from lxml import html

from tests.support.making import make_hypervisor, make_running, make_vm
from tests.support.teams import make_team
from virterweb.hypervisors.models import Hypervisor
from vms.models import VM, Interruption, Power

PAGES = ("/", "/hypervisors/")


@pytest.fixture
def lab(db, enqueued) -> Hypervisor:
    return make_hypervisor()


def interrupted(lab: Hypervisor, name: str, number: int, reason: str = Interruption.HOST, **values) -> VM:
    """Return a VM that ran when its host restarted."""
    vm = make_vm(lab, name, number, **values)
    make_running(vm)
    vm.status.write(power=Power.OFF, interrupted=reason, interrupted_at=timezone.now())
    return vm


def shown(page, path: str = "/") -> str:
    return html.fromstring(page.get(path).content).xpath("normalize-space(//section[@id='interrupted'])")


def buttons(page, path: str = "/") -> list[str]:
    found = html.fromstring(page.get(path).content).xpath("//section[@id='interrupted']//button")
    return [button.text_content().strip() for button in found]


def send(page, verb: str, **fields: str) -> list[str]:
    """Press a button; return the messages on the page that follows."""
    answer = page.post(reverse(f"portal:{verb}", args=["lab-1"]), fields, follow=True)
    return [each.text_content() for each in html.fromstring(answer.content).xpath("//p[@role='status']")]


@pytest.mark.parametrize("path", PAGES)
def test_pages_without_interrupted_vms_do_not_mention_restarts(page, lab, path):
    make_running(make_vm(lab, "runs", 21))
    make_vm(lab, "off", 22)
    assert shown(page, path) == ""


@pytest.mark.parametrize("path", PAGES)
def test_interrupted_vms_are_listed_in_the_order_of_their_ids(page, lab, path):
    interrupted(lab, "beta", 21)
    interrupted(lab, "alpha", 22)
    assert "2 VMs of lab-1 were running before the host restarted and are off now: beta, alpha" in shown(page, path)
    assert buttons(page, path) == ["Start again", "Leave off"]


def test_a_restart_of_libvirt_alone_is_called_that(page, lab):
    interrupted(lab, "beta", 21, Interruption.LIBVIRT)
    assert "1 VM of lab-1 was running before libvirt restarted and is off now: beta" in shown(page)
    assert buttons(page) == ["Start again", "Leave off"]


def test_guests_that_shut_down_before_the_restart_are_listed_with_both_possible_reasons(page, lab):
    interrupted(lab, "beta", 21, Interruption.SHUTDOWN)
    said = shown(page)
    assert "1 VM of lab-1 is off. It shut down shortly before the host restarted;" in said
    assert "the host or a user may have requested that: beta" in said


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (Interruption.HOST, "2 VMs of lab-1 were running before the host restarted and are off now:"),
        (Interruption.LIBVIRT, "2 VMs of lab-1 were running before libvirt restarted and are off now:"),
        (Interruption.SHUTDOWN, "2 VMs of lab-1 are off. They shut down shortly before the host restarted;"),
        (Interruption.REBUILT, "2 VMs of lab-1 should run, but were not started when the hypervisor was rebuilt:"),
    ],
)
def test_each_reason_is_a_sentence_for_several_vms_too(page, lab, reason, said):
    interrupted(lab, "beta", 21, reason)
    interrupted(lab, "alpha", 22, reason)
    assert said in shown(page)


def test_vms_that_are_off_for_another_reason_are_listed_and_started_separately(page, lab):
    interrupted(lab, "beta", 21)
    other = interrupted(lab, "alpha", 22, Interruption.REBUILT)
    assert "1 VM of lab-1 was running before the host restarted and is off now: beta" in shown(page)
    assert "1 VM of lab-1 should run, but was not started when the hypervisor was rebuilt: alpha" in shown(page)
    assert buttons(page) == ["Start again", "Leave off", "Start", "Leave off"]
    assert send(page, "start_again", reason="host") == ["Starting 1 VM again: beta."]
    assert VM.objects.interrupted().get() == other


def test_many_interrupted_vms_are_counted(page, lab):
    for number in range(21, 34):
        interrupted(lab, f"vm-{number}", number)
    assert "13 VMs of lab-1" in shown(page)
    assert "vm-30 and 3 more" in shown(page)


def test_unmanaged_vms_and_those_being_deleted_are_not_offered(page, lab):
    interrupted(lab, "stranger", 21, managed=False, generation=0)
    interrupted(lab, "goes", 22).remove()
    assert shown(page) == ""


def test_the_button_starts_the_vms_again_and_says_which(page, user, lab):
    vms = [interrupted(lab, "beta", 21), interrupted(lab, "alpha", 22)]
    assert send(page, "start_again") == ["Starting 2 VMs again: beta, alpha."]
    for vm in vms:
        vm.refresh_from_db()
        assert (vm.running, vm.power_generation) == (True, vm.generation)
        assert (vm.revisions.first().what, vm.revisions.first().by) == (
            "started again after a restart or rebuild of the hypervisor",
            user,
        )
    assert shown(page) == ""
    assert send(page, "start_again") == ["No interrupted VM of lab-1 is left that you may start."]


def test_vms_can_be_left_off(page, lab):
    vm = interrupted(lab, "beta", 21)
    assert send(page, "leave_off") == ["1 VM stays off: beta."]
    vm.refresh_from_db()
    assert not vm.running
    assert shown(page) == ""


def test_the_button_returns_to_the_page_it_was_on(page, lab):
    path = reverse("portal:start_again", args=["lab-1"])
    assert page.post(path, {"back": "hypervisors"})["Location"] == "/hypervisors/"
    assert page.post(path, {"back": "//elsewhere"})["Location"] == "/"


def test_members_start_vms_of_their_teams_only(member_page, member, lab):
    theirs, others = interrupted(lab, "theirs", 21), interrupted(lab, "others", 22, team=make_team("red"))
    assert send(member_page, "start_again") == [
        "Starting 1 VM again: theirs.",
        "You may not start 1 more VM. Ask its owner or an operator.",
    ]
    assert VM.objects.interrupted().get() == others
    assert buttons(member_page) == []
    assert "Only the owner of a VM or an operator can start it again." in shown(member_page)
    theirs.refresh_from_db()
    assert theirs.power_generation == theirs.generation


def test_a_vms_page_and_the_list_say_that_it_was_running(page, lab):
    interrupted(lab, "beta", 21)
    for path in ("/vms/", "/vms/lab-1/beta/"):
        text = html.fromstring(page.get(path).content).xpath("normalize-space(//small[@data-interruption])")
        assert text == "It was running before the host restarted."
    page.post("/vms/lab-1/beta/shutdown/")
    assert "It was running" not in page.get("/vms/lab-1/beta/").content.decode()
    assert VM.objects.get().revisions.first().what == "left off after a restart or rebuild of the hypervisor"


@pytest.mark.parametrize("managed", [True, False])
def test_a_vm_can_be_left_off_on_its_page(page, lab, managed):
    interrupted(lab, "beta", 21, managed=managed, generation=int(managed))
    (form,) = html.fromstring(page.get("/vms/lab-1/beta/").content).xpath("//form[contains(., 'Leave off')]")
    page.post(form.action, {**form.fields})
    vm = VM.objects.get()
    assert (vm.running, vm.interruption) == (False, None)
    assert "Leave off" not in page.get("/vms/lab-1/beta/").content.decode()


def test_leave_off_on_an_old_page_does_not_stop_a_vm_that_somebody_has_started_again(page, lab):
    vm = interrupted(lab, "beta", 21)
    (form,) = html.fromstring(page.get("/vms/lab-1/beta/").content).xpath("//form[contains(., 'Leave off')]")
    vm.end_interruption(running=True)
    make_running(vm)
    page.post(form.action, {**form.fields})
    assert VM.objects.get().running
