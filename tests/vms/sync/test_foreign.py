"""Unmanaged VMs: shown completely, with NICs that can be changed; they can be adopted and released."""

from dataclasses import replace

import pytest
from django.utils import timezone

from tests.support.making import make_foreign_network, make_hypervisor, make_network, make_vm, record_volume
from virterweb.hypervisors.desired.state import State
from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import FoundDomain, Refused
from virterweb.hypervisors.gateway.reasons import Code
from virterweb.messages import Message
from vms import sync
from vms.definition.domain import parse
from vms.definition.nics.spec import NICSpec
from vms.models import VM, Image, NICStatus, VMStatus
from vms.sync import polling

pytestmark = pytest.mark.integration

UUID = "6a2d5b5e-6f0c-4d5a-8e36-2c1b1c5b9f77"
SECOND = "52:54:00:b3:72:d7"
VIRTERS = f"""<domain type='qemu'><name>alma-8-9</name><uuid>{UUID}</uuid>
<metadata><vir:meta xmlns:vir='https://github.com/LINBIT/virter'><vir:hostkey>ssh-rsa AAAA9</vir:hostkey>
<vir:ssh-user-name>cloud</vir:ssh-user-name></vir:meta></metadata>
<memory unit='MiB'>512</memory><vcpu>2</vcpu><os><type>hvm</type></os><devices>
<disk type='volume' device='disk'><driver name='qemu' type='qcow2'/>
<source pool='default' volume='virter:work:alma-8-9'/>
<target dev='vda' bus='virtio'/></disk>
<interface type='network'><mac address='52:54:00:00:00:09'/><source network='default'/>
<model type='virtio'/></interface>
<interface type='network'><mac address='{SECOND}'/><source network='net1' portgroup='red'/><model type='e1000'/>
<mtu size='1400'/><coalesce><rx><frames max='7'/></rx></coalesce></interface></devices></domain>"""


@pytest.fixture
def lab(db, enqueued):
    hypervisor = make_hypervisor()
    make_foreign_network(hypervisor)
    make_network(hypervisor)
    return hypervisor


@pytest.fixture
def vm(lab) -> VM:
    """Return a VM created by Virter, as a poll records it."""
    return seen(lab, VIRTERS)


def seen(lab, document: str) -> VM:
    found = FoundDomain(uuid=UUID, name="alma-8-9", document=document, state="off", persistent=True)
    first = {"hypervisor": lab, "name": "alma-8-9", "managed": False, "generation": 0, "memory": 0, "vcpus": 0}
    row, _ = VM.objects.get_or_create(uuid=UUID, defaults=first)
    polling._record(row, found, timezone.now())
    return again(row)


def again(vm: VM) -> VM:
    return VM.objects.shown().get(pk=vm.pk)


def test_the_id_the_user_and_the_host_key_of_virters_vm_are_read_from_its_metadata(vm):
    assert (vm.number, vm.ssh_user, vm.host_key_public) == (9, "cloud", "ssh-rsa AAAA9")
    assert (vm.managed, vm.state) == (False, State.UNMANAGED)


def test_a_vm_without_virters_metadata_has_no_id_though_its_mac_looks_like_one(lab):
    start, end = VIRTERS.index("<metadata>"), VIRTERS.index("<memory")
    assert seen(lab, VIRTERS[:start] + VIRTERS[end:]).number is None


def test_adopting_saves_the_definition_from_libvirt(page, vm):
    assert page.post(f"{vm.get_absolute_url()}adopt/").status_code == 302
    vm = again(vm)
    assert (vm.managed, vm.memory, vm.vcpus, vm.running, vm.owner.username) == (True, 512, 2, False, "mira")
    access, second = (nic.spec() for nic in vm.nics.all())
    assert (access.source, access.mac) == ("default", "52:54:00:00:00:09")
    assert (second.source, second.port_group, second.model, second.mtu) == ("net1", "red", "e1000", 1400)
    assert not vm.nics.exclude(asked_at=None)


def test_an_adopted_vm_has_not_drifted(page, lab, vm):
    vm.adopt()
    assert seen(lab, VIRTERS).status.drift == ""


def test_an_adopted_vm_knows_the_image_that_its_disk_is_an_overlay_of(lab, vm):
    image = Image.objects.create(hypervisor=lab, name="alma-8", volume="virter:tag:alma-8")
    for name, backing in (("virter:tag:alma-8", "/pool/layer"), (vm.boot_volume, "/pool/layer")):
        record_volume(lab, name, path=f"/pool/{name}", backing=backing)
    vm.adopt()
    assert again(vm).image == image


@pytest.mark.parametrize("values, reason", [({"name": "alma-8-9", "number": 7}, "another VM"), ({}, "has the ID 9")])
def test_a_vm_with_the_name_or_id_of_a_managed_vm_is_not_adopted(page, lab, vm, values, reason):
    make_vm(lab, **{"name": "mine", "number": 9, **values})
    answer = page.post(f"/vms/lab-1/{vm.name}/adopt/", follow=True) if not values else None
    if values:
        with pytest.raises(ValueError, match=reason):
            vm.adopt()
    else:
        assert reason in answer.content.decode()
    assert not again(vm).managed


def test_a_released_vm_is_unmanaged_and_has_no_desired_values(page, vm):
    vm.adopt()
    page.post(f"{vm.get_absolute_url()}release/")
    vm = again(vm)
    assert (vm.managed, vm.generation, vm.state) == (False, 0, State.UNMANAGED)
    assert not vm.nics.exists()


