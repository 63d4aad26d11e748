"""An earlier definition of a VM is restored after a preview, by who may change the VM."""

from networks.models import DHCPHost, Network
from tests.support.making import make_host, make_vm
from tests.support.teams import make_team
from vms.definition.guest_nic import GuestSpec, Mode
from vms.models import VM

from .restoring import ACCESS, SECOND, again, nic, nics, refusals, restore, steps


def test_memory_vcpus_and_nics_become_what_they_were_in_one_revision(page, user, vm):
    first, before = vm.revisions.first(), nics(vm)
    vm.resize(2048, 4)
    vm.change_nic(nic(source="default", mtu=1400), guest=GuestSpec(mode=Mode.DHCP))
    vm.add_nic(nic("52:54:00:80:00:02"))
    count, path = vm.revisions.count(), first.get_absolute_url()
    assert path == f"/vms/lab-1/alma-8-8/history/{first.pk}/"
    assert steps(page.get(path)) == [
        "Memory 2048 MiB → 1024 MiB",
        "vCPUs 4 → 1",
        "Remove NIC 52:54:00:80:00:02 from the saved definition",
        f"Guest network configuration of NIC {SECOND}: what its network offers. "
        "The guest reads it at its next boot, or when you apply it now",
        f"Attach NIC {SECOND} to net1",
    ]
    assert restore(page, first).status_code == 302
    vm = again(vm)
    assert (vm.memory, vm.vcpus) == (1024, 1)
    assert [each for each in nics(vm) if not each[3]] == before
    assert [mac for mac, *_, leaving in nics(vm) if leaving] == ["52:54:00:80:00:02"]
    latest = vm.revisions.first()
    assert vm.revisions.count() == count + 1
    assert (latest.what, latest.by) == (f"restored as of {first.at:%Y-%m-%d %H:%M}", user)
    assert [latest.saved.nics, latest.document] == [first.saved.nics, first.document]


def test_a_nic_that_was_removed_comes_back_with_its_mac_place_and_address(page, network, vm):
    make_host(network, SECOND, "10.255.0.9")
    vm.change_nic(nic(mtu=1400))
    there = vm.revisions.first()
    vm.nics.keyed(SECOND).delete()  # as the worker does when libvirt has removed it
    DHCPHost.objects.all().delete()
    vm.add_nic(nic("52:54:00:80:00:02"))
    assert steps(page.get(there.get_absolute_url())) == [
        "Remove NIC 52:54:00:80:00:02 from the saved definition",
        f"NIC {SECOND}: Reserve 10.255.0.9 for it on net1",
        f"Attach NIC {SECOND} to net1",
    ]
    assert restore(page, there).status_code == 302
    kept = [each.mac for each in again(vm).nics.filter(removed_at=None)]
    assert kept == [ACCESS, SECOND]
    assert [(entry.mac, entry.ip) for entry in DHCPHost.objects.all()] == [(SECOND, "10.255.0.9")]


def test_a_nic_whose_removal_is_in_progress_stays(page, vm):
    there = vm.revisions.first()
    vm.remove_nic(SECOND)
    assert f"Cancel the removal of NIC {SECOND}" in steps(page.get(there.get_absolute_url()))
    assert restore(page, there).status_code == 302
    assert [mac for mac, *_, leaving in nics(vm) if not leaving] == [ACCESS, SECOND]


def test_a_version_that_is_saved_now_has_nothing_to_restore(page, vm):
    answer = page.get(vm.revisions.first().get_absolute_url())
    assert "This version is the definition that is saved now." in answer.content.decode()
    assert "Restore this version" not in answer.content.decode()
    before = (vm.generation, vm.revisions.count())
    assert restore(page, vm.revisions.first()).status_code == 302
    assert (again(vm).generation, vm.revisions.count()) == before


def test_a_vm_changed_since_the_preview_is_previewed_again_and_not_restored(page, vm):
    first = vm.revisions.last()
    token = page.get(first.get_absolute_url()).context["token"]
    vm.resize(4096, 1)
    answer = page.post(first.get_absolute_url(), {"token": token})
    assert answer.status_code == 409
    assert "has changed since you saw the preview" in answer.content.decode()
    assert again(vm).memory == 4096
    assert page.post(first.get_absolute_url(), {"token": answer.context["token"]}).status_code == 302


