"""The command line: Virter's flags and tables over the same wishes, reasons on stderr, waiting for the worker."""

import json
import re
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from networks.definition.events import Event
from networks.models import DHCPHost, Network
from tests.support.making import (
    agree,
    make_foreign_network,
    make_hypervisor,
    make_image,
    make_lease,
    make_network,
    make_running,
    make_vm,
)
from virterweb.hypervisors import cli
from virterweb.hypervisors.models import HypervisorStatus
from virterweb.messages import Message
from vms.models import VM, VMStatus


@pytest.fixture
def lab(db, pokes):
    hypervisor = make_hypervisor()
    make_foreign_network(hypervisor)
    return hypervisor


def run(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines()]


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


def test_vm_exists_ends_as_virters(lab):
    make_running(make_vm(lab))
    theirs = VM.objects.create(hypervisor=lab, name="theirs", managed=False, generation=0)
    make_running(theirs)
    run("vm", "exists", "alma-8-8")
    for name in ("none", "theirs"):
        with pytest.raises(SystemExit) as ended:
            run("vm", "exists", name)
        assert ended.value.code == 1
    VM.objects.filter(pk=theirs.pk).update(host_key_public="ssh-rsa AAAA", number=9)  # one of Virter's
    run("vm", "exists", "theirs")


def test_vm_host_key_is_a_line_of_known_hosts(lab):
    make_vm(lab, host_key_public="ssh-rsa AAAA\n")
    make_vm(lab, "keyless", 9)
    assert run("vm", "host-key", "alma-8-8") == "192.168.122.8,alma-8-8,alma-8-8.test ssh-rsa AAAA\n"
    with pytest.raises(CommandError, match="the SSH host key of keyless is not known"):
        run("vm", "host-key", "keyless")


def test_vm_wait_ready_says_what_it_cannot_wait_for(lab):
    make_vm(lab)
    with pytest.raises(CommandError, match="alma-8-8: only VMs run with --wait-ssh let the portal log in"):
        run("vm", "wait-ready", "alma-8-8")


def test_vm_start_and_stop_ask_for_it(lab, pokes):
    vm = make_vm(lab)
    run("vm", "stop", "alma-8-8", "--no-wait")
    vm.refresh_from_db()
    assert (vm.running, vm.forced) == (False, False)
    run("vm", "stop", "alma-8-8", "--force", "--no-wait")
    vm.refresh_from_db()
    assert (vm.running, vm.forced) == (False, True)
    run("vm", "start", "alma-8-8", "--no-wait")
    vm.refresh_from_db()
    assert (vm.running, vm.forced) == (True, False)


def test_vm_rm_takes_several_and_what_cannot_be_removed_keeps_no_other_from_it(lab, pokes):
    make_running(make_vm(lab))
    make_running(make_vm(lab, "alma-8-9", 9))
    theirs = VM.objects.create(hypervisor=lab, name="theirs", managed=False, generation=0)
    virters = VM.objects.create(hypervisor=lab, name="virters-7", number=7, managed=False, generation=0)
    make_running(theirs)
    make_running(virters)
    with pytest.raises(CommandError, match="neither the portal nor Virter made theirs; after “vm adopt theirs”"):
        run("vm", "rm", "none", "theirs", "alma-8-8", "virters-7", "alma-8-9", "--no-wait")
    assert set(VM.objects.exclude(removed_at=None).values_list("name", flat=True)) == {
        *("alma-8-8", "alma-8-9", "virters-7")
    }


def test_vm_run_takes_virters_short_flags(lab, pokes):
    make_image(lab)
    make_network(lab)
    run(
        *("vm", "run", "alma-8", "--id", "8", "-n", "mine", "-m", "2G", "-d", "name=d,size=1G"),
        *("-i", "type=network,source=net1", "-u", "mira", "-w", "-c", "/var/log/consoles", "--no-wait"),
    )
    vm = VM.objects.get()
    assert (vm.name, vm.memory, vm.ssh_user, vm.wait_ssh) == ("mine", 2048, "mira", True)
    assert (vm.console_dir, vm.disks.get().name, vm.nics.count()) == ("/var/log/consoles", "d", 2)


