"""The tables and lists that commands print."""

import pytest
from django.utils import timezone

from tests.project.commands.running_commands import lines, run
from tests.support.making import make_foreign_network, make_image, make_lease, make_network, make_running, make_vm
from vms.models import VM, VMStatus

pytestmark = pytest.mark.integration


def test_network_ls_prints_virters_table(lab):
    make_network(lab)
    assert lines(run("network", "ls")) == [
        "Name                      Forward-Type  IP-Range          Domain  DHCP                           Bridge",
        "default (virter default)  nat           192.168.122.1/24  test    192.168.122.2-192.168.122.254  virbr0",
        "net1                                    10.255.0.1/24             10.255.0.2-10.255.0.254",
    ]


def test_list_attached_prints_virters_table(lab):
    make_lease(lab.networks.get(name="default"), "52:54:00:00:00:08", "192.168.122.8", "alma-8-8")
    make_running(make_vm(lab), ("default", "52:54:00:00:00:08", "vnet1"))
    assert lines(run("network", "list-attached", "default")) == [
        "VM        MAC                IP             Hostname  Host Device",
        "alma-8-8  52:54:00:00:00:08  192.168.122.8  alma-8-8  vnet1",
    ]


def test_vm_ls_prints_virters_table_and_more(lab):
    make_running(make_vm(lab, image=make_image(lab)), ("default", "52:54:00:00:00:08", "vnet1"))
    for verb in ("ls", "list"):
        assert lines(run("vm", verb)) == [
            "Name      ID  Access Network  State    Image   NICs  IP",
            "alma-8-8  8   default         running  alma-8  1",
        ]


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        ("name", ["a-2", "a-10", "b-1", "foreign"]),
        ("id", ["foreign", "b-1", "a-2", "a-10"]),
        ("network", ["b-1", "foreign", "a-2", "a-10"]),
        ("state", ["a-10", "b-1", "foreign", "a-2"]),
    ],
)
def test_vm_ls_sorts_as_virter_does_and_names_by_their_numbers(lab, sort, names):
    for name, number in (("a-10", 10), ("b-1", 3), ("a-2", 4)):
        make_vm(lab, name, number)
    for name in ("a-10", "a-2"):
        make_running(VM.objects.get(name=name), ("default", f"52:54:00:00:00:0{name[-1]}", "vnet1"))
    VMStatus.objects.filter(desired__name="a-10").update(power="off")
    VM.objects.create(hypervisor=lab, name="foreign", managed=False, generation=0)
    assert [line.split()[0] for line in lines(run("vm", "ls", "--sort", sort))[1:]] == names


def test_network_ls_marks_networks_that_libvirt_does_not_have(lab):
    network = make_network(lab)
    network.status.write(made_at=timezone.now(), present=False)
    assert "net1 (gone) " in run("network", "ls")
    make_foreign_network(lab, "<network><name>net1</name><uuid>{uuid}</uuid><bridge name='virbr7'/></network>")
    (line,) = [line for line in run("network", "ls").splitlines() if line.startswith("net1")]
    assert line.startswith("net1 (recreated outside) ")
    assert "virbr7" in line


def test_vm_ls_marks_vms_that_libvirt_does_not_have(lab):
    make_vm(lab, "web", 12).status.write(made_at=timezone.now(), present=False)
    assert "web (gone) " in run("vm", "ls")


def test_network_history_prints_user_action_result_and_changes(made):
    run("network", "edit", "net1", "--host", "52:54:00:00:00:08 10.1.0.8", "--no-wait")
    heading, edited, added = lines(run("network", "history", "net1"))
    assert heading.split() == ["When", "Who", "What", "Result", "Changes"]
    assert edited.endswith("changed  in progress  DHCP reservation of 10.1.0.1/24: – → 52:54:00:00:00:08 10.1.0.8")
    assert "added    done       " in added
