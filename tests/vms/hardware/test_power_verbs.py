"""Each change of power in libvirt, what it refuses, and that a refused one is not carried out later by itself."""

import libvirt
import pytest

from tests.vms.hardware.test_power import buttons, domain, lab, push, seen  # noqa: F401, fixtures
from virterweb.hypervisors.desired.carry_out import carry_out
from vms import sync
from vms.models import VM, PowerVerb, VMStatus

RUNNING, PAUSED, OFF = libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_SHUTOFF


@pytest.mark.parametrize(
    ("verb", "before", "after"),
    [
        ("start", OFF, RUNNING),
        ("resume", PAUSED, RUNNING),
        ("pause", RUNNING, PAUSED),
        ("pause", PAUSED, PAUSED),
        ("save", RUNNING, OFF),
        ("save", PAUSED, OFF),
        ("reset", RUNNING, RUNNING),
        ("force-off", PAUSED, OFF),
    ],
)
def test_a_change_of_power_is_carried_out_and_shown(lab, domain, page, verb, before, after):  # noqa: F811
    {PAUSED: domain.suspend, OFF: domain.destroy, RUNNING: lambda: None}[before]()
    vm = seen(lab)
    assert PowerVerb(verb) in vm.power_verbs or before == after
    page.post(f"{vm.get_absolute_url()}{verb}/")
    vm = push(vm)
    assert domain.state()[0] == after
    assert (str(vm.status.error), vm.status.power) == ("", {RUNNING: "running", PAUSED: "paused", OFF: "off"}[after])


def test_a_saved_vm_is_shown_and_started_from_there_or_its_state_discarded(lab, domain, page):  # noqa: F811
    vm = seen(lab)
    page.post(f"{vm.get_absolute_url()}save/")
    vm = push(vm)
    assert (vm.shown_state, vm.power_verbs) == ("saved", (PowerVerb.START, PowerVerb.DISCARD))
    assert "What test had in memory is deleted" in page.get(f"{vm.get_absolute_url()}discard/").content.decode()
    page.post(f"{vm.get_absolute_url()}discard/")
    vm = push(vm)
    assert not domain.hasManagedSaveImage()
    assert (vm.shown_state, vm.power_verbs) == ("off", (PowerVerb.START,))


@pytest.mark.parametrize("verb", ["reboot", "reset", "pause", "save", "resume"])
def test_what_a_vm_that_is_off_cannot_do_is_refused_and_never_done_later(lab, domain, verb):  # noqa: F811
    domain.destroy()
    vm = seen(lab)
    vm.ask_power(verb)
    vm = push(vm)
    assert "test is off" in str(vm.status.error)
    domain.create()
    vm.ask_autostart(True)
    vm = push(vm)
    assert (str(vm.status.error), domain.state()[0], domain.autostart()) == ("", RUNNING, 1)


def test_a_refused_change_of_power_is_carried_out_when_it_is_tried_again(lab, domain):  # noqa: F811
    domain.destroy()
    vm = seen(lab)
    vm.ask_power("pause")
    vm = push(vm)
    domain.create()
    vm.retry()
    assert push(vm).status.power == "paused"


def test_the_latest_request_replaces_one_that_was_not_carried_out(lab, domain):  # noqa: F811
    vm = seen(lab)
    vm.ask_power("force-off")
    vm.ask_power("pause")
    push(vm)
    assert domain.state()[0] == PAUSED


def test_a_transient_vm_offers_no_saving_of_its_state(lab, domain):  # noqa: F811
    seen(lab)
    VMStatus.objects.update(persistent=False)
    assert PowerVerb.SAVE not in VM.objects.shown().get().power_verbs


def test_a_vm_starts_with_the_host_or_not(lab, domain, page):  # noqa: F811
    vm = seen(lab)
    assert "Starts with the host" not in page.get(vm.get_absolute_url()).content.decode()
    page.post(f"{vm.get_absolute_url()}autostart/", {"on": "yes"})
    vm = push(vm)
    assert (domain.autostart(), vm.status.autostart) == (1, True)
    assert "Starts with the host" in page.get(vm.get_absolute_url()).content.decode()
    assert "Do not start with the host" in buttons(page.get(vm.get_absolute_url()))


def test_the_autostart_of_an_unmanaged_vm_is_set_once(lab, domain):  # noqa: F811
    vm = seen(lab)
    vm.ask_autostart(True)
    push(vm)
    domain.setAutostart(0)
    assert seen(lab).status.drift == ""


def test_autostart_that_was_changed_outside_is_reverted_or_accepted(lab, domain):  # noqa: F811
    vm = seen(lab)
    vm.adopt()
    vm.ask_autostart(True)
    push(vm)
    domain.setAutostart(0)
    vm = seen(lab)
    assert vm.status.drifts == ["Start with the host: found no, expected yes"]
    vm.revert()
    carry_out(VM, vm.pk, sync.push)
    assert domain.autostart() == 1
    domain.setAutostart(0)
    vm = seen(lab)
    vm.follow_found()
    vm = seen(lab)
    assert (vm.autostart, vm.status.drift, domain.autostart()) == (False, "", 0)


def test_the_menu_of_a_row_has_what_applies_to_the_state(lab, domain, page):  # noqa: F811
    vm = seen(lab)
    shown = page.get(f"{vm.get_absolute_url()}menu/").content.decode()
    for text in ("Shut down", "Reboot", "Pause", "Save state", "Force reset", "Force off"):
        assert text in shown
    assert ">Start<" not in shown
    assert f'hx-get="{vm.get_absolute_url()}menu/"' in page.get("/vms/").content.decode()