def test_network_ls_marks_what_is_gone(lab):
    network = make_network(lab)
    network.status.write(made_at=timezone.now(), present=False)
    assert "net1 (gone) " in run("network", "ls")
    make_foreign_network(lab, "<network><name>net1</name><uuid>{uuid}</uuid><bridge name='virbr7'/></network>")
    (line,) = [line for line in run("network", "ls").splitlines() if line.startswith("net1")]
    assert line.startswith("net1 (recreated outside) ")
    assert "virbr7" in line


def test_vm_ls_marks_what_is_gone(lab):
    make_vm(lab, "web", 12).status.write(made_at=timezone.now(), present=False)
    assert "web (gone) " in run("vm", "ls")


def test_network_add_takes_virters_flags(lab):
    run(
        *("network", "add", "net1", "--dhcp", "--network-cidr", "10.255.0.1/24", "--domain", "lab.test"),
        *("--forward-mode", "nat", "--dhcp-id", "8", "--dhcp-count", "2", "--no-wait"),
    )
    network = Network.objects.get(name="net1")
    spec = network.spec
    assert (spec.forward_mode, spec.domain, spec.local_only, len(spec.hosts)) == ("nat", "lab.test", True, 2)
    assert spec.dhcp == "10.255.0.2-10.255.0.254"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("network", "add", "default"), "NAME: There is a network default on lab-1 already."),
        (("network", "add", "net1", "-n", "10.255.0.0/24"), "--network-cidr: This is the block itself"),
        (("network", "add", "net1", "--dhcp"), "--dhcp: DHCP needs a block"),
        (("network", "list-attached", "none"), "there is no network none"),
        (("network", "ls", "--hypervisor", "none"), "there is no hypervisor none"),
        (("network", "host", "add", "--id", "300"), "ID 300 has no address in 192.168.122.0/24"),
        (("vm", "run", "none", "--id", "8"), "IMAGE: There is no image none on this hypervisor."),
        (("vm", "run", "alma-8", "--id", "255"), "--id: ID 255 has no address"),
        (("vm", "run", "alma-8", "--id", "8", "--nic", "source=net1"), "--nic source=net1: give type="),
        (("vm", "run", "alma-8", "--id", "8", "--nic", "type=network,source=x"), "--nic: There is no network x"),
        (("vm", "run", "alma-8", "--id", "8", "--nic", "type=network,source=x,bus=y"), "bus is not known"),
        (("vm", "run", "alma-8", "--id", "8", "--guest-network", "x"), "--guest-network: Select a valid choice"),
        (
            ("vm", "run", "alma-8", "--id", "8", "--nic", "type=bridge,source=br0,guest=static"),
            "--nic: Which address?",
        ),
        (("vm", "run", "alma-8", "--id", "8", "--disk", "size=1G"), "give name= and size="),
        (("vm", "run", "alma-8", "--id", "8", "--disk", "name=a,size=0"), "--disk: A disk has at least 1 MiB"),
        (("vm", "run", "alma-8", "--id", "8", "--disk", "name=a,size=1G,bus=usb"), "--disk: Select a valid choice"),
        (("vm", "run", "alma-8", "--id", "8", "--count", "0"), "--count: Ensure this value is greater"),
        (("vm", "run", "alma-8", "--id", "8", "--count", "2", "--vnc-port", "99"), "--vnc-port: Several VMs cannot"),
        (("vm", "run", "alma-8", "--id", "8", "--memory", "lots"), "lots is no size"),
        (("vm", "run", "alma-8", "--id", "8", "--memory", "0"), "--memory: Ensure this value is greater"),
        (("vm", "run", "alma-8", "--id", "8", "--vnc-port", "70000"), "--vnc-port: "),
        (("vm", "run", "alma-8", "--id", "8", "--vnc-bind-ip", "here"), "--vnc-bind-ip: "),
        (("vm", "run", "alma-8", "--id", "8", "--console", "here"), "--console: An absolute path."),
        (("vm", "run", "alma-8", "--id", "8", "--user", "a b"), "--user: Enter a user name."),
        (("vm", "run", "alma-8", "--id", "8", "--user-data", "/nowhere"), "--user-data: "),
        (("vm", "nic", "add", "none", "type=network,source=default"), "there is no VM none"),
    ],
)
def test_what_is_refused_says_why_and_wishes_nothing(lab, words, said):
    make_image(lab)
    with pytest.raises(CommandError) as refused:
        run(*words)
    assert said in str(refused.value)
    assert not Network.objects.filter(managed=True).exists()
    assert not VM.objects.exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"#!/bin/sh\n# gr\xfcn\n", "--user-data: Line 2 has bytes that are no UTF-8."),
        (b"#cloud-config\na:\n\tb: 1\n", "--user-data: Line 3 is indented by a tab"),
        (b"#" * 2**20, "--user-data: It has 1,048,576 bytes"),
        (b"#!/bin/sh\n\0", "--user-data: Line 2 has a null byte"),
    ],
    ids=["no UTF-8", "tab", "1 MB", "null"],
)
def test_user_data_that_no_guest_could_take_is_refused(lab, tmp_path, content, said):
    make_image(lab)
    file = tmp_path / "user-data"
    file.write_bytes(content)
    with pytest.raises(CommandError) as refused:
        run("vm", "run", "alma-8", "--id", "8", "--user-data", str(file))
    assert said in str(refused.value)
    assert not VM.objects.exists()


