"""Paths are compared as what they lead to: Virter writes /pool/./NAME, libvirt tells it back."""

import pytest

from tests.support.making import make_hypervisor, make_vm, record_volume
from virterweb.hypervisors.gateway.found import normal_path
from vms.definition import domain as domain_xml
from vms.definition import volume as volume_xml
from vms.models import Image

VOLUME = """<volume><name>v</name><capacity unit='bytes'>1</capacity><target><path>/pool/v</path></target>
<backingStore><path>{}</path><format type='qcow2'/></backingStore></volume>"""
DISK = "<domain><name>alma-8-8</name><devices><disk><source file='{}'/><target dev='vda'/></disk></devices></domain>"


@pytest.mark.parametrize(
    ("path", "is_"),
    [
        ("/pool/a", "/pool/a"),
        ("/pool/./a", "/pool/a"),
        ("//pool//a", "/pool/a"),
        ("/pool/b/../a", "/pool/a"),
        ("./a", "/pool/a"),
        ("../pool/a", "/pool/a"),
        ("./virter:layer:sha256:0", "/pool/virter:layer:sha256:0"),
        ("/etc/./shadow", "/etc/shadow"),
        ("", ""),
        ("json:{}", "json:{}"),
        ("nbd://host/./a", "nbd://host/./a"),
        ("virter:layer:sha256:0", "virter:layer:sha256:0"),
    ],
)
def test_a_path_is_normalized(path, is_):
    assert normal_path(path, "/pool") == is_
    assert volume_xml.parse(VOLUME.format(path)).backing == is_


def test_the_path_of_a_disk_is_normalized():
    (disk,) = domain_xml.parse(DISK.format("/pool/./virter:work:a")).disks
    assert disk.source == "/pool/virter:work:a"


def test_a_vm_created_by_virter_has_the_image_whose_layer_it_uses(db):
    lab = make_hypervisor()
    vm = make_vm(lab, managed=False)
    image = Image.objects.create(hypervisor=lab, name="alma-8", volume="virter:tag:alma-8", managed=False)
    for name in ("virter:tag:alma-8", vm.boot_volume):
        backing = volume_xml.parse(VOLUME.format("/pool/./virter:layer:sha256:0")).backing
        record_volume(lab, name, path=f"/pool/{name}", format="qcow2", backing=backing)
    vm.status.write(present=True, document=DISK.format("/pool/virter:work:alma-8-8"))
    vm.adopt()
    assert vm.image == image
