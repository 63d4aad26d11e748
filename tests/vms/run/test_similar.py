"""A VM similar to an existing one is run by a link on its page, and its page as text."""

import pytest
from lxml import html

from tests.support.making import (
    SSH_KEY,
    make_foreign_network,
    make_hypervisor,
    make_image,
    make_network,
    make_running,
    make_vm,
)
from vms.definition.nics.spec import NICSpec
from vms.models import VM

USER_DATA = "#cloud-config\npackages: [htop]\n"


@pytest.fixture
def lab(db, enqueued):
    hypervisor = make_hypervisor()
    make_foreign_network(hypervisor)
    make_network(hypervisor)
    return hypervisor


@pytest.fixture
def vm(lab) -> VM:
    values = {"memory": 2048, "vcpus": 2, "boot_size": 20, "ssh_user": "alma", "ssh_keys": f"{SSH_KEY} me"}
    vm = make_vm(lab, image=make_image(lab), user_data=USER_DATA, wait_ssh=True, vnc_port=6008, **values)
    vm.add_nic(NICSpec(kind="network", source="net1", mac="52:54:00:80:00:01"))
    vm.add_nic(NICSpec(kind="direct", source="eth0", mode="bridge", mac="52:54:00:80:00:02", model="e1000"))
    vm.add_nic(NICSpec(kind="user", mac="52:54:00:80:00:03"))
    vm.add_nic(NICSpec(kind="bridge", source="br0", mac="52:54:00:80:00:04", mtu=1400))
    vm.add_nic(NICSpec(kind="network", source="net1", mac="52:54:00:80:00:05"))
    vm.remove_nic("52:54:00:80:00:05")
    vm.disks.create(name="data", size=1536, bus="scsi")
    return vm


def link(page, vm: VM, text: str) -> str:
    (found,) = html.fromstring(page.get(vm.get_absolute_url()).content).xpath(f"//a[text()='{text}']/@href")
    return found


def sent(page, path: str) -> dict[str, list[str]]:
    """What a browser would send of a page's form."""
    (form,) = html.fromstring(page.get(path).content).xpath("//form[.//button[text()='Run VM']]")
    values: dict[str, list[str]] = {}
    for field in form.inputs:
        if field.tag == "input" and field.get("type") == "checkbox" and not field.checked:
            continue
        value = field.value or ""
        # HTML's own rule: the first line break of a text area is none of its text.
        values.setdefault(field.name, []).append(value.removeprefix("\n") if field.tag == "textarea" else value)
    return values


def test_a_link_fills_the_form_with_the_next_free_id_and_macs_to_be_chosen(page, lab, vm):
    make_vm(lab, "other", 2)
    assert page.post("/vms/run/", sent(page, link(page, vm, "Run another like this"))).status_code == 302
    new = VM.objects.get(number=3)
    assert new.name == "alma-8-3"
    same = ("image", "memory", "vcpus", "boot_size", "ssh_user", "ssh_keys", "user_data", "wait_ssh", "console_log")
    assert [getattr(new, name) for name in same] == [getattr(vm, name) for name in same]
    assert new.vnc_port == 6003
    assert list(new.disks.values_list("name", "size", "format", "bus")) == [("data", 1536, "qcow2", "scsi")]
    assert list(new.nics.values_list("kind", "source", "model")) == [
        *(("network", "default", "virtio"), ("network", "net1", "virtio"), ("direct", "eth0", "e1000")),
        *(("user", "", "virtio"), ("bridge", "br0", "virtio")),
    ]
    assert not set(new.nics.values_list("mac", flat=True)) & set(vm.nics.values_list("mac", flat=True))


def test_values_without_a_field_in_the_form_are_listed(page, lab, vm):
    shown = page.get(link(page, vm, "Run another like this")).content.decode()
    assert "Not copied: settings of\n<code>52:54:00:80:00:04</code>\nthat this form does not have." in shown


@pytest.mark.parametrize(("name", "wanted"), [("web-8", "web-2"), ("alma-8-8", ""), ("mail", "")])
def test_the_name_follows_the_originals_pattern(page, lab, name, wanted):
    vm = make_vm(lab, name, image=make_image(lab))
    assert sent(page, link(page, vm, "Run another like this"))["name"] == [wanted]


@pytest.mark.parametrize("query", ["like=none&hypervisor={pk}", "like=alma-8-8", "like=alma-8-8&hypervisor=99"])
def test_the_form_cannot_copy_a_missing_vm(page, lab, vm, query):
    assert page.get(f"/vms/run/?{query.format(pk=lab.pk)}").status_code == 404


def test_unmanaged_vms_and_vms_without_image_cannot_be_copied(page, lab):
    for vm in (make_vm(lab, "stranger", None, managed=False), make_vm(lab, "old")):
        make_running(vm)
        assert b"Run another like this" not in page.get(vm.get_absolute_url()).content
        assert page.get(f"{vm.get_absolute_url()}copies/").status_code == 404


def test_a_vm_is_copied_as_virters_command(page, lab, vm):
    (text,) = html.fromstring(page.get(link(page, vm, "Copy as command")).content).xpath("//pre[@class='copy']")
    command, *notes = text.text_content().splitlines()
    assert command == (
        "virter vm run alma-8 --id 8 --memory 2G --vcpus 2 --boot-capacity 20G "
        "--disk name=data,size=1536M,format=qcow2,bus=scsi --nic type=network,source=net1,mac=52:54:00:80:00:01 "
        "--nic type=bridge,source=br0,mac=52:54:00:80:00:04 --user alma --wait-ssh --vnc"
    )
    assert notes[0] == "# Virter has no flag for NIC 3 (52:54:00:80:00:02, macvtap on eth0)."


def test_user_data_is_shown_only_to_users_who_may_change_the_vm(page, client, member, vm):
    vm.user_data = "#cloud-config\nchpasswd: {expire: false, users: [{name: root, password: geheim}]}\n"
    vm.save()
    path = link(page, vm, "Run another like this")
    assert "geheim" in page.get(path).content.decode()
    client.force_login(member)
    text = client.get(path).content.decode()
    assert "geheim" not in text
    assert "The user data of alma-8-8 is not copied" in text
