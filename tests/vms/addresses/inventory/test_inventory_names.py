"""Names in the inventory that clash or were chosen outside the portal."""

import pytest

from tests.support.making import make_foreign_network, make_hypervisor, make_network, make_running, make_vm
from tests.vms.addresses.inventory.inventory_of_vms import ACCESS, hosts, inventory, make_stranger

TEMPLATE = "{{ lookup('pipe', 'id') }}"


def test_equal_names_on_two_hypervisors_are_distinguished(lab, vm):
    other = make_hypervisor("lab-2")
    make_foreign_network(other)
    make_running(make_vm(other), ("default", ACCESS, "vnet1"))
    found = inventory()
    assert found["lab_1_default"] == {"hosts": ["alma-8-8.lab-1"]}
    assert found["lab_2_default"] == {"hosts": ["alma-8-8.lab-2"]}
    assert found["net1"] == {"hosts": ["alma-8-8.lab-1"]}
    assert "default" not in found
    assert hosts()["alma-8-8.lab-1"]["ansible_host"] == "192.168.122.8"
    assert "ansible_host" not in hosts()["alma-8-8.lab-2"]


def test_equal_names_on_one_hypervisor_are_distinguished_by_a_number(lab, vm):
    twin = make_stranger(lab, "alma-8-8")
    networks = [make_network(lab, name, "") for name in ("net_1", "net-1")]
    make_running(make_vm(lab, "a", 9), ("net-1", "52:54:00:00:00:09", "vnet9"))
    assert {f"alma-8-8.lab-1.{vm.pk}", f"alma-8-8.lab-1.{twin.pk}"} < hosts().keys()
    assert inventory()[f"lab_1_net_1_{networks[1].pk}"] == {"hosts": ["a"]}


@pytest.mark.parametrize("name", ["off", "all", "Running", "ungrouped", "_meta", "hypervisor_lab-1"])
def test_the_group_of_a_network_has_no_reserved_name(lab, vm, name):
    make_network(lab, name, "")
    make_running(make_vm(lab, "a", 9), (name, "52:54:00:00:00:09", "vnet9"))
    found = inventory()
    assert found["_meta"]["hostvars"].keys() == {"a", "alma-8-8"}
    assert (found["running"]["hosts"], found["off"]["hosts"]) == (["a", "alma-8-8"], [])
    assert found["hypervisor_lab_1"]["hosts"] == ["a", "alma-8-8"]
    assert found[f"lab_1_{name}".replace("-", "_")] == {"hosts": ["a"]}


def test_a_group_begins_with_a_letter_or_underscore(lab):
    make_network(lab, "10.1 büro", "")
    make_running(make_vm(lab), ("10.1 büro", ACCESS, "vnet1"))
    assert inventory()["_10_1_b_ro"] == {"hosts": ["alma-8-8"]}


@pytest.mark.parametrize(
    ("name", "host"),
    [
        ("my vm", "my_vm"),
        ("-oProxyCommand=id", "_oProxyCommand_id"),
        ("a\nHost *\n  ProxyCommand id", "a_Host_____ProxyCommand_id"),
        ("web[1:3],!x*?", "web_1_3___x__"),
        ("büro.1", "büro.1"),
        ("localhost", "localhost.lab-1"),
        ("127.0.0.1", "127.0.0.1.lab-1"),
    ],
)
def test_a_name_from_outside_the_portal_is_a_harmless_host_name(lab, name, host):
    make_stranger(lab, name, ("default", ACCESS, "vnet1"))
    assert {host: values["virter_name"] for host, values in hosts().items()} == {host: name}


def test_a_template_in_a_name_is_not_executed(lab):
    make_network(lab, TEMPLATE, "")
    make_stranger(lab, TEMPLATE, (TEMPLATE, ACCESS, "{{ x }}"))
    (name, values), *_ = hosts().items()
    assert "{" not in name
    assert values["virter_name"] == {"__ansible_unsafe": TEMPLATE}
    assert values["nics"][0]["network"] == {"__ansible_unsafe": TEMPLATE}
    assert values["nics"][0]["host_device"] == {"__ansible_unsafe": "{{ x }}"}
