"""Commands that attach, change and detach NICs."""

import re

import pytest
from django.core.management.base import CommandError

from networks.models import DHCPHost
from tests.project.commands.running_commands import run
from tests.support.making import make_image, make_network, make_running, make_vm
from vms.models import VM, VMStatus

pytestmark = pytest.mark.integration


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
        (("nic", "add", "alma-8-8", "--network", "nowhere"), "This hypervisor has no network nowhere"),
        (("nic", "add", "alma-8-8"), "Choose either a network"),
        (("release", "alma-8-8"), "libvirt has no alma-8-8"),
        (("adopt", "nobody"), "there is no VM nobody"),
    ],
)
def test_a_refused_change_of_a_nic_prints_the_reason(lab, words, said):
    make_image(lab)
    run("vm", "run", "alma-8", "--id", "8", "--no-wait")
    with pytest.raises(CommandError, match=re.escape(said)):
        run("vm", *words, *(() if "release" in words else ("--no-wait",)))


def test_unmanaged_vms_get_nics_and_are_adopted_and_released(lab):
    vm = make_vm(lab, "external", None, managed=False, generation=0)
    make_running(vm, ("default", "52:54:00:aa:00:01", "vnet1"))
    mac = run("vm", "nic", "add", "external", "type=network,source=default", "--mtu", "1400", "--no-wait").strip()
    assert VM.objects.get().nics.get(mac=mac).spec().mtu == 1400
    run("vm", "nic", "rm", "external", mac, "--at-shutdown", "--no-wait")
    assert VM.objects.get().nics.get(mac=mac).at_shutdown
    VMStatus.objects.update(document="<domain><name>external</name><devices/></domain>")
    run("vm", "adopt", "external", "--no-wait")
    assert VM.objects.get().managed
    run("vm", "release", "external")
    assert not VM.objects.get().managed
