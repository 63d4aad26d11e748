"""A VM that libvirt refuses to run shows the reason."""

import pytest
from lab import IMAGES, Lab

from tests.lab.faults.reasons.refused_changes import VM_PAGE, assert_shown, holding, state, try_again
from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab


def test_a_vnc_port_that_is_taken_is_named(portal: Portal, lab: Lab):
    with holding(lab, "STREAM", "127.0.0.1", 6009):
        run = ("run", "tiny", "--id", "20", "--memory", "64M", "--vnc", "--vnc-port", "6009")
        sentence = "another program on the host uses the VNC display 127.0.0.1:109"
        assert sentence in portal.manage("vm", *run, fails=True)
        assert_shown(portal, VM_PAGE, sentence, "Address already in use")
    try_again(portal, VM_PAGE)
    wait_for(lambda: state(portal, "VM", "tiny-20") == "ready", 30, "the next try works")


def test_a_pool_without_space_for_a_vm_is_named(portal: Portal, lab: Lab):
    folder, kept = IMAGES, "/run/libvirt/images"
    lab.run("sh", "-c", f"mkdir {kept} && mount --bind {folder} {kept} && mount -t tmpfs -o size=20m tmpfs {folder}")
    lab.run("sh", "-c", f"cp -a {kept}/. {folder} && head -c 30M /dev/zero >{folder}/fill || true")
    run = ("run", "tiny", "--id", "20", "--memory", "64M")
    said = portal.manage("vm", *run, fails=True)
    assert "the pool is full" in said or "the host has no space left for /var/lib/libvirt/images" in said
    assert_shown(portal, VM_PAGE, "; delete", "No space left")
    lab.run("rm", f"{folder}/fill")
    try_again(portal, VM_PAGE)
    wait_for(lambda: state(portal, "VM", "tiny-20") == "ready", 30, "the next try works")
    lab.run("sh", "-c", f"umount --lazy {folder} && umount --lazy {kept}")
    lab.virsh("pool-refresh", "default")
