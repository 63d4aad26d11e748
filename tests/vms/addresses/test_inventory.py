"""VMs for Ansible and OpenSSH, and the attached table as a file: names that clash or were chosen by others, and who."""

import json
import subprocess
from io import StringIO
from shutil import which

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.management import call_command
from django.core.management.base import CommandError

from tests.support.making import make_foreign_network, make_hypervisor, make_lease, make_network, make_running, make_vm
from vms.addresses.inventory import ansible, guests, known_hosts, ssh_config, visible_to
from vms.models import VM, NICAddress, NICStatus, Power, VMStatus

ACCESS, SECOND = "52:54:00:00:00:08", "52:54:00:80:00:01"
TEMPLATE = "{{ lookup('pipe', 'id') }}"


@pytest.fixture
def lab(db, pokes):
    hypervisor = make_hypervisor()
    make_foreign_network(hypervisor)
    make_network(hypervisor)
    return hypervisor


@pytest.fixture
def vm(lab) -> VM:
    """A VM that runs, with a leased address on default and a second NIC on net1."""
    vm = make_vm(lab, ssh_user="alma", host_key_public="ssh-rsa AAAA\n")
    make_running(vm, ("default", ACCESS, "vnet1"), ("net1", SECOND, "vnet2"))
    make_lease(lab.networks.get(name="default"), ACCESS, "192.168.122.8", "alma-8-8")
    return vm


def make_stranger(hypervisor, name: str, *nics: tuple[str, str, str]) -> VM:
    vm = make_vm(hypervisor, name, None, managed=False, generation=0)
    make_running(vm, *nics)
    return vm


def inventory() -> dict:
    return ansible(guests(VM.objects.all()))


def hosts() -> dict:
    return inventory()["_meta"]["hostvars"]


def run(*words: str) -> str:
    out = StringIO()
    call_command("inventory", *words, stdout=out)
    return out.getvalue()


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


def test_a_vm_of_others_has_no_user_and_no_id(lab):
    make_stranger(lab, "stranger", ("default", ACCESS, "vnet1"))
    assert hosts()["stranger"].keys() == {"virter_name", "hypervisor", "nics"}


def test_a_nic_on_a_bridge_is_on_no_network(lab, vm):
    NICStatus.objects.create(vm=vm.status, position=2, kind="bridge", source="br0", mac="52:54:00:cc:00:01")
    assert hosts()["alma-8-8"]["nics"][2]["network"] is None
    assert "br0" not in inventory()


def test_two_nics_on_a_network_put_the_host_there_once(lab):
    make_running(make_vm(lab), ("net1", ACCESS, "vnet1"), ("net1", SECOND, "vnet2"))
    assert inventory()["net1"] == {"hosts": ["alma-8-8"]}


def test_what_two_hypervisors_call_alike_is_told_apart(lab, vm):
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


def test_what_one_hypervisor_calls_alike_is_told_apart_by_a_number(lab, vm):
    twin = make_stranger(lab, "alma-8-8")
    networks = [make_network(lab, name, "") for name in ("net_1", "net-1")]
    make_running(make_vm(lab, "a", 9), ("net-1", "52:54:00:00:00:09", "vnet9"))
    assert {f"alma-8-8.lab-1.{vm.pk}", f"alma-8-8.lab-1.{twin.pk}"} < hosts().keys()
    assert inventory()[f"lab_1_net_1_{networks[1].pk}"] == {"hosts": ["a"]}


@pytest.mark.parametrize("name", ["off", "all", "Running", "ungrouped", "_meta", "hypervisor_lab-1"])
def test_a_network_takes_no_group_that_means_something_else(lab, vm, name):
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
def test_a_name_that_others_chose_is_harmless_as_a_host(lab, name, host):
    make_stranger(lab, name, ("default", ACCESS, "vnet1"))
    assert {host: values["virter_name"] for host, values in hosts().items()} == {host: name}


def test_a_template_in_what_others_chose_is_not_run(lab):
    make_network(lab, TEMPLATE, "")
    make_stranger(lab, TEMPLATE, (TEMPLATE, ACCESS, "{{ x }}"))
    (name, values), *_ = hosts().items()
    assert "{" not in name
    assert values["virter_name"] == {"__ansible_unsafe": TEMPLATE}
    assert values["nics"][0]["network"] == {"__ansible_unsafe": TEMPLATE}
    assert values["nics"][0]["host_device"] == {"__ansible_unsafe": "{{ x }}"}