def test_vm_run_takes_virters_flags(lab):
    make_image(lab)
    make_network(lab)
    out = run(
        *("vm", "run", "alma-8", "--id", "8", "--nic", "type=network,source=net1", "--memory", "2G", "--vcpus", "2"),
        *("--disk", "name=data,size=1G,format=raw,bus=scsi,pool=fast", "--user", "alma", "--no-wait"),
        *("--vnc", "--vnc-bind-ip", "0.0.0.0", "--console", "/var/log/vms/"),
    )
    vm = VM.objects.get()
    assert out == "alma-8-8\n"
    assert (vm.memory, vm.vcpus, vm.ssh_user) == (2048, 2, "alma")
    assert list(vm.nics.values_list("source", flat=True)) == ["default", "net1"]
    assert (vm.vnc_port, vm.vnc_bind, vm.console_dir) == (6008, "0.0.0.0", "/var/log/vms")
    assert list(vm.disks.values_list("name", "size", "format", "bus", "pool")) == [
        ("data", 1024, "raw", "scsi", "fast")
    ]


def test_several_vms_are_run_with_ids_in_sequence(lab):
    make_image(lab)
    assert run("vm", "run", "alma-8", "--id", "8", "--count", "2", "--name", "web", "--no-wait") == "web-8\nweb-9\n"
    assert list(VM.objects.values_list("number", flat=True)) == [8, 9]


def test_without_a_count_the_name_is_the_name_and_with_one_it_has_the_id(lab):
    make_image(lab)
    assert run("vm", "run", "alma-8", "--id", "8", "--name", "web", "--no-wait") == "web\n"
    assert run("vm", "run", "alma-8", "--id", "9", "--count", "1", "--name", "web-9", "--no-wait") == "web-9-9\n"


def test_several_vms_have_their_own_vnc_ports_and_are_waited_for_by_ssh(lab):
    make_image(lab)
    run("vm", "run", "alma-8", "--id", "8", "--count", "2", "--vnc", "--wait-ssh", "--no-wait")
    assert list(VM.objects.values_list("vnc_port", "wait_ssh", "console_log")) == [
        (6008, True, True),
        (6009, True, True),
    ]


