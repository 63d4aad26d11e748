"""Guests are asked for their network configuration through their agents."""

from datetime import timedelta

import pytest
from django.utils import timezone

from networks.models import Network
from tests.support.making import make_lease
from tests.vms.guests.reporting_guests import CLIENT, LATER, MAC, PLAIN, ask, domain, later, report_text
from virterweb.hypervisors.gateway.found import FoundDomain, FoundOutput, Refused, Silent
from virterweb.messages import Message
from vms.guests import report as guest_report
from vms.models import VM, GuestReport
from vms.sync import polling


def test_the_report_of_a_guest_whose_agent_answers_is_recorded(vm, guests):
    guests.answer = report_text("no <b>key</b>", client=CLIENT)
    report = ask(vm)
    assert (report.agent, report.cloud_init, report.errors) == (True, "error", "no <b>key</b>")
    assert report.interfaces == {
        MAC: {"name": "ens3", "up": True, "dhcp": [4]},
        PLAIN: {"name": "ens4", "up": True, "dhcp": []},
    }


def test_no_program_is_run_in_an_unmanaged_guest(vm, guests):
    VM.objects.update(managed=False)
    assert ask(vm).agent is True and guests.asked == 0


def test_a_guest_whose_agent_does_not_answer_is_not_asked(vm, guests):
    guests.addresses = []
    assert ask(vm).agent is False and guests.asked == 0
    guests.addresses = [("00:00:00:00:00:00", "127.0.0.1")]
    assert ask(vm).agent is True and guests.asked == 1


def test_a_guest_is_asked_often_until_its_configuration_is_complete(vm, guests):
    ask(vm)
    ask(vm)
    assert guests.asked == 1, "just now it was"
    later(seconds=15)
    ask(vm)
    assert guests.asked == 2, "a NIC has no lease yet"
    make_lease(Network.objects.get(name="default"), MAC, "192.168.122.8")
    later(seconds=15)
    ask(vm)
    assert guests.asked == 2, "all is as wanted"
    later(seconds=60)
    guests.answer = report_text(done=False, client=CLIENT)
    assert ask(vm).cloud_init == "running"
    later(seconds=15)
    ask(vm)
    assert guests.asked == 4, "cloud-init is not through"


def test_a_guest_that_forbids_programs_is_reported_and_asked_rarely(vm, guests):
    guests.answer = Refused(Message.external("the guest’s agent refuses"), "guest-exec has been disabled")
    report = ask(vm)
    assert (report.agent, report.refused) == (True, "forbidden")
    later(seconds=90)
    ask(vm)
    assert guests.asked == 1
    later(minutes=5)
    guests.answer = report_text(client=CLIENT)
    assert ask(vm).refused == ""


def test_a_slow_guest_keeps_its_last_report(vm, guests):
    before = ask(vm).interfaces
    later(minutes=5)
    guests.answer = Silent(Message.external("/bin/sh did not end within 10 s in the guest"))
    report = ask(vm)
    assert guests.asked == 2
    assert (report.interfaces, report.refused, report.cloud_init) == (before, "", "done")


@pytest.mark.parametrize("text", ["", "sh: not found", "\0" * 100, "<script>"])
def test_unexpected_output_of_a_guest_is_ignored(vm, guests, text):
    guests.answer = text
    report = ask(vm)
    assert (report.interfaces, report.refused) == ({}, "unreadable")


def test_a_report_is_deleted_when_its_run_ends(vm, guests):
    ask(vm)
    report = GuestReport.objects.get()
    guest_report.note(vm.status, domain(MAC, PLAIN))
    assert GuestReport.objects.get().interfaces == report.interfaces
    guest_report.note(vm.status, domain(MAC, PLAIN, run="8"))
    later = GuestReport.objects.get()
    assert (later.interfaces, later.cloud_init, later.asked_at, later.agent) == ({}, "", None, False)
    assert later.since > report.since
    guest_report.write(report, FoundOutput(code=0, text=report_text("old")))
    assert GuestReport.objects.get().errors == "", "what the run before told comes too late"
    guest_report.note(vm.status, domain(MAC, PLAIN, run=""))
    assert not GuestReport.objects.exists()


def test_the_sweep_creates_and_deletes_reports(vm):
    GuestReport.objects.all().delete()

    def poll(state: str, document: str) -> None:
        row = VM.objects.select_related("hypervisor", "status").get(pk=vm.pk)
        facts = {"uuid": row.uuid_text, "name": row.name, "state": state, "persistent": True}
        found = FoundDomain(document=document, stored=document if state == "running" else "", **facts)
        polling._record(row, found, timezone.now())

    poll("running", domain(MAC, PLAIN, run="9"))
    assert GuestReport.objects.get().run == "9"
    poll("off", domain(MAC, PLAIN, run=""))
    assert not GuestReport.objects.exists()


def test_a_nic_that_was_attached_at_run_time_is_marked(vm):
    guest_report.note(vm.status, domain(MAC, PLAIN, LATER))
    nics = GuestReport.objects.get().nics
    assert (nics[MAC], nics[PLAIN]) == ("", "")
    assert guest_report.plugged(nics, LATER) > timezone.now() - timedelta(minutes=1)
    assert guest_report.plugged(nics, MAC) is None
    guest_report.note(vm.status, domain(MAC, PLAIN))
    assert LATER not in GuestReport.objects.get().nics


def test_a_vm_that_already_ran_gets_a_report_in_the_next_round(vm, guests):
    GuestReport.objects.all().delete()
    ask(vm)
    assert ask(vm).cloud_init == "done"


def test_the_result_of_cloud_init_by_ssh_is_kept_for_this_run(vm):
    guest_report.note_cloud_init(vm.status, report_text("no data"))
    report = GuestReport.objects.get()
    assert (report.cloud_init, report.errors, report.interfaces, report.agent) == ("error", "no data", {}, False)
    guest_report.note_cloud_init(vm.status, "Permission denied")
    assert GuestReport.objects.get().errors == "no data"
    guest_report.note(vm.status, domain(MAC, PLAIN, run="8"))
    guest_report.note_cloud_init(vm.status, report_text("no data"))
    assert GuestReport.objects.get().errors == "", "the run that it is of has ended"


def test_a_vm_without_a_channel_has_no_agent(vm):
    guest_report.note(vm.status, domain(MAC, run="8", channel=""))
    assert GuestReport.objects.get().agent is None
