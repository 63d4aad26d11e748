"""What the ID of a VM decides, and IDs that are in use."""

import pytest

from networks.definition.spec import HostSpec
from networks.reservations.reservations import reserve
from tests.support.making import (
    DEFAULT,
    make_foreign_network,
    make_host,
    make_hypervisor,
    make_image,
    make_lease,
    make_running,
    make_vm,
    record_volume,
)
from tests.vms.run.form.run_form import GOOD, errors, send
from vms.addresses import ids
from vms.models import VM


def test_a_valid_form_creates_a_vm_with_the_name_mac_and_nic_order_of_virter(
    page, lab, enqueued, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        answer = send(page, lab, nics=[{"network": "net1"}, {"bridge": "br0", "model": "e1000"}])
    vm = VM.objects.get()
    assert answer.url == "/vms/lab-1/alma-8-8/"
    nics = list(vm.nics.values_list("kind", "source", "model"))
    assert nics == [("network", "default", "virtio"), ("network", "net1", "virtio"), ("bridge", "br0", "e1000")]
    macs = list(vm.nics.values_list("mac", flat=True))
    assert macs[0] == "52:54:00:00:00:08"
    assert len(set(macs)) == 3 and all(mac.startswith("52:54:00:") for mac in macs)
    assert vm.host_key.startswith("-----BEGIN OPENSSH PRIVATE KEY-----")
    assert ("vms.tasks.push", vm.pk) in enqueued


def test_no_nic_has_the_mac_of_the_id_or_of_another_vm(page, lab):
    make_vm(lab, "other", 9)
    nics = [{"network": "default", "mac": "52:54:00:00:00:08"}, {"network": "net1", "mac": "52:54:00:00:00:09"}]
    first, second = send(page, lab, nics=nics).context["form"].nics
    assert first.errors["mac"] == ["The access NIC has this MAC, which ID 8 determines."]
    assert second.errors["mac"] == ["This MAC is in use by other."]


def test_an_id_that_is_in_use_is_refused(page, lab):
    access = lab.networks.get(name="default")
    make_host(access, "52:54:00:00:00:09", "192.168.122.9")
    make_running(make_vm(lab, "other", None, managed=False), ("default", "52:54:00:00:00:0a", "vnet0"))
    make_vm(lab, "desired", 11)
    assert "the DHCP reservation 52:54:00:00:00:09 192.168.122.9" in errors(send(page, lab, number="9"))["number"]
    assert "other has the MAC 52:54:00:00:00:0a" in errors(send(page, lab, number="10"))["number"]
    assert "ID 11 is taken" in errors(send(page, lab, number="11"))["number"]


def test_a_name_or_volume_that_exists_is_refused(page, lab):
    make_vm(lab, "alma-8-8", 20)
    assert "lab-1 already has a VM alma-8-8." in errors(send(page, lab))["name"]
    record_volume(lab, "virter:work:alma-8-9-cidata", path="/x")
    assert "virter:work:alma-8-9-cidata. If nothing uses it, delete it" in errors(send(page, lab, number="9"))["name"]


def test_with_static_dhcp_the_reservation_must_exist(page, lab):
    lab.static_dhcp = True
    lab.save()
    assert "has no DHCP reservation" in errors(send(page, lab))["number"]
    make_host(lab.networks.get(name="default"), "52:54:00:00:00:08", "192.168.122.8")
    assert send(page, lab).status_code == 302


def test_an_image_that_is_not_ready_cannot_be_run(page, lab):
    image = make_image(lab, "new")
    image.status.write(made_at=None)
    assert "new is not in the pool yet: it is being uploaded." in errors(send(page, lab, image="new"))["image"]


def test_the_next_free_id_is_the_lowest_without_mac_reservation_or_lease(lab):
    access = lab.networks.get(name="default")
    assert ids.next_free_id(lab) == 2
    make_vm(lab, "desired", 2)
    make_running(make_vm(lab, "found", None, managed=False), ("default", "52:54:00:00:00:03", "vnet0"))
    make_host(access, "52:54:00:aa:aa:aa", "192.168.122.4")
    make_lease(access, "52:54:00:bb:bb:bb", "192.168.122.5")
    make_lease(access, "52:54:00:00:00:06", "192.168.122.77")
    assert ids.next_free_id(lab) == 7


def test_the_form_shows_the_effects_of_an_id_while_it_is_typed(page, lab):
    first = page.get("/vms/run/").content.decode()
    assert "52:54:00:00:00:02" in first and "192.168.122.2" in first
    shown = page.post("/vms/run/preview/", {"hypervisor": lab.pk, **GOOD}).content.decode()
    for text in ("alma-8-8", "52:54:00:00:00:08", "192.168.122.8"):
        assert text in shown


ENTRIES_WITHOUT_MAC = {
    "by name": "<host name='kiosk' ip='192.168.122.2'/>",
    "two by name": "<host name='kiosk' ip='192.168.122.2'/><host name='tv' ip='192.168.122.3'/>",
}


@pytest.mark.parametrize("entries", ENTRIES_WITHOUT_MAC.values(), ids=ENTRIES_WITHOUT_MAC)
def test_a_reservation_without_a_mac_keeps_its_address_and_blocks_no_vm(page, db, enqueued, entries):
    hypervisor = make_hypervisor()
    access = make_foreign_network(hypervisor, DEFAULT.replace("</dhcp>", f"{entries}</dhcp>"))
    reserve(access, [HostSpec(name="printer", ip="192.168.122.9")], None)
    make_image(hypervisor)
    assert page.get("/vms/run/").status_code == 200
    assert ids.next_free_id(hypervisor) == 2 + entries.count("<host")
    refused = send(page, hypervisor, number="9")
    assert "the DHCP reservation 192.168.122.9 printer" in errors(refused)["number"]
    assert send(page, hypervisor).status_code == 302


def test_an_ipv6_reservation_by_duid_blocks_no_vm(page, db, enqueued):
    hypervisor = make_hypervisor()
    block = """<ip family='ipv6' address='fd73::1' prefix='64'><dhcp>
    <host id='00:03:00:01:52:54:00:73:00:05' ip='fd73::5'/></dhcp></ip></network>"""
    make_foreign_network(hypervisor, DEFAULT.replace("</network>", block))
    make_image(hypervisor)
    assert page.get("/vms/run/").status_code == 200
    assert send(page, hypervisor).status_code == 302