def test_a_restore_while_another_change_is_pending_wins_in_whole(page, vm):
    vm.status.write(generation=vm.generation)
    vm.nics.update(asked_at=None)
    there = vm.revisions.first()
    vm.change_nic(nic(mtu=1400, link_up=False))  # no worker has done it yet
    assert restore(page, there).status_code == 302
    (second,) = again(vm).nics.keyed(SECOND)
    assert second.spec() == nic()
    assert set(second.asked_fields) == {"mtu", "link_up"}  # libvirt may have got them meanwhile


# Who may, and of what


def test_a_user_may_restore_and_a_viewer_reads_only(client, member, django_user_model, vm):
    first = vm.revisions.last()
    viewer = django_user_model.objects.create_user("viewer")
    VM.objects.update(team=make_team("red", {viewer: "viewer", member: "user"}))
    client.force_login(viewer)
    shown = client.get(first.get_absolute_url())
    assert shown.status_code == 200
    assert "Restore this version" not in shown.content.decode()
    assert "token" not in shown.context
    assert client.post(first.get_absolute_url(), {"token": "x"}).status_code == 403
    assert len(again(vm).nics.filter(removed_at=None)) == 2
    client.force_login(member)
    assert restore(client, first).status_code == 302
    assert [each.mac for each in again(vm).nics.filter(removed_at=None)] == [ACCESS]


def test_a_member_cannot_restore_a_nic_on_a_bridge_of_the_host(member_page, client, user, vm):
    vm.change_nic(nic(kind="bridge", source="br0"), by=user)
    on_the_host = vm.revisions.first()
    vm.change_nic(nic(), by=user)
    answer = restore(member_page, on_the_host)
    assert answer.status_code == 409
    assert refusals(answer) == ["Only operators may attach NICs to a bridge of the hypervisor. Choose a network. (br0)"]
    assert again(vm).nics.keyed(SECOND).get().kind == "network"
    client.force_login(user)
    assert restore(client, on_the_host).status_code == 302


def test_a_member_reserves_no_address_on_a_network_of_another(member_page, network, vm):
    Network.objects.filter(pk=network.pk).update(team=make_team("red"))
    make_host(network, SECOND, "10.255.0.9")
    vm.change_nic(nic(mtu=1400))
    there = vm.revisions.first()
    DHCPHost.objects.all().delete()
    (refused,) = refusals(restore(member_page, there))
    assert refused.startswith(f"The reserved address of NIC {SECOND}: You may not edit net1.")


def test_a_released_vm_is_not_restored_but_read(page, vm):
    first = vm.revisions.last()
    vm.status.write(present=True)
    vm.release()
    answer = page.get(first.get_absolute_url())
    assert answer.status_code == 200
    assert "Restore this version" not in answer.content.decode()
    before = again(vm).generation
    refused = page.post(first.get_absolute_url(), {"token": ""}, follow=True).content.decode()
    assert "The portal does not manage alma-8-8. Adopt it first." in refused
    assert again(vm).generation == before
    assert page.get("/vms/lab-1/alma-8-8/history/").status_code == 200


def test_a_vm_that_is_being_deleted_is_not_restored(page, vm):
    first = vm.revisions.last()
    token = page.get(first.get_absolute_url()).context["token"]
    vm.remove()
    refused = page.post(first.get_absolute_url(), {"token": token}, follow=True).content.decode()
    assert "alma-8-8 is being deleted." in refused
    assert len(again(vm).nics.filter(removed_at=None)) == 2


def test_a_revision_of_another_vm_is_not_found(page, lab, vm):
    other = make_vm(lab, "alma-8-9", 9)
    other.resize(2048, 1)
    path = f"/vms/lab-1/alma-8-8/history/{other.revisions.first().pk}/"
    assert [page.get(path).status_code, page.post(path).status_code] == [404, 404]
    assert page.get(f"/vms/lab-1/alma-8-8/history/{2**63}/").status_code == 404