def test_several_vms_are_wished_all_or_none(lab):
    make_image(lab)
    make_vm(lab, "other", 9)
    with pytest.raises(CommandError, match="--id: ID 9 is taken"):
        run("vm", "run", "alma-8", "--id", "8", "--count", "3", "--no-wait")
    assert VM.objects.count() == 1


def test_removing_what_is_not_there_succeeds(lab):
    run("network", "rm", "none")
    run("vm", "rm", "none")


def test_what_the_guest_does_with_a_nic_is_said_in_its_flag(lab):
    make_image(lab)
    make_network(lab)
    nic = "type=network,source=net1,guest=static,guest-addresses=10.255.0.9/24+fd00::9/64,dns=none,default-route=no"
    run("vm", "run", "alma-8", "--id", "8", "--nic", nic, "--guest-network", "portal", "--no-wait")
    vm = VM.objects.get()
    desired = {"mode": "static", "addresses": ["10.255.0.9/24", "fd00::9/64"], "use_dns": False, "default_route": False}
    assert (vm.guest_network, vm.nics.get(position=1).guest) == ("portal", desired)
    mac = vm.nics.get(position=1).mac
    run("vm", "nic", "change", "alma-8-8", mac, "--guest", "dhcp", "--guest-addresses", "", "--no-wait")
    assert vm.nics.get(position=1).guest == {"mode": "dhcp", "use_dns": False, "default_route": False}


def test_nics_are_added_and_removed(lab):
    vm = make_vm(lab)
    mac = run("vm", "nic", "add", vm.name, "type=network,source=default", "--no-wait").strip()
    assert vm.nics.get(mac=mac).source == "default"
    run("vm", "nic", "rm", vm.name, mac.upper(), "--no-wait")
    assert vm.nics.get(mac=mac).removed_at
    with pytest.raises(CommandError, match="has no NIC 52:54:00:00:00:99"):
        run("vm", "nic", "rm", vm.name, "52:54:00:00:00:99")


def test_a_nic_is_changed_by_the_flags_of_its_form_and_keeps_the_rest(lab):
    make_network(lab)
    make_image(lab)
    run("vm", "run", "alma-8", "--id", "8", "--nic", "type=network,source=net1,model=e1000", "--no-wait")
    nic = VM.objects.get().nics.get(position=1)
    flags = ("--mtu", "1400", "--link-up", "no", "--inbound", "1000,5000,1024", "--address", "next")
    assert run("vm", "nic", "change", "alma-8-8", nic.mac.upper(), *flags, "--no-wait") == f"{nic.mac}\n"
    nic = VM.objects.get().nics.get(position=1)
    spec = nic.spec()
    assert (spec.source, spec.model, spec.mtu, spec.link_up, str(spec.inbound)) == (
        *("net1", "e1000", 1400, False),
        "1000,5000,1024",
    )
    assert [entry.ip for entry in DHCPHost.objects.filter(mac=nic.mac)] == ["10.255.0.2"]
    run("vm", "nic", "change", "alma-8-8", nic.mac, "--bridge", "br0", "--address", "", "--no-wait")
    assert VM.objects.get().nics.get(position=1).source == "br0"


@pytest.mark.parametrize(
    "words, said",
    [
        (("nic", "change", "alma-8-8", "52:54:00:00:00:99"), "alma-8-8 has no NIC 52:54:00:00:00:99"),
        (("nic", "change", "alma-8-8", "52:54:00:00:00:08", "--vlan", "5000"), "--vlan: "),
        (("nic", "change", "alma-8-8", "52:54:00:00:00:08", "--address", "10.0.0.1"), "--address: "),
        (("nic", "add", "alma-8-8", "--network", "nowhere"), "There is no network nowhere"),
        (("nic", "add", "alma-8-8"), "Choose a network"),
        (("release", "alma-8-8"), "libvirt has no alma-8-8"),
        (("adopt", "nobody"), "there is no VM nobody"),
    ],
)
def test_what_a_nic_is_not_changed_to_is_said(lab, words, said):
    make_image(lab)
    run("vm", "run", "alma-8", "--id", "8", "--no-wait")
    with pytest.raises(CommandError, match=re.escape(said)):
        run("vm", *words, *(() if "release" in words else ("--no-wait",)))


