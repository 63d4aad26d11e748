"""The groups of the Ansible inventory by tag."""

from tests.support.making import make_network, make_running, make_vm
from tests.vms.addresses.inventory.inventory_of_vms import ACCESS, hosts, inventory


def test_hosts_are_grouped_by_tag_and_have_their_tags_as_a_variable(lab, vm):
    other = make_vm(lab, "web", 9)
    vm.change_tags(add=["web", "team-a"])
    other.change_tags(add=["web"])
    assert inventory()["tag_web"] == {"hosts": ["alma-8-8", "web"]}
    assert inventory()["tag_team_a"] == {"hosts": ["alma-8-8"]}
    assert hosts()["alma-8-8"]["vm_tags"] == ["team-a", "web"]


def test_tags_of_which_the_same_name_would_be_made_have_groups_of_their_own(lab, vm):
    make_vm(lab, "web", 9).change_tags(add=["team.a"])
    vm.change_tags(add=["team-a"])
    groups = {name: group["hosts"] for name, group in inventory().items() if name.startswith("tag_")}
    assert sorted(groups.values()) == [["alma-8-8"], ["web"]]
    assert all(name.startswith("tag_team_a_") and name.isidentifier() for name in groups)


def test_a_network_that_is_called_like_the_group_of_a_tag_has_another_group(lab):
    make_network(lab, "tag_web", "10.9.0.1/24")
    vm = make_vm(lab)
    make_running(vm, ("tag_web", ACCESS, "vnet1"))
    make_vm(lab, "web", 9).change_tags(add=["web"])
    assert inventory()["tag_web"] == {"hosts": ["web"]}
    assert inventory()["lab_1_tag_web"] == {"hosts": ["alma-8-8"]}
