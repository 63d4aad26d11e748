"""VMs run from a template on a real hypervisor, and the architectures that it has."""

import libvirt
import pytest
from lxml import etree

from tests.support.portal import Portal
from vms.definition import hardware

pytestmark = pytest.mark.lab

ARCHS = "HypervisorStatus.objects.get(hypervisor__name='lab').archs"


def test_any_number_of_vms_runs_from_a_template_of_a_vm(portal: Portal, host: libvirt.virConnect):
    portal.manage("network", "add", "of-template", "--dhcp", "--network-cidr", "10.77.0.1/24")
    nic = "type=network,source=of-template"
    portal.manage("vm", "run", "tiny", "--id", "40", "--memory", "128M", "--nic", nic)
    portal.manage("template", "save", "tiny-40", "small")
    assert "small" in portal.manage("template", "ls")
    names = portal.manage("vm", "run", "--template", "small", "--count", "2", "--memory", "96M").split()
    assert [name.rpartition("-")[0] for name in names] == ["small", "small"]
    for name in names:
        domain = host.lookupByName(name)
        found = etree.fromstring(domain.XMLDesc())
        assert domain.isActive()
        assert (domain.maxMemory() // 1024, len(found.xpath("devices/interface"))) == (96, 2)
        assert found.xpath("string(devices/interface[2]/source/@network)") == "of-template"
    portal.manage("template", "rm", "small")
    portal.manage("vm", "rm", "tiny-40", *names)
    portal.manage("network", "rm", "of-template")


def test_vms_run_only_with_architectures_that_the_hypervisor_has(portal: Portal, host: libvirt.virConnect):
    archs = portal.ask(ARCHS)
    assert archs[0] == etree.fromstring(host.getCapabilities()).findtext("host/cpu/arch")
    other = next((arch for arch in hardware.ARCHS if arch not in archs), "s390x")
    refused = portal.manage("vm", "run", "tiny", "--id", "41", "--memory", "128M", "--arch", other, fails=True)
    assert f"--arch: lab has no emulator for {other}." in refused
    assert "tiny-41" not in portal.manage("vm", "ls")