def test_vms_of_others_get_nics_are_adopted_and_released(lab):
    vm = make_vm(lab, "theirs", None, managed=False, generation=0)
    make_running(vm, ("default", "52:54:00:aa:00:01", "vnet1"))
    mac = run("vm", "nic", "add", "theirs", "type=network,source=default", "--mtu", "1400", "--no-wait").strip()
    assert VM.objects.get().nics.get(mac=mac).spec().mtu == 1400
    run("vm", "nic", "rm", "theirs", mac, "--at-shutdown", "--no-wait")
    assert VM.objects.get().nics.get(mac=mac).at_shutdown
    VMStatus.objects.update(document="<domain><name>theirs</name><devices/></domain>")
    run("vm", "adopt", "theirs", "--no-wait")
    assert VM.objects.get().managed
    run("vm", "release", "theirs")
    assert not VM.objects.get().managed


def test_with_two_hypervisors_one_is_to_be_named(lab):
    make_hypervisor("lab-2")
    with pytest.raises(CommandError, match="say which with --hypervisor: lab-1, lab-2"):
        run("network", "add", "net1")
    run("network", "add", "net1", "--hypervisor", "lab-2", "--no-wait")
    assert "Hypervisor" in run("network", "ls").splitlines()[0]


def test_a_wish_that_fails_ends_the_wait_with_its_reason(lab, monkeypatch):
    network = make_network(lab)
    network.status.write(
        generation=99, error=Message.external("Not deleted: this would disconnect alma-8-8."), detail="in use"
    )
    with pytest.raises(CommandError, match="Not deleted: this would disconnect alma-8-8") as failed:
        run("network", "rm", "net1")
    assert "in use" in str(failed.value)


def test_without_a_worker_the_wait_is_given_up_and_the_wish_kept(lab, monkeypatch):
    monkeypatch.setattr(cli, "NO_WORKER", 0.5)
    HypervisorStatus.objects.update(due_at=timezone.now() - timedelta(minutes=1))
    with pytest.raises(CommandError, match="the worker does not run"):
        run("network", "add", "net1")
    assert Network.objects.get(name="net1").state == "pending"


def test_setup_makes_one_operator_and_keeps_what_is_known(db, monkeypatch):
    monkeypatch.setenv("VIRTERWEB_ADMIN_PASSWORD", "given")
    assert "Operator account made" in run("setup", "--hypervisor", "lab=test:///default")
    assert run("setup", "--hypervisor", "lab=test:///default") == ""
    assert "Hypervisor lab is now at test:///other" in run("setup", "--hypervisor", "lab=test:///other")


@pytest.fixture
def made(lab) -> Network:
    """A network of ours that libvirt has as it is wanted, with a running VM on it."""
    network = make_network(lab, "net1", "10.1.0.1/24", spec={"bridge": "virbr1"})
    network.note(Event.ADDED, result="done")
    agree(network)
    network.status.write(
        **{"present": True, "active": True, "autostart": True, "document": network.full_document},
        **{"generation": network.generation, "made_at": network.created_at},
    )
    make_running(make_vm(lab), ("net1", "52:54:00:80:00:08", "vnet1"))
    return again(network)


def again(network: Network) -> Network:
    return Network.objects.shown().get(pk=network.pk)


