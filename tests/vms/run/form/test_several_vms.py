"""Several VMs are run by one form."""

import pytest

from tests.support.making import make_vm
from tests.vms.run.form.run_form import errors, preview, send
from vms.models import VM


def test_several_vms_are_created_with_consecutive_ids(page, lab, enqueued, django_capture_on_commit_callbacks):
    disks = [{"name": "data", "size": "1.5G", "bus": "scsi"}]
    with django_capture_on_commit_callbacks(execute=True):
        answer = send(page, lab, nics=[{"network": "net1"}], disks=disks, count="3")
    vms = list(VM.objects.order_by("number"))
    assert answer.url == "/vms/?q=alma-8-"
    assert [(vm.name, vm.number) for vm in vms] == [("alma-8-8", 8), ("alma-8-9", 9), ("alma-8-10", 10)]
    assert [vm.nics.first().mac[-2:] for vm in vms] == ["08", "09", "0a"]
    assert len({nic.mac for vm in vms for nic in vm.nics.all()}) == 6
    assert len({vm.host_key for vm in vms}) == 3
    assert [list(vm.disks.values_list("name", "size", "format", "bus")) for vm in vms] == [
        [("data", 1536, "qcow2", "scsi")]
    ] * 3
    assert enqueued == [("vms.tasks.push", vm.pk) for vm in vms]
    assert "Running 3 VMs: alma-8-8 … alma-8-10." in page.get(answer.url).content.decode()


@pytest.mark.parametrize(
    ("name", "count", "names"),
    [
        ("web", "1", ["web"]),
        ("web", "2", ["web-8", "web-9"]),
        ("web-8", "2", ["web-8", "web-9"]),
        ("web-8", "1", ["web-8"]),
        ("web-7", "2", ["web-7-8", "web-7-9"]),
    ],
)
def test_several_vms_have_their_ids_in_their_names(page, lab, name, count, names):
    send(page, lab, name=name, count=count)
    assert list(VM.objects.order_by("number").values_list("name", flat=True)) == names


def test_several_vms_are_created_all_or_none(page, lab):
    make_vm(lab, "other", 10)
    answer = send(page, lab, count="5")
    assert errors(answer)["number"] == "ID 10 is taken: other has the MAC 52:54:00:00:00:0a."
    said = errors(send(page, lab, number="250", count="20"))["number"]
    assert said.count("has no address in 192.168.122.0/24.") == 3
    assert "The same applies to 12 more of the 20 IDs." in said
    make_vm(lab, "alma-8-12", 30)
    assert errors(send(page, lab, number="11", count="3"))["name"] == "lab-1 already has a VM alma-8-12."
    assert set(VM.objects.values_list("name", flat=True)) == {"other", "alma-8-12"}


def test_values_of_a_single_vm_are_refused_for_several(page, lab):
    answer = send(page, lab, nics=[{"network": "net1", "mac": "52:54:00:aa:00:01"}], count="2", vnc_port="5999")
    assert "cannot share a MAC" in answer.context["form"].nics[0].errors["mac"][0]
    assert "cannot share a port" in errors(answer)["vnc_port"]
    assert not VM.objects.exists()


def test_the_preview_of_several_vms_shows_the_first_and_the_last(page, lab):
    shown = preview(page, lab, count="10")
    assert shown.names == ("alma-8-8", "alma-8-17")
    assert shown.count == 10
    assert shown.macs == ("52:54:00:00:00:08", "52:54:00:00:00:11")
    assert shown.ips == ("192.168.122.8", "192.168.122.17")
    make_vm(lab, "other", 12)
    make_vm(lab, "alma-8-9", 40)
    shown = preview(page, lab, count="10")
    assert shown.problems == [
        ("ID", "ID 12 is taken: other has the MAC 52:54:00:00:00:0c."),
        ("Name", "lab-1 already has a VM alma-8-9."),
    ]
    assert shown.names == ("alma-8-8", "alma-8-17")
