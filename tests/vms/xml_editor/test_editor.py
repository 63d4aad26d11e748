"""The XML editor of VMs: what is shown, what reaches libvirt, and what is taken over from the document."""

import libvirt
import pytest
from django.utils import timezone

from tests.support.teams import make_team
from tests.vms.hardware.test_power import domain, lab, push, seen  # noqa: F401, fixtures
from virterweb.activity.models import Entry
from vms.models import VM

NIC = "<interface type='user'><mac address='52:54:00:00:00:77'/><model type='virtio'/></interface>"


@pytest.fixture
def vm(lab, domain) -> VM:  # noqa: F811
    vm = seen(lab)
    vm.adopt()
    return push(vm)


def stored(domain: libvirt.virDomain) -> str:  # noqa: F811
    return domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)


def path(vm: VM) -> str:
    return f"{vm.get_absolute_url()}definition/"


def save(page, vm: VM, document: str):
    """Send a document twice, as its user does: to see the preview, and to save it."""
    answer = page.post(path(vm), {"document": document})
    assert answer.status_code == 409, answer.content.decode()
    form = answer.context["form"]
    return page.post(path(vm), {"document": document, "base": form.base, "token": form.token}), answer


def text(page, vm: VM) -> str:
    return page.get(path(vm)).context["form"].initial["document"]


def test_what_is_saved_reaches_the_stored_definition_and_the_fields_of_the_portal(vm, domain, page):  # noqa: F811
    wanted = (
        text(page, vm).replace("not modelled", "ours").replace(">65536<", ">131072<").replace(">1</vcpu", ">2</vcpu")
    )
    answer, preview = save(page, vm, wanted)
    assert answer.status_code == 302
    shown = preview.content.decode()
    assert all(each in shown for each in ("Memory", "128 MiB", "next boot"))
    vm = push(VM.objects.get())
    assert "<description>ours</description>" in stored(domain)
    assert (vm.memory, vm.vcpus, vm.edited, vm.asked) == (128, 2, "", [])
    assert (str(vm.status.error), vm.status.drift) == ("", "")
    assert Entry.objects.filter(event="xml edited").exists()
    assert "ours" in vm.revisions.first().document


def test_a_nic_of_the_document_is_a_nic_of_the_portal(vm, domain, page):  # noqa: F811
    domain.destroy()
    seen(vm.hypervisor)
    save(page, vm, text(page, vm).replace("</devices>", f"{NIC}</devices>"))
    vm = push(VM.objects.get())
    assert [nic.mac for nic in vm.nics.all()] == ["52:54:00:00:00:77"]
    assert vm.status.drift == ""
    save(page, vm, text(page, vm).replace("52:54:00:00:00:77", "52:54:00:00:00:78"))
    vm = push(VM.objects.get())
    assert [nic.mac for nic in vm.nics.all()] == ["52:54:00:00:00:78"]
    assert vm.status.drift == ""


def test_a_document_that_libvirt_refuses_leaves_the_old_definition(vm, domain, page):  # noqa: F811
    before = stored(domain)
    wanted = text(page, vm).replace(">65536<", ">131072<").replace(">1</vcpu", " current='5'>1</vcpu")
    save(page, vm, wanted)
    vm = push(VM.objects.get())
    assert stored(domain) == before
    assert (vm.memory, vm.edited, vm.asked) == (64, "", [])
    assert "vCPU" in f"{vm.status.error}{vm.status.detail}"


def test_a_document_without_changes_saves_nothing(vm, page):
    answer = page.post(path(vm), {"document": text(page, vm)})
    assert (answer.status_code, VM.objects.get().asked) == (200, [])
    assert "does not differ" in answer.content.decode()


def test_a_definition_that_was_changed_meanwhile_is_not_overwritten_unseen(lab, vm, domain, page):  # noqa: F811
    base, wanted = page.get(path(vm)).context["form"].base, text(page, vm).replace("not modelled", "ours")
    domain.connect().defineXML(stored(domain).replace("not modelled", "theirs"))
    seen(lab)
    answer = page.post(path(vm), {"document": wanted, "base": base})
    assert answer.status_code == 409
    assert "has changed in the meantime" in answer.content.decode()
    assert VM.objects.get().edited == ""


def test_an_unmanaged_vm_has_the_view_without_the_editor(lab, domain, page):  # noqa: F811
    vm = seen(lab)
    answer = page.get(path(vm))
    assert "not modelled" in answer.content.decode()
    assert answer.context["form"] is None
    assert page.post(path(vm), {"document": "<domain/>"}).status_code == 302  # back to its page, with the reason
    assert VM.objects.get().edited == ""


def test_a_quota_is_kept_when_memory_is_edited(vm, page):
    VM.objects.update(team=make_team("small", on=vm.hypervisor, max_memory=100))
    answer, _ = save(page, vm, text(page, vm).replace(">65536<", ">131072<"))
    assert answer.status_code == 422
    assert VM.objects.get().memory == 64


def test_a_nic_that_is_requested_meanwhile_is_left_alone(vm, domain, page):  # noqa: F811
    save(page, vm, text(page, vm).replace("not modelled", "ours"))
    VM.objects.get().nics.create(mac="52:54:00:00:00:79", kind="user", position=0, asked_at=timezone.now())
    push(VM.objects.get())
    assert [(nic.mac, nic.removed_at) for nic in VM.objects.get().nics.all()] == [("52:54:00:00:00:79", None)]


def test_no_document_is_saved_while_other_changes_are_in_progress(vm, page):
    wanted = text(page, vm).replace("not modelled", "ours")
    VM.objects.get().resize(128, 1)
    save(page, vm, wanted)
    assert VM.objects.get().edited == ""
    assert (VM.objects.get().memory, VM.objects.get().asked) == (128, ["memory"])


@pytest.mark.parametrize("memory", ["99999999999999", "0"])
def test_sizes_that_fit_no_column_are_refused(vm, page, memory):
    answer = page.post(path(vm), {"document": text(page, vm).replace(">65536<", f">{memory}<")})
    assert answer.status_code == 422
    assert "The memory must be from 1 to" in answer.content.decode()


def test_a_disk_that_the_document_no_longer_has_is_forgotten(vm, domain, page):  # noqa: F811
    vm.disks.create(name="data", size=1)
    save(page, vm, text(page, vm).replace("not modelled", "ours"))
    vm = push(VM.objects.get())
    assert not vm.disks.exists()