def test_ssh_has_a_block_for_each_of_our_vms_with_an_address(lab, vm):
    web = make_vm(lab, "web", 9)
    make_running(web, ("default", "52:54:00:00:00:09", "vnet3"))
    make_vm(lab, "silent", 10, host_key_public="ssh-rsa BBBB")
    make_stranger(lab, "stranger", ("default", "52:54:00:00:00:0b", "vnet4"))
    for mac, ip in (("52:54:00:00:00:09", "192.168.122.9"), ("52:54:00:00:00:0b", "192.168.122.11")):
        make_lease(lab.networks.get(name="default"), mac, ip)
    found = guests(VM.objects.all())
    assert ssh_config(found) == (
        "Host alma-8-8\n    HostName 192.168.122.8\n    User alma\n    HostKeyAlias alma-8-8\n\n"
        "Host web\n    HostName 192.168.122.9\n    User root\n    HostKeyAlias web\n"
    )
    assert known_hosts(found) == "alma-8-8 ssh-rsa AAAA\nsilent ssh-rsa BBBB\n"


def test_names_for_ssh_and_its_host_keys_are_those_of_the_inventory(lab, vm):
    make_vm(make_hypervisor("lab-2"))
    found = guests(VM.objects.all())
    assert "Host alma-8-8.lab-1\n" in ssh_config(found)
    assert "HostKeyAlias alma-8-8.lab-1\n" in ssh_config(found)
    assert known_hosts(found) == "alma-8-8.lab-1 ssh-rsa AAAA\n"


@pytest.mark.parametrize("name", ["two words", "*", "a?", "!a", 'a"b', "a\nProxyCommand id", "#a"])
def test_a_name_that_ssh_cannot_have_is_left_out_with_a_comment(lab, vm, name):
    VM.objects.update(name=name)
    (line,) = ssh_config(guests(VM.objects.all())).splitlines()
    assert line == f"# Left out, for this cannot be written as a Host: {name!a}"


@pytest.mark.skipif(not which("ssh"), reason="needs OpenSSH's client")
def test_ssh_reads_the_blocks(lab, vm, tmp_path):
    VM.objects.filter(pk=make_vm(lab, "web", 9).pk).update(name='a"b')
    make_lease(lab.networks.get(name="default"), "52:54:00:00:00:09", "192.168.122.9")
    make_running(VM.objects.get(number=9), ("default", "52:54:00:00:00:09", "vnet3"))
    path = tmp_path / "config"
    path.write_text(run("--ssh-config"))
    assert "# Left out" in path.read_text()
    read = subprocess.run(["ssh", "-G", "-F", path, "alma-8-8"], capture_output=True, text=True, check=True).stdout
    assert {"hostname 192.168.122.8", "user alma", "hostkeyalias alma-8-8"} < set(read.splitlines())


def test_the_command_lists_unless_told_otherwise(lab, vm):
    assert json.loads(run()) == json.loads(run("--list")) == inventory()
    assert json.loads(run("--host", "alma-8-8")) == hosts()["alma-8-8"]
    assert json.loads(run("--host", "none")) == {}
    assert run("--ssh-config").startswith("Host alma-8-8\n")
    assert run("--known-hosts") == "alma-8-8 ssh-rsa AAAA\n"


def test_the_command_takes_one_hypervisor_and_leaves_the_names_as_they_are(lab, vm):
    make_vm(make_hypervisor("lab-2"))
    assert json.loads(run("--hypervisor", "lab-2"))["_meta"]["hostvars"].keys() == {"alma-8-8.lab-2"}
    with pytest.raises(CommandError, match="there is no hypervisor none"):
        run("--hypervisor", "none")


def test_everyone_who_may_log_in_sees_all_and_nobody_else_anything(lab, vm, user):
    assert list(visible_to(user)) == [vm]
    assert list(visible_to(AnonymousUser())) == list(visible_to(None)) == []
    assert run("--user", "mira", "--known-hosts")
    user.is_active = False
    user.save()
    assert list(visible_to(user)) == []
    assert run("--user", "mira", "--known-hosts") == ""
    with pytest.raises(CommandError, match="there is no user nobody"):
        run("--user", "nobody")