def test_network_edit_changes_what_the_flags_name_and_keeps_the_rest(made, pokes):
    host = ("--host", "52:54:00:00:00:08 10.1.0.8 eight", "--host", "52:54:00:00:00:09 10.1.0.9")
    assert run("network", "edit", "net1", *host, "--no-wait") == ""
    run("network", "edit", "net1", "--title", "Lab", "--no-wait")
    spec = again(made).spec
    assert [str(each) for each in spec.hosts] == ["52:54:00:00:00:08 10.1.0.8 eight", "52:54:00:00:00:09 10.1.0.9"]
    assert (spec.title, spec.dhcp, spec.bridge) == ("Lab", made.spec.dhcp, "virbr1")
    run("network", "edit", "net1", "--host", "", "--no-wait")
    assert (again(made).spec.hosts, again(made).spec.title) == ((), "Lab")


def test_network_edit_takes_ticks_both_ways(made):
    run("network", "edit", "net1", "--no-autostart", "--no-dhcp", "--no-wait")
    assert (again(made).autostart, again(made).spec.dhcp) == (False, "")
    run("network", "edit", "net1", "--autostart", "-p", "--no-wait")
    assert (again(made).autostart, again(made).spec.dhcp) == (True, "10.1.0.2-10.1.0.254")


def test_network_edit_moves_entries_along_with_their_block(made):
    run("network", "edit", "net1", "--host", "52:54:00:00:00:08 10.1.0.8", "--no-wait")
    run("network", "edit", "net1", "-n", "10.2.0.1/24", "--move-along", "--yes", "--no-wait")
    assert [host.ip for host in again(made).spec.hosts] == ["10.2.0.8"]


def test_what_disturbs_running_vms_needs_yes_and_shows_the_plan_before(made):
    out = StringIO()
    with pytest.raises(CommandError, match="this disturbs running VMs; say --yes if you mean it"):
        call_command("network", "edit", "net1", "--mtu", "9000", stdout=out)
    assert lines(out.getvalue()) == [
        "Disruption  Step                                                        VMs",
        "none        Define net1 again",
        "brief       Restart net1, because libvirt cannot change this live: MTU  alma-8-8",
        "none        Reconnect 1 running VM: alma-8-8                            alma-8-8",
    ]
    assert again(made).generation == made.generation
    run("network", "edit", "net1", "--mtu", "9000", "--yes", "--no-wait")
    assert again(made).spec.mtu == 9000
    assert again(made).accepted[1]["vms"] == ["alma-8-8"]


def test_a_dry_run_prints_the_plan_and_does_nothing(made, pokes):
    assert "Restart net1" in run("network", "edit", "net1", "--mtu", "9000", "--dry-run")
    define, restart, _ = json.loads(run("network", "edit", "net1", "--mtu", "9000", "--dry-run", "--json"))
    assert (define["step"], restart["vms"], restart["disruption"]) == ("define", ["alma-8-8"], "brief")
    assert "Stop net1" in run("network", "stop", "net1", "--dry-run")
    assert lines(run("network", "edit", "net1", "--dry-run")) == ["Nothing to do."]
    assert again(made).generation == made.generation
    assert "Define net2" in run("network", "add", "net2", "--dry-run")
    assert not Network.objects.filter(name="net2").exists()
    assert pokes == []


def test_network_edit_of_nothing_asks_for_nothing(made):
    run("network", "edit", "net1")
    assert again(made).generation == made.generation


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add", "a\ufffeb"), "NAME: A name has no control characters."),
        (("edit", "none", "--mtu", "9000"), "there is no network none"),
        (("edit", "default", "--mtu", "9000"), "The portal does not manage default. Adopt it first"),
        (("edit", "net1", "--mtu", "1"), "--mtu: An MTU is at least 68"),
        (("edit", "net1", "--host", "52:54:00:00:00:08 10.9.0.8"), "--host: In no block of this network"),
        (("edit", "net1", "--host", "x", "--host", "y"), "--host: Line 1: x: an entry looks like"),
        (("edit", "net1", "--network-cidr", "192.168.122.1/24"), "--network-cidr: 192.168.122.0/24 overlaps"),
        (("edit", "net1", "--dns-host", "10.1.0.5"), "--dns-host: Line 1: "),
        (("plan", "default"), "The portal does not manage default"),
        (("release", "default"), "The portal does not manage default"),
        (("xml", "net1", "--file", "/nowhere.xml"), "--file: "),
        (("stop", "default"), "The portal does not manage default"),
        (("history", "none"), "there is no network none"),
    ],
)
def test_what_a_network_is_not_changed_to_is_said(made, words, said):
    with pytest.raises(CommandError) as refused:
        run("network", *words)
    assert said in str(refused.value)
    assert again(made).generation == made.generation


