"""Memory, ports and further settings of a new VM."""

import pytest

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


def test_a_vm_of_another_architecture_is_emulated_with_its_machine_and_uefi(page, lab):
    HypervisorStatus.objects.update(archs=["x86_64", "aarch64", "i686"])
    assert list(page.get("/vms/run/").context["form"].fields["arch"].widget.choices) == [
        *(("", "that of the host: x86_64"), ("aarch64", "aarch64")),
    ]
    send(page, lab, arch="arm64")
    vm = VM.objects.get()
    assert vm.arch == "aarch64"
    document = new_document(vm, vm.nics.all(), "kvm", "")
    assert document.startswith('<domain type="qemu">')
    assert '<os firmware="efi"><type arch="aarch64" machine="virt">hvm</type></os>' in document
    assert domain.parse(document).hardware.firmware == hardware.UEFI


@pytest.mark.parametrize("arch", ["", "native", "amd64", "x86_64"])
def test_a_vm_of_the_architecture_of_the_host_may_use_kvm(page, lab, arch):
    HypervisorStatus.objects.update(archs=["x86_64", "aarch64"])
    send(page, lab, arch=arch)
    vm = VM.objects.get()
    assert vm.arch == ""
    assert new_document(vm, vm.nics.all(), "kvm", "").startswith('<domain type="kvm">')


def test_without_a_hypervisor_an_architecture_has_no_error_of_its_own(page, db):
    assert "arch" not in page.post("/vms/run/", {"arch": "arm64"}).context["form"].errors


def test_vms_on_an_arm_host_are_of_its_architecture(page, lab):
    HypervisorStatus.objects.update(archs=["aarch64", "x86_64"])
    send(page, lab)
    vm = VM.objects.get()
    document = new_document(vm, vm.nics.all(), "kvm", "")
    assert document.startswith('<domain type="kvm">')
    assert 'arch="aarch64"' in document


@pytest.mark.parametrize(
    ("archs", "arch", "there"),
    [
        (["x86_64", "i686"], "arm64", "x86_64"),
        (["x86_64", "aarch64", "riscv64"], "riscv64", "x86_64, aarch64"),
        (["x86_64", "aarch64"], "sparc", "x86_64, aarch64"),
        ([], "arm64", "none yet"),
    ],
)
def test_an_architecture_without_an_emulator_is_refused_with_those_that_there_are(page, lab, archs, arch, there):
    HypervisorStatus.objects.update(archs=archs)
    answer = send(page, lab, arch=arch)
    said = f"lab-1 has no emulator for {arch}. The architectures it has are: {there}."
    assert errors(answer) == {"arch": said}
    assert said in answer.content.decode()
    assert not VM.objects.exists()


def test_the_form_has_no_choice_of_architectures_on_a_host_with_one(page, lab):
    HypervisorStatus.objects.update(archs=["x86_64", "i686"])
    assert "Architecture" not in page.get("/vms/run/").content.decode()
    HypervisorStatus.objects.update(archs=["x86_64", "aarch64"])
    assert "Architecture" in page.get("/vms/run/").content.decode()


@pytest.mark.parametrize("firmware", ["bios", "secure"])
def test_arm_vms_have_neither_bios_nor_secure_boot_nor_an_ide_bus(page, lab, firmware):
    HypervisorStatus.objects.update(archs=["x86_64", "aarch64"])
    disk = {"name": "data", "size": "1G", "bus": "ide"}
    answer = send(page, lab, arch="aarch64", firmware=firmware, disks=[disk])
    assert errors(answer) == {"firmware": "A VM with the architecture aarch64 has UEFI firmware without secure boot."}
    assert answer.context["form"].disks[0].errors["bus"] == [
        "A VM with the architecture aarch64 has no IDE bus. Choose another bus.",
    ]
    assert send(page, lab, arch="aarch64", firmware="uefi").status_code == 302


def test_a_folded_group_says_what_it_holds_in_the_words_of_its_choices(page, lab):
    answer = send(page, lab, firmware="uefi", ssh_user="alma", memory="0")
    shown = " ".join(answer.content.decode().split())
    assert '<summary>Firmware <small id="held-firmware" class="held"> UEFI</small>' in shown
    assert (
        '<summary>SSH and cloud-init <small id="held-ssh-and-cloud-init" class="held"> SSH user alma</small>' in shown
    )