def test_an_inventory_costs_the_same_few_queries_for_many_vms(lab, django_assert_num_queries):
    default = lab.networks.get(name="default")
    for number in range(2, 22):
        mac = f"52:54:00:00:00:{number:02x}"
        make_running(make_vm(lab, f"vm-{number}", number), ("default", mac, f"vnet{number}"))
        make_lease(default, mac, f"192.168.122.{number}")
    with django_assert_num_queries(5):
        assert len(inventory()["default"]["hosts"]) == 20


def test_the_pages_give_what_the_command_prints(page, lab, vm):
    answer = page.get("/inventory.json")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == json.loads(run())
    for path, flag in (("/ssh-config", "--ssh-config"), ("/known_hosts", "--known-hosts")):
        answer = page.get(path)
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert answer.content.decode() == run(flag)
        assert page.post(path).status_code == 405


def test_the_private_host_key_is_in_none_of_it(page, lab, vm):
    VM.objects.update(host_key="BEGIN OPENSSH PRIVATE KEY")
    for path in ("/inventory.json", "/ssh-config", "/known_hosts"):
        assert "PRIVATE" not in page.get(path).content.decode()


ATTACHED = "/networks/lab-1/default/attached"


@pytest.mark.parametrize(
    "path", ["/inventory.json", "/ssh-config", "/known_hosts", f"{ATTACHED}.csv", f"{ATTACHED}.json"]
)
def test_nothing_is_given_without_login(client, lab, vm, path):
    answer = client.get(path, headers={"accept": "application/json"})
    assert (answer.status_code, answer.url) == (302, f"/login/?next={path}")


def test_the_attached_table_is_given_as_a_file(page, lab, vm):
    NICAddress.objects.create(vm=vm.status, mac=ACCESS, ip="fd00::8", source="agent")
    make_stranger(lab, "=1+1", ("default", "52:54:00:00:00:0b", "vnet4"))
    answer = page.get(f"{ATTACHED}.csv")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="lab-1-default-attached.csv"'
    assert answer.content.decode().splitlines() == [
        "vm,mac,ip,hostname,host_device,sources,hypervisor,kind,source,bridge,port_group,model,link,state,owner,"
        "guest,guest_problem",
        "'=1+1,52:54:00:00:00:0b,,,vnet4,,lab-1,network,default,virbr0,,virtio,up,running,others,unknown,",
        f"alma-8-8,{ACCESS},fd00::8 192.168.122.8,alma-8-8,vnet1,agent lease,"
        "lab-1,network,default,virbr0,,virtio,up,running,,as-wanted,",
    ]
    assert page.get(f"{ATTACHED}.json").json()[1] == {
        "vm": "alma-8-8",
        "mac": ACCESS,
        "ip": ["fd00::8", "192.168.122.8"],
        "hostname": "alma-8-8",
        "host_device": "vnet1",
        "sources": ["agent", "lease"],
        "hypervisor": "lab-1",
        "kind": "network",
        "source": "default",
        "bridge": "virbr0",
        "port_group": "",
        "model": "virtio",
        "link": "up",
        "state": "running",
        "owner": "",
        "guest": "as-wanted",
        "guest_problem": "",
    }


def test_the_attached_page_is_a_table_for_who_accepts_no_html(page, lab, vm):
    for accept, kind in (("application/json", "application/json"), ("text/csv", "text/csv; charset=utf-8")):
        answer = page.get(f"{ATTACHED}/", headers={"accept": accept})
        assert answer.headers["Content-Type"] == kind
        assert "Accept" in answer.headers["Vary"]
    for accept in ("text/html,application/json;q=0.9", "*/*"):
        assert page.get(f"{ATTACHED}/", headers={"accept": accept}).templates[0].name == "vms/attached/attached.html"


@pytest.mark.parametrize(
    "path", [f"{ATTACHED}.xml", f"{ATTACHED}.", f"{ATTACHED}.csv/", "/networks/lab-1/none/attached.csv"]
)
def test_another_suffix_or_network_is_not_there(page, lab, path):
    assert page.get(path).status_code == 404