@pytest.fixture
def drifted(made) -> Network:
    found = made.full_document.replace("10.1.0.254", "10.1.0.99")
    made.status.write(document=found, autostart=False, drift="does not start with the host")
    return again(made)


def test_network_plan_prints_what_would_put_ours_back_and_apply_does_it(drifted):
    assert lines(run("network", "plan", "net1")) == [
        "Disruption  Step                                                  VMs",
        "none        Delete DHCP range of 10.1.0.1/24: 10.1.0.2-10.1.0.99",
        "none        Add DHCP range of 10.1.0.1/24: 10.1.0.2-10.1.0.254",
        "none        Set net1 to start with the host",
    ]
    assert [step["step"] for step in json.loads(run("network", "plan", "net1", "--json"))] == [
        *("update", "update", "autostart"),
    ]
    assert again(drifted).generation == drifted.generation
    run("network", "apply", "net1", "--no-wait")
    assert (again(drifted).state, again(drifted).exact, len(again(drifted).accepted)) == ("pending", True, 3)


def test_network_take_lets_the_wish_follow(drifted):
    run("network", "take", "net1", "--no-wait")
    assert (again(drifted).spec.dhcp, again(drifted).autostart) == ("10.1.0.2-10.1.0.99", False)
    assert lines(run("network", "plan", "net1")) == ["Nothing to do."]


def test_what_libvirt_does_not_have_cannot_be_taken(made):
    made.status.write(present=False)
    with pytest.raises(CommandError, match="libvirt has no net1"):
        run("network", "take", "net1")


def test_network_xml_prints_both_sides(drifted):
    assert "10.1.0.254" in run("network", "xml", "net1")
    assert "10.1.0.99" in run("network", "xml", "net1", "--found")
    assert "<name>default</name>" in run("network", "xml", "default")


def test_network_xml_takes_a_file_as_printed_and_changed(made, tmp_path):
    path = tmp_path / "net1.xml"
    path.write_text(
        run("network", "xml", "net1").replace("</dhcp>", "<host mac='52:54:00:00:00:08' ip='10.1.0.8'/></dhcp>")
    )
    run("network", "xml", "net1", "--file", str(path), "--no-wait")
    assert [str(host) for host in again(made).hosts.all()] == ["52:54:00:00:00:08 10.1.0.8"]
    path.write_text(path.read_text().replace("<ip ", "<mtu size='9000'/><ip "))
    with pytest.raises(CommandError, match="say --yes"):
        run("network", "xml", "net1", "--file", str(path))
    run("network", "xml", "net1", "--file", str(path), "--yes", "--no-wait")
    assert again(made).spec.mtu == 9000


def test_an_unchanged_file_asks_for_nothing(made, tmp_path):
    path = tmp_path / "net1.xml"
    path.write_text(run("network", "xml", "net1"))
    run("network", "xml", "net1", "--file", str(path), "--no-wait")
    assert again(made).plan() == ()
    assert lines(run("network", "xml", "net1", "--file", str(path), "--dry-run")) == ["Nothing to do."]


def test_a_wrong_file_is_refused_with_the_line(made, tmp_path):
    path = tmp_path / "net1.xml"
    path.write_text("<network>\n<name>other</name></network>")
    with pytest.raises(CommandError, match=f"{path}: Line 2: The name stays net1"):
        run("network", "xml", "net1", "--file", str(path))
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(CommandError, match="--file: "):
        run("network", "xml", "net1", "--file", str(path))
    assert again(made).generation == made.generation


