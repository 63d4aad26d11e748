"""The hosts and groups of the Ansible inventory."""

from tests.support.making import make_lease, make_running, make_vm
from tests.vms.addresses.inventory.inventory_of_vms import ACCESS, SECOND, hosts, inventory, make_stranger
from vms.models import NICAddress, NICStatus, Power, VMStatus


def test_hosts_are_grouped_by_network_hypervisor_and_state(lab, vm):
    make_vm(lab, "web", 9)
    assert {name: group["hosts"] for name, group in inventory().items() if name != "_meta"} == {
        "default": ["alma-8-8"],
        "hypervisor_lab_1": ["alma-8-8", "web"],
        "net1": ["alma-8-8"],
        "off": ["web"],
        "other": [],
        "paused": [],
        "running": ["alma-8-8"],
    }


def test_a_host_has_its_address_user_id_key_and_nics(lab, vm):
    NICAddress.objects.create(vm=vm.status, mac=SECOND, ip="10.255.0.8", source="agent")
    make_lease(lab.networks.get(name="net1"), SECOND, "fd00:255::8")
    make_lease(lab.networks.get(name="net1"), ACCESS, "10.255.0.99")  # of a NIC that is on another network now
    assert hosts()["alma-8-8"] == {
        "ansible_host": "192.168.122.8",
        "ansible_user": "alma",
        "virter_id": 8,
        "virter_name": "alma-8-8",
        "ssh_host_key": "ssh-rsa AAAA",
        "hypervisor": "lab-1",
        "nics": [
            {"network": "default", "mac": ACCESS, "ip": ["192.168.122.8"], "host_device": "vnet1"},
            {"network": "net1", "mac": SECOND, "ip": ["10.255.0.8", "fd00:255::8"], "host_device": "vnet2"},
        ],
    }


def test_without_an_address_on_the_first_nic_any_other_is_taken(lab, vm):
    lab.networks.get(name="default").leases.all().delete()
    assert "ansible_host" not in hosts()["alma-8-8"]
    NICAddress.objects.create(vm=vm.status, mac=SECOND, ip="10.255.0.8", source="arp")
    assert hosts()["alma-8-8"]["ansible_host"] == "10.255.0.8"
    VMStatus.objects.update(power=Power.OFF)  # what ARP told of a guest that ran is past
    assert "ansible_host" not in hosts()["alma-8-8"]


def test_an_unmanaged_vm_has_no_user_and_no_id(lab):
    make_stranger(lab, "stranger", ("default", ACCESS, "vnet1"))
    assert hosts()["stranger"].keys() == {"virter_name", "hypervisor", "nics"}


def test_a_nic_on_a_bridge_belongs_to_no_group_of_a_network(lab, vm):
    NICStatus.objects.create(vm=vm.status, position=2, kind="bridge", source="br0", mac="52:54:00:cc:00:01")
    assert hosts()["alma-8-8"]["nics"][2]["network"] is None
    assert "br0" not in inventory()


def test_a_host_with_two_nics_on_a_network_is_listed_once(lab):
    make_running(make_vm(lab), ("net1", ACCESS, "vnet1"), ("net1", SECOND, "vnet2"))
    assert inventory()["net1"] == {"hosts": ["alma-8-8"]}
