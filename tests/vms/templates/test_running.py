"""VMs are run from templates: the form is filled in, and says what is gone."""

import pytest

from tests.support.making import make_image, make_vm
from tests.vms.run.test_similar import sent
from virterweb.hypervisors.models import HypervisorStatus
from vms.models import VM


def path(template, **query: object) -> str:
    more = "".join(f"&{name}={value}" for name, value in query.items())
    return f"/vms/run/?template={template.name}&hypervisor={template.hypervisor_id}{more}"


def test_a_template_fills_in_the_form_with_the_next_free_id(page, template):
    assert page.post("/vms/run/", sent(page, path(template))).status_code == 302
    vm = VM.objects.get()
    assert (vm.name, vm.number, vm.memory, vm.vcpus, vm.boot_size) == ("web-2", 2, 2048, 2, 20)
    assert (vm.image.name, vm.user_data) == ("alma-8", template.fields["user_data"])
    assert list(vm.nics.values_list("source", flat=True)) == ["default", "net1"]


def test_any_number_of_vms_is_run_from_a_template(page, lab, template):
    make_vm(lab, "other", 3)
    assert page.post("/vms/run/", sent(page, path(template, count=3))).status_code == 302
    assert list(VM.objects.filter(name__startswith="web").values_list("name", "number")) == [
        *(("web-4", 4), ("web-5", 5), ("web-6", 6)),
    ]


def test_a_missing_template_is_not_found(page, lab, template):
    for query in (f"template=none&hypervisor={lab.pk}", "template=web", "template=web&hypervisor=99"):
        assert page.get(f"/vms/run/?{query}").status_code == 404


def notes(answer) -> list[str]:
    return [str(each) for each in answer.context["form"].initial["missing"]]


def test_the_form_opens_without_an_image_and_a_network_that_are_gone(page, lab, template):
    lab.images.all().delete()
    make_image(lab, "new")
    template.fields["nics"].append({"network": "gone", "model": "virtio"})
    template.save()
    answer = page.get(path(template))
    assert notes(answer) == [
        "The image alma-8 is not on lab. Choose another one.",
        "NIC 3 is left out, because lab has no network gone.",
    ]
    for text in notes(answer):
        assert text in answer.content.decode()
    values = sent(page, path(template))
    assert (values["image"], values["nic_network"], values["memory"]) == ([""], ["net1"], ["2048"])


def test_the_form_leaves_out_what_the_user_may_not_use(browse, template):
    places = [{"bridge": "br0"}, {"device": "eth0"}, {"network": "/user"}]
    template.fields |= {"nics": places, "console_dir": "/var/log/vms", "user_data": ""}
    template.fields["disks"] = [{"name": "data", "size": "1G", "format": "raw", "bus": "scsi", "pool": "fast"}]
    template.team.grants.update(pools="default")
    template.save()
    answer = browse("user").get(path(template))
    assert notes(answer) == [
        "NIC 2 is left out, because only operators may attach NICs to the bridge br0.",
        "NIC 3 is left out, because only operators may attach NICs to the device eth0.",
        "NIC 4 is left out, because only operators may attach NICs to user networking.",
        "The disk data is placed in the pool of the hypervisor. "
        "You may not use the storage pool fast of lab. Ask an operator.",
        "The console log folder and the VNC address are left out, because only operators may choose them.",
    ]
    assert browse("user").post("/vms/run/", sent(browse("user"), path(template))).status_code == 302
    vm = VM.objects.get()
    assert (vm.console_dir, vm.nics.count(), vm.disks.get().pool) == ("", 1, "")


def test_an_operator_uses_bridges_and_pools_of_a_template(page, template):
    template.fields |= {"nics": [{"bridge": "br0", "model": "virtio"}], "console_dir": "/var/log/vms"}
    template.save()
    assert notes(page.get(path(template))) == []
    page.post("/vms/run/", sent(page, path(template)))
    assert VM.objects.get().nics.get(position=1).source == "br0"


@pytest.mark.parametrize(("name", "copied"), [("owner", True), ("manager", True), ("user", False)])
def test_user_data_is_only_for_those_who_may_see_secrets(browse, template, name, copied):
    answer = browse(name).get(path(template))
    assert ("geheim" in answer.content.decode()) == copied
    assert (notes(answer) == []) == copied
    if not copied:
        assert notes(answer)[0].startswith("The user data of web is not copied")


def test_an_architecture_without_an_emulator_is_left_out(page, lab, template):
    template.fields |= {"arch": "aarch64"}
    template.save()
    assert notes(page.get(path(template))) == [
        "The architecture aarch64 is left out, because lab has no emulator for it.",
    ]
    HypervisorStatus.objects.update(archs=["x86_64", "aarch64"])
    assert notes(page.get(path(template))) == []
    page.post("/vms/run/", sent(page, path(template)))
    assert VM.objects.get().arch == "aarch64"