def test_changes_from_libvirt_can_be_accepted(page, lab, vm):
    vm.adopt()
    VMStatus.objects.filter(desired=vm).update(generation=again(vm).generation)
    changed = VIRTERS.replace("<mtu size='1400'/>", "<mtu size='1300'/>").replace(">2</vcpu>", ">4</vcpu>")
    assert seen(lab, changed).status.drifts == [
        "vCPUs: found 4, expected 2",
        f"NIC {SECOND}: MTU: found 1300, expected 1400",
    ]
    page.post(f"{vm.get_absolute_url()}take/")
    vm = again(vm)
    assert (vm.vcpus, vm.nics.get(mac=SECOND).spec().mtu) == (4, 1300)


DOMAINS = f"""<node><network><name>default</name><bridge name='virbr0'/></network>
<network><name>net1</name><bridge name='virbr1'/></network>
<network><name>net2</name><bridge name='virbr2'/></network>{VIRTERS}</node>"""


@pytest.fixture
def connection(tmp_path):
    """libvirt's test driver with Virter's VM."""
    file = tmp_path / "host.xml"
    file.write_text(DOMAINS)
    opened = Connection(1, f"test://{file}")
    opened.power.force_off(UUID, "alma-8-9")
    yield opened
    opened.close()


def test_a_nic_of_anothers_vm_is_changed_and_nothing_else(lab, vm, connection):
    make_network(lab, "net2", "10.254.0.1/24")
    spec = vm.own(parse(VIRTERS).nics[1])
    vm.change_nic(replace(spec, source="net2", port_group=""))
    values = sync.push(again(vm), connection)
    stored = connection.domains.stored_document(UUID)
    assert "network='net2'" in stored
    assert "<frames max='7'/>" in stored  # what the portal does not model
    assert values["drift"] == ""
    assert not vm.nics.exists()  # it is done, and not watched over
    assert NICStatus.objects.get(mac=SECOND).source == "net2"


def test_an_unmanaged_vm_gets_a_nic_and_stays_unmanaged(lab, vm, connection):
    nic = vm.add_nic(NICSpec(kind="bridge", source="br0", mac=""))
    assert again(vm).state == State.PENDING
    sync.push(again(vm), connection)
    assert [found.mac for found in parse(connection.domains.stored_document(UUID)).nics] == [
        "52:54:00:00:00:09",
        SECOND,
        nic.mac,
    ]
    assert not vm.nics.exists()
    assert not again(vm).managed


def test_the_vnc_password_of_anothers_vm_survives_a_change_of_its_nic(lab, vm, connection):
    document = connection.domains.stored_document(UUID).replace(
        "</devices>", "<graphics type='vnc' passwd='secret'/></devices>"
    )
    connection.domains.define(document, vm.name)
    vm.change_nic(replace(vm.own(parse(VIRTERS).nics[1]), link_up=False))
    sync.push(again(vm), connection)
    assert "passwd='secret'" in connection.domains.stored_document(UUID)
    assert "<link state='down'/>" in connection.domains.stored_document(UUID)


def test_a_refused_nic_of_an_unmanaged_vm_is_not_retried_automatically(lab, vm, connection):
    lost = vm.add_nic(NICSpec(kind="bridge", source="br9", mac=""))
    vm.nics.update(asked_at=None, refused={"message": Message.external("Could not attach it.").stored()})
    vm.add_nic(NICSpec(kind="bridge", source="br0", mac=""))
    with pytest.raises(Refused, match="Could not attach it"):
        sync.push(again(vm), connection)
    assert lost.mac not in connection.domains.stored_document(UUID)
    assert "bridge='br0'" in connection.domains.stored_document(UUID)


def test_a_nic_whose_network_has_come_is_tried_again_and_one_of_another_name_is_not(lab, vm):
    for name in ("net1", "net10"):
        nic = vm.add_nic(NICSpec(kind="network", source="net10", mac=""))
        refused = {"message": Message.external("refused").stored(), "reason": Code.NO_NETWORK, "about": name}
        vm.nics.filter(pk=nic.pk).update(asked_at=None, refused=refused)
        vm.status.write(generation=again(vm).generation, error=Message.external("refused"))
        lab.networks.get(name="net1").status.write(active=True)
        polling._try_again(lab)
        assert again(vm).done == (name == "net10")
        vm.nics.all().delete()


def test_adopting_a_vm_keeps_the_pending_removal_of_a_nic(page, vm):
    vm.remove_nic(SECOND, at_shutdown=True)
    vm.adopt()
    assert [nic.mac for nic in again(vm).nics.filter(removed_at=None)] == ["52:54:00:00:00:09"]
    assert again(vm).nics.get(mac=SECOND).at_shutdown


def test_the_page_of_anothers_vm_offers_its_nics_and_adoption(page, vm):
    text = page.get(vm.get_absolute_url()).content.decode()
    assert f"{vm.get_absolute_url()}nics/add/" in text
    assert f"{vm.get_absolute_url()}adopt/" in text
    assert f"{vm.get_absolute_url()}remove/" not in text


def test_a_change_that_waited_for_the_next_boot_is_over_once_it_has_come(lab, vm):
    vm.adopt()
    vm.change_nic(replace(vm.own(parse(VIRTERS).nics[1]), mtu=1300), at_shutdown=True)
    vm.nics.update(asked_at=None)
    VMStatus.objects.filter(desired=vm).update(generation=again(vm).generation)
    seen(lab, VIRTERS.replace("<vcpu>2", "<vcpu>3"))
    assert again(vm).nics.get(mac=SECOND).at_shutdown
    seen(lab, VIRTERS.replace("<mtu size='1400'/>", "<mtu size='1300'/>"))
    nic = again(vm).nics.get(mac=SECOND)
    assert (nic.at_shutdown, nic.asked_at is not None, again(vm).state) == (False, True, State.PENDING)
