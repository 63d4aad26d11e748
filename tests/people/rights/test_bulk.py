"""Bulk changes and buttons leave out the objects of other people."""

from networks.models import Network
from tests.support.making import make_vm
from tests.support.teams import make_team
from vms.models import VM


def test_bulk_changes_skip_networks_of_other_users(member_page, lab, network, network_of_another):
    default = Network.objects.get(name="default")
    chosen = [each.pk for each in (network, network_of_another, default)]
    for action in ("remove", "stop", "autostart", "adopt"):
        shown = member_page.post("/networks/bulk/", {"action": action, "network": chosen})
        assert "Ask admin, who owns it, or an operator" in shown.content.decode()
        assert "because this portal does not manage it" in shown.content.decode()
        sent = {"action": action, "network": chosen, "token": shown.context["token"]}
        assert member_page.post("/networks/bulk/", sent).status_code == 302
    for each in (network_of_another, default):
        assert Network.objects.get(pk=each.pk).generation == each.generation
    assert Network.objects.get(pk=network.pk).removed_at


def test_changes_of_many_vms_skip_vms_of_other_users(member_page, lab, vm, operator):
    other = make_vm(lab, "other", 9, owner=operator, team=make_team("red"))
    unmanaged = VM.objects.create(hypervisor=lab, name="external", managed=False, generation=0)
    sent = {"action": "add", "asked": "yes", "network": "default", "model": "virtio"}
    sent["vm"] = [each.pk for each in (vm, other, unmanaged)]
    token = member_page.post("/vms/many/", sent).context["token"]
    assert member_page.post("/vms/many/", {**sent, "go": "yes", "token": token}).status_code == 302
    assert [each.nics.count() for each in (vm, other, unmanaged)] == [2, 1, 0]


def test_buttons_are_shown_only_to_users_who_may_use_them(member_page, lab, network, vm, network_of_another):
    own, other = (member_page.get(f"/networks/lab/{name}/").content.decode() for name in ("net1", "rich"))
    assert "Delete net1" in own
    assert "Delete rich" not in other
    assert "You may not edit rich. Ask admin, who owns it, or an operator." in other
    assert "/adopt/" not in member_page.get("/networks/lab/default/").content.decode()
    assert "Add NIC" in member_page.get("/vms/lab/alma-8-8/").content.decode()
    VM.objects.update(owner=None, team=None)
    page = member_page.get("/vms/lab/alma-8-8/").content.decode()
    assert "Add NIC" not in page
    assert "Delete alma-8-8" not in page
    assert "You may not edit alma-8-8. Ask an operator." in page