def test_networks_are_adopted_and_released(lab, pokes):
    run("network", "adopt", "default", "--no-wait")
    network = Network.objects.shown().get(name="default")
    assert (network.managed, network.plan()) == (True, ())
    generation = network.generation
    run("network", "adopt", "default", "--no-wait")
    assert again(network).generation == generation
    run("network", "release", "default", "--no-wait")
    assert again(network).state == "unmanaged"


def test_network_import_adopts_all_that_others_made(lab):
    make_foreign_network(lab, "<network><name>bare</name><uuid>{uuid}</uuid></network>")
    make_foreign_network(lab, "<network><name>gone</name><uuid>{uuid}</uuid></network>", present=False)
    assert lines(run("network", "import", "--no-wait")) == ["bare", "default"]
    assert list(Network.objects.filter(managed=True).values_list("name", flat=True)) == ["bare", "default"]
    assert run("network", "import", "--no-wait") == ""


def test_a_name_clash_is_said_when_adopting(lab):
    make_network(lab, "bare", "")
    foreign = make_foreign_network(lab, "<network><name>bare</name><uuid>{uuid}</uuid></network>")
    with pytest.raises(CommandError, match="The portal already manages another network bare on lab-1"):
        run("network", "import", "--no-wait")
    assert again(foreign).managed is False
    assert Network.objects.get(name="default").managed  # the others are adopted all the same


def test_network_history_prints_who_what_result_and_changes(made):
    run("network", "edit", "net1", "--host", "52:54:00:00:00:08 10.1.0.8", "--no-wait")
    heading, edited, added = lines(run("network", "history", "net1"))
    assert heading.split() == ["When", "Who", "What", "Result", "Changes"]
    assert edited.endswith("changed  in progress  DHCP reservation of 10.1.0.1/24: – → 52:54:00:00:00:08 10.1.0.8")
    assert "added    done       " in added


def test_networks_are_stopped_and_started(made):
    with pytest.raises(CommandError, match="say --yes"):
        run("network", "stop", "net1")
    run("network", "stop", "net1", "--yes", "--no-wait")
    assert again(made).active is False
    assert again(made).revisions.first().what == "stopped"
    made.status.write(active=False, generation=again(made).generation)
    run("network", "start", "net1", "--no-wait")
    assert again(made).active is True
    assert again(made).revisions.first().what == "started"


def test_one_that_others_stopped_is_started(made):
    made.status.write(active=False, drift="is not active")
    run("network", "start", "net1", "--no-wait")
    assert again(made).state == "pending"


def test_one_that_runs_already_is_left_alone(made):
    run("network", "start", "net1", "--no-wait")
    assert again(made).generation == made.generation


@pytest.mark.parametrize(
    ("verb", "status", "said"),
    [
        ("accept", {"document": ""}, "The definition of web has not been read yet"),
        ("revert", {}, "web is as it is saved: there is nothing to revert"),
        ("take-over", {}, "libvirt still has web"),
        ("take-over", {"present": False}, "libvirt has no other VM web"),
        ("persist", {}, "web is persistent already"),
    ],
)
def test_verbs_about_what_others_did_to_a_vm_say_why_they_do_nothing(lab, verb, status, said):
    values = {"made_at": timezone.now(), "present": True, "persistent": True, **status}
    make_vm(lab, "web", 12).status.write(**values)
    with pytest.raises(CommandError, match=said):
        run("vm", verb, "web", "--no-wait")


def test_a_vm_that_others_recreated_is_taken_over_by_command(lab):
    make_vm(lab, "web", 12).status.write(made_at=timezone.now(), present=False)
    other = make_vm(lab, "web", None, managed=False, generation=0)
    other.status.write(present=True, document=f"<domain><name>web</name><uuid>{other.uuid}</uuid></domain>")
    run("vm", "take-over", "web", "--no-wait")
    assert VM.objects.get(name="web").uuid == other.uuid
