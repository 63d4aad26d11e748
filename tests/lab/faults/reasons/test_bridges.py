"""A network on a bridge that does not exist or is taken shows the reason."""

import libvirt
import pytest
from lab import Lab

from tests.lab.faults.reasons.refused_changes import BLOCK, PAGE, VM_PAGE, assert_shown, device, state, try_again
from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab


def test_a_network_on_a_bridge_that_does_not_exist_or_disappears_is_a_problem(
    portal: Portal, lab: Lab, host: libvirt.virConnect
):
    problem = "net1: the host has no bridge br9, so no VM on the network has a connection. Create the bridge"
    portal.manage("network", "add", "net1", "--forward-mode", "bridge", "--bridge", "br9")
    wait_for(lambda: problem in portal.get("/problems/").text_content(), 20, "the overview says so")
    assert problem in portal.get(f"{PAGE}problems/").text_content()
    sentence = "the host has no bridge br9; create it there, or choose another bridge or network"
    run = ("run", "tiny", "--id", "20", "--memory", "64M", "--nic", "type=network,source=net1")
    assert sentence in portal.manage("vm", *run, fails=True)
    assert_shown(portal, VM_PAGE, sentence, "Cannot get interface MTU on 'br9'")
    with device(lab, "br9"):
        wait_for(lambda: problem not in portal.get("/problems/").text_content(), 20, "it goes by itself")
        try_again(portal, VM_PAGE)
        wait_for(lambda: state(portal, "VM", "tiny-20") == "ready", 30, "the next try works")
        assert host.lookupByName("tiny-20").isActive()
    wait_for(lambda: problem in portal.get("/problems/").text_content(), 20, "it vanishes under a running VM")


def test_a_deleted_bridge_of_a_network_is_a_problem_whose_solution_works(portal: Portal, lab: Lab):
    portal.manage("network", "add", "net1", *BLOCK, "--bridge", "br-net1")
    lab.run("ip", "link", "delete", "br-net1")
    problem = "net1: the host has no bridge br-net1, so no VM on the network has a connection. Restart the network"
    wait_for(lambda: problem in portal.get("/problems/").text_content(), 20, "the overview says so")


def test_a_device_that_is_no_bridge_is_named(portal: Portal, lab: Lab):
    lab.run("ip", "tuntap", "add", "tap9", "mode", "tap")
    run = ("run", "tiny", "--id", "20", "--memory", "64M", "--nic", "type=bridge,source=tap9")
    sentence = "tap9 is not a bridge on the host; choose a bridge, or attach tap9 to one there and choose that bridge"
    assert sentence in portal.manage("vm", *run, fails=True)
    assert_shown(portal, VM_PAGE, sentence, "Unable to add bridge tap9")
    lab.run("ip", "link", "delete", "tap9")
