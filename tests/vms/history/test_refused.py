"""What cannot be restored is refused in words that name it."""

import pytest

from tests.support.making import make_host, make_vm, record_volume
from vms.models import VM, Image, NICStatus, VMRevision

from .restoring import SECOND, nic, refusals, restore


def gone(page, revision: VMRevision) -> str:
    answer = restore(page, revision)
    assert answer.status_code == 409
    (refused,) = refusals(answer)
    return refused


def test_a_mac_that_another_vm_has_now_is_refused(page, lab, vm):
    there = vm.revisions.first()
    vm.nics.keyed(SECOND).delete()
    make_vm(lab, "thief", 9).add_nic(nic())
    assert gone(page, there) == f"The MAC {SECOND} of this version is in use by thief."


def test_a_mac_in_use_by_an_unmanaged_vm_is_refused(page, lab, vm):
    there = vm.revisions.first()
    vm.nics.keyed(SECOND).delete()
    other = VM.objects.create(hypervisor=lab, name="external", managed=False)
    NICStatus.objects.create(vm=other.status, position=0, kind="network", source="net1", mac=SECOND)
    assert gone(page, there) == f"The MAC {SECOND} of this version is in use by external."


def test_a_network_that_is_gone_is_refused(page, network, vm):
    there = vm.revisions.first()
    vm.change_nic(nic(source="default"))
    network.delete()
    assert gone(page, there) == f"The network net1 of NIC {SECOND} no longer exists on lab-1."


def test_an_address_that_another_has_now_is_refused(page, network, vm):
    entry = make_host(network, SECOND, "10.255.0.9")
    vm.change_nic(nic(mtu=1400))
    there = vm.revisions.first()
    entry.delete()
    make_host(network, "52:54:00:00:00:77", "10.255.0.9")
    refused = gone(page, there)
    assert refused.startswith(f"The reserved address of NIC {SECOND}:")
    assert "10.255.0.9" in refused


DOMAIN = """<domain type='qemu'><name>alma-8-8</name><uuid>{uuid}</uuid><memory unit='MiB'>1024</memory><vcpu>1</vcpu>
<devices><disk type='file' device='disk'><source file='/pool/boot'/><target dev='vda' bus='virtio'/></disk>{more}
</devices></domain>"""
DATA = "<disk type='file' device='disk'><source file='/pool/data'/><target dev='vdb' bus='virtio'/></disk>"


@pytest.mark.parametrize(("there", "words"), [(False, "was deleted."), (True, "is no longer attached to the VM.")])
def test_a_disk_that_is_gone_is_refused(page, lab, vm, there, words):
    vm.status.write(document=DOMAIN.format(uuid=vm.uuid, more=DATA))
    vm.resize(2048, 1)
    with_data = vm.revisions.first()
    vm.status.write(document=DOMAIN.format(uuid=vm.uuid, more=""))
    vm.resize(1024, 1)
    if there:
        record_volume(lab, "data", path="/pool/data", format="qcow2")
    assert gone(page, with_data) == f"The disk vdb (/pool/data) of this version {words}"


def test_the_image_of_a_vm_that_is_not_created_yet_is_refused(page, vm):
    first = vm.revisions.last()
    Image.objects.all().delete()
    assert "The image alma-8 of this version no longer exists on lab-1" in gone(page, first)


def test_a_version_of_the_vm_that_was_replaced_is_refused(page, vm):
    first = vm.revisions.last()
    VM.objects.filter(pk=vm.pk).update(uuid="6a2d5b5e-6f0c-4d5a-8e36-2c1b1c5b9f77")
    assert f"with the UUID {vm.uuid}" in gone(page, first)
