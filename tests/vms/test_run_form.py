"""Running a VM by form: what an ID decides, what is refused before anything is made, what a good one wishes for."""

import pytest

from tests.making import (
    make_foreign_network,
    make_host,
    make_hypervisor,
    make_image,
    make_lease,
    make_network,
    make_running,
    make_vm,
)
from vms import ids
from vms.models import VM, Volume

GOOD = {"image": "alma-8", "number": "8", "name": "", "memory": "1024", "vcpus": "1", "boot_size": "10"}


@pytest.fixture
def lab(db, pokes):
    hypervisor = make_hypervisor()
    make_foreign_network(hypervisor)
    make_network(hypervisor)
    make_image(hypervisor)
    return hypervisor


def send(page, lab, nics=(), **fields):
    rows = {f"nic_{key}": [nic.get(key, "") for nic in nics] for key in ("network", "bridge", "model", "mac")}
    return page.post("/vms/run/", {"hypervisor": lab.pk, **GOOD, **rows, **fields})


def errors(answer) -> dict[str, str]:
    return {field: " ".join(texts) for field, texts in answer.context["form"].errors.items()}


def test_a_good_one_becomes_a_wish_with_virters_name_mac_and_order(
    page, lab, pokes, django_capture_on_commit_callbacks
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
    assert ("vms.tasks.push", vm.pk) in pokes


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("image", "none", "There is no image none on this hypervisor."),
        ("image", "", "required"),
        ("number", "1", "greater than or equal to 2"),
        ("number", "255", "ID 255 has no address in 192.168.122.0/24."),
        ("number", "x", "whole number"),
        ("name", "under_score", "host name"),
        ("name", "a" * 51, "50 characters"),
        ("name", "<b>", "host name"),
        ("memory", "0", "greater than or equal to 1"),
        ("vcpus", "0", "greater than or equal to 1"),
        ("boot_size", "-1", "greater than or equal to 0"),
    ],
)
def test_bad_input_is_refused_at_its_field_and_nothing_is_made(page, lab, field, typed, said):
    answer = send(page, lab, **{field: typed})
    assert answer.status_code == 422
    assert said in errors(answer)[field]
    assert not VM.objects.exists()


@pytest.mark.parametrize(
    ("nic", "field", "said"),
    [
        ({}, "network", "Choose a network, or name a bridge"),
        ({"network": "net1", "bridge": "br0"}, "network", "one of them"),
        ({"network": "nowhere"}, "network", "There is no network nowhere on this hypervisor."),
        ({"bridge": "b" * 16}, "bridge", "15 bytes"),
        ({"network": "net1", "mac": "01:00:5e:00:00:01"}, "mac", "multicast"),
        ({"network": "net1", "mac": "52:54:00"}, "mac", "This is no MAC"),
        ({"network": "net1", "model": "ne2000"}, "model", "Select a valid choice"),
    ],
)
def test_a_bad_nic_is_refused_at_its_row(page, lab, nic, field, said):
    answer = send(page, lab, nics=[{"network": "net1"}, nic])
    assert answer.status_code == 422
    second = answer.context["form"].nics[1]
    assert said in " ".join(second.errors[field])
    assert said in answer.content.decode()
    assert not VM.objects.exists()


def test_two_nics_cannot_have_the_same_mac(page, lab):
    mac = "52:54:00:AA:00:01"
    answer = send(page, lab, nics=[{"network": "net1", "mac": mac}, {"network": "net1", "mac": mac.lower()}])
    assert "Two NICs have the same MAC." in errors(answer)["__all__"]


def test_an_id_that_anything_uses_is_refused(page, lab):
    access = lab.networks.get(name="default")
    make_host(access, "52:54:00:00:00:09", "192.168.122.9")
    make_running(make_vm(lab, "other", None, managed=False), ("default", "52:54:00:00:00:0a", "vnet0"))
    make_vm(lab, "wished", 11)
    assert "a host entry 52:54:00:00:00:09 192.168.122.9" in errors(send(page, lab, number="9"))["number"]
    assert "other has the MAC 52:54:00:00:00:0a" in errors(send(page, lab, number="10"))["number"]
    assert "ID 11 is taken" in errors(send(page, lab, number="11"))["number"]


def test_a_taken_name_or_a_volume_left_over_is_refused(page, lab):
    make_vm(lab, "alma-8-8", 20)
    assert "There is a VM alma-8-8 on lab-1 already." in errors(send(page, lab))["name"]
    Volume.objects.create(hypervisor=lab, name="virter:work:alma-8-9-cidata", path="/x")
    assert "virter:work:alma-8-9-cidata left over" in errors(send(page, lab, number="9"))["name"]


def test_with_static_dhcp_the_host_entry_must_exist(page, lab):
    lab.static_dhcp = True
    lab.save()
    assert "has no host entry" in errors(send(page, lab))["number"]
    make_host(lab.networks.get(name="default"), "52:54:00:00:00:08", "192.168.122.8")
    assert send(page, lab).status_code == 302


def test_an_image_on_its_way_cannot_be_run_yet(page, lab):
    image = make_image(lab, "new")
    image.status.write(made_at=None)
    assert "new is not in the pool yet: it is on its way." in errors(send(page, lab, image="new"))["image"]


def test_the_next_free_id_is_the_lowest_that_no_mac_entry_or_lease_uses(lab):
    access = lab.networks.get(name="default")
    assert ids.next_free_id(lab) == 2
    make_vm(lab, "wished", 2)
    make_running(make_vm(lab, "found", None, managed=False), ("default", "52:54:00:00:00:03", "vnet0"))
    make_host(access, "52:54:00:aa:aa:aa", "192.168.122.4")
    make_lease(access, "52:54:00:bb:bb:bb", "192.168.122.5")
    make_lease(access, "52:54:00:00:00:06", "192.168.122.77")
    assert ids.next_free_id(lab) == 7


def test_the_form_shows_what_an_id_decides_while_it_is_typed(page, lab):
    first = page.get("/vms/run/").content.decode()
    assert "52:54:00:00:00:02" in first and "192.168.122.2" in first
    shown = page.post("/vms/run/preview/", {"hypervisor": lab.pk, **GOOD}).content.decode()
    for text in ("alma-8-8", "52:54:00:00:00:08", "192.168.122.8"):
        assert text in shown


def test_rows_of_nics_come_and_go_without_complaints(page, lab):
    answer = send(page, lab, nics=[{"network": "net1"}], image="", change="add")
    assert [nic.data.get("network") for nic in answer.context["form"].nics] == ["net1", None]
    assert answer.status_code == 200 and "required." not in answer.content.decode()
    answer = send(page, lab, nics=[{"network": "net1"}, {"bridge": "br0"}], change="drop-0")
    assert [nic.data["bridge"] for nic in answer.context["form"].nics] == ["br0"]
    assert not VM.objects.exists()


def test_asked_for_from_a_network_the_form_has_a_nic_there(page, lab):
    assert 'value="net1" selected' in page.get("/vms/run/?network=net1").content.decode()
    assert page.get("/vms/run/?network=default").context["form"].nics == []
