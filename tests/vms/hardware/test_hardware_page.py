"""The page that edits hardware: what it asks libvirt for, what it refuses, and what is drift."""

import libvirt
import pytest

from tests.vms.hardware.test_power import domain, lab, push, seen  # noqa: F401, fixtures
from virterweb.hypervisors.models import HypervisorStatus
from vms.models import VM

SENT = {"memory": "64", "vcpus": "1", "cpu": "", "firmware": "bios", "graphics": "none", "description": ""}


@pytest.fixture
def vm(lab, domain) -> VM:  # noqa: F811
    vm = seen(lab)
    vm.adopt()
    return push(vm)


def stored(domain: libvirt.virDomain) -> str:  # noqa: F811
    return domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)


def test_only_what_was_changed_is_saved_and_reaches_the_stored_definition(vm, domain, page):  # noqa: F811
    path = f"{vm.get_absolute_url()}size/"
    page.post(path, SENT | {"cpu": "host-passthrough", "description": "for tests"})
    vm = push(VM.objects.get())
    assert vm.hardware == {"cpu": "host-passthrough", "description": "for tests"}
    assert "host-passthrough" in stored(domain)
    assert "<description>for tests</description>" in stored(domain)
    assert (str(vm.status.error), vm.status.drift) == ("", "")


def test_hardware_that_was_changed_outside_is_drift_and_is_reverted_or_accepted(lab, vm, domain, page):  # noqa: F811
    page.post(f"{vm.get_absolute_url()}size/", SENT | {"description": "ours"})
    push(VM.objects.get())
    theirs = stored(domain).replace("ours", "theirs")
    domain.connect().defineXML(theirs)
    vm = seen(lab)
    assert vm.status.drifts == ["Description: found theirs, expected ours"]
    vm.revert()
    push(vm)
    assert "ours" in stored(domain)
    domain.connect().defineXML(theirs)
    vm = seen(lab)
    vm.follow_found()
    vm = seen(lab)
    assert (vm.hardware, vm.status.drift) == ({"description": "theirs"}, "")


def test_a_vm_is_offered_only_the_firmware_of_its_architecture(lab, vm, domain, page):  # noqa: F811
    assert 'value="bios"' in page.get(f"{vm.get_absolute_url()}size/").content.decode()
    arm = vm.status.document.replace("i686", "aarch64").replace("<os>", "<os firmware='efi'>")
    vm.status.write(document=arm, stored=arm)
    shown = page.get(f"{vm.get_absolute_url()}size/").content.decode()
    assert 'value="uefi"' in shown
    assert 'value="bios"' not in shown
    answer = page.post(f"{vm.get_absolute_url()}size/", SENT)
    assert "Select a valid choice" in answer.content.decode()


def test_secure_boot_is_offered_only_with_the_machine_type_that_can_have_it(vm, page):
    document = vm.status.document.replace("i686", "x86_64")
    for machine, offered in (("pc-q35-7.2", True), ("pc-i440fx-7.2", False)):
        of_machine = document.replace("<type arch='x86_64'", f"<type arch='x86_64' machine='{machine}'")
        vm.status.write(document=of_machine, stored=of_machine)
        shown = page.get(f"{vm.get_absolute_url()}size/").content.decode()
        assert ('value="secure"' in shown) == offered
        assert ("Secure boot needs the machine type q35, and this VM has pc-i440fx-7.2." in shown) != offered


def test_the_page_of_a_vm_shows_its_hardware_and_description(vm, page):
    page.post(f"{vm.get_absolute_url()}size/", SENT | {"cpu": "host-passthrough", "description": "for <tests>"})
    push(VM.objects.get())
    shown = page.get(vm.get_absolute_url()).content.decode()
    assert '<p class="description">for &lt;tests&gt;</p>' in shown
    assert "<dd>the host’s CPU itself</dd>" in shown
    assert "Changes wait for the next start" not in shown


def test_what_a_running_vm_does_not_have_yet_is_shown_until_its_next_start(vm, domain, page):  # noqa: F811
    vm.status.write(power="running", stored=vm.status.definition)
    assert "Changes wait for the next start" not in page.get(vm.get_absolute_url()).content.decode()
    later = vm.status.stored.replace("<on_poweroff>", "<cpu mode='maximum'/><on_poweroff>")
    memory, vcpus = vm.status.memory, vm.status.vcpus
    later = later.replace(f">{memory * 1024}<", f">{96 * 1024}<").replace(f">{vcpus}</vcpu>", ">7</vcpu>")
    vm.status.write(stored=later)
    shown = page.get(vm.get_absolute_url()).content.decode()
    assert f"<li>Memory: {memory} MiB → 96 MiB</li>" in shown
    assert f"<li>vCPUs: {vcpus} → 7</li>" in shown
    assert "CPU mode:" not in shown  # libvirt replaces the mode of a running VM, so it says nothing


def test_the_history_says_which_hardware_was_changed(vm, page):
    page.post(
        f"{vm.get_absolute_url()}size/", SENT | {"cpu": "maximum", "description": "for tests", "graphics": "none"}
    )
    shown = page.get(f"{vm.get_absolute_url()}history/").content.decode()
    for text in ("CPU mode", "all that QEMU can emulate", "Description", "for tests"):
        assert text in shown


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("cpu", "warp", "Select a valid choice"),
        ("firmware", "coreboot", "Select a valid choice"),
        ("description", "a\x07b", "Control characters are not allowed"),
        ("memory", "0", "greater than or equal to 1"),
    ],
)
def test_a_bad_value_is_refused_at_its_field(vm, page, field, value, said):
    answer = page.post(f"{vm.get_absolute_url()}size/", SENT | {field: value})
    assert answer.status_code == 422
    assert said in " ".join(answer.context["form"].errors[field])
    assert VM.objects.get().hardware == {}


def test_two_disks_cannot_have_the_same_boot_position(vm, page):
    disk = {"bus": "virtio", "device": "disk", "format": "raw", "source": ""}
    vm.status.write(disks=[{"target": "vda", **disk}, {"target": "vdb", **disk}])
    answer = page.post(f"{vm.get_absolute_url()}size/", SENT | {"boot-vda": "1", "boot-vdb": "1"})
    assert "vda has this position already" in answer.content.decode()


def test_memory_beyond_that_of_the_host_is_warned_of(vm, page):
    HypervisorStatus.objects.update(memory=100)
    answer = page.post(f"{vm.get_absolute_url()}size/", SENT | {"memory": "128"}, follow=True)
    assert "has only 100 MiB of memory" in answer.content.decode()


def test_changes_of_different_hardware_at_the_same_time_are_both_saved(vm):
    seen_before = VM.objects.get()
    vm.resize(64, 1, hardware={"cpu": "maximum"})
    seen_before.ask_autostart(True)
    seen_before.resize(64, 1, hardware={"description": "for tests"})
    vm = VM.objects.get()
    assert vm.hardware == {"cpu": "maximum", "description": "for tests"}
    assert {"autostart", "hardware"} <= set(vm.asked)
