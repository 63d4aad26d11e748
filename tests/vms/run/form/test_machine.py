"""Memory, ports and further settings of a new VM."""

from tests.support.making import make_hypervisor, make_image, make_running, make_vm
from tests.vms.run.form.run_form import errors, preview, send
from virterweb.hypervisors.models import HypervisorStatus
from vms.definition import domain, hardware
from vms.models import VM, VMStatus
from vms.models.document import new_document


def test_collapsed_fields_are_saved_too(page, lab):
    data = {"ssh_user": "alma", "wait_ssh": "on", "console_dir": "/var/log/vms/", "vnc_by_id": "on"}
    send(page, lab, **data, vnc_bind="::1", count="2")
    for vm in VM.objects.all():
        assert (vm.ssh_user, vm.wait_ssh, vm.console_log, vm.console_dir) == ("alma", True, False, "/var/log/vms")
        assert (vm.vnc_port, vm.vnc_bind) == (6000 + vm.number, "::1")


def test_a_port_above_the_highest_port_is_refused(page):
    hypervisor = make_hypervisor("no-network-yet")
    make_image(hypervisor)
    answer = send(page, hypervisor, number="60000", vnc_by_id="on")
    assert errors(answer) == {"vnc_by_id": "Port 66000 does not exist. The highest port is 65535."}


def test_an_incomplete_row_has_no_error_in_the_preview(page, lab):
    shown = preview(page, lab, disk_name="", disk_size="1X", nic_network="", nic_mac="")
    assert shown.problems == [("Disk 1, Size", "1X is not a size, for example 512M or 2G.")]


def test_memory_beyond_that_of_the_host_causes_a_warning_with_figures(page, lab):
    assert preview(page, lab, memory="999999").warnings == []  # nobody has asked the host yet
    HypervisorStatus.objects.update(memory=16000)
    assert preview(page, lab, memory="4000", count="4").warnings == []
    (said,) = preview(page, lab, memory="4096", count="10").warnings
    assert said == "Memory: 10 × 4096 MiB are 40960 MiB, more than the 16000 MiB of the host of lab-1."
    make_running(make_vm(lab, "other", 9))
    VMStatus.objects.update(memory=15500)
    (said,) = preview(page, lab).warnings
    assert said == (
        "Memory: 1024 MiB, where the running VM has 15500 MiB already, more than the 16000 MiB of the host of lab-1."
    )
    assert send(page, lab).status_code == 302


def test_a_vm_with_secure_boot_has_the_machine_type_that_it_needs(page, lab):
    send(page, lab, firmware="secure")
    vm = VM.objects.get()
    document = new_document(vm, vm.nics.all(), "kvm", "")
    found = domain.parse(document).hardware
    assert (found.firmware, found.machine) == (hardware.SECURE, "q35")
    assert "<smm state=" in document


def test_a_vm_without_a_choice_has_the_firmware_that_libvirt_chooses(page, lab):
    send(page, lab)
    vm = VM.objects.get()
    assert vm.hardware == {}
    assert domain.parse(new_document(vm, vm.nics.all(), "kvm", "")).hardware.machine == ""


def test_a_disk_on_the_bus_ide_is_refused_with_secure_boot(page, lab):
    disk = {"name": "data", "size": "1G", "format": "qcow2", "bus": "ide"}
    answer = send(page, lab, disks=[disk], firmware="secure")
    assert answer.status_code == 422
    assert "no IDE bus" in answer.content.decode()
    assert not VM.objects.exists()


def test_an_unknown_firmware_is_refused(page, lab):
    assert "Select a valid choice" in errors(send(page, lab, firmware="coreboot"))["firmware"]
