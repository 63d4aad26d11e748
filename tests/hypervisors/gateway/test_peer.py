"""The bridge of a NIC's own tap is read from the devices of a local hypervisor's host."""

import os
from pathlib import Path

from virterweb.hypervisors.gateway import peer


def test_a_device_counts_only_with_the_mac_of_the_nic():
    assert Path("/sys/class/net/lo/address").read_text().strip() == "00:00:00:00:00:00"
    assert peer.bridge_of(os.getpid(), "lo", "fe:00:00:00:00:00") == ""  # it is on no bridge
    assert peer.bridge_of(os.getpid(), "lo", "52:54:00:00:00:01") is None


def test_a_missing_tap_or_bridge_is_reported_as_invisible():
    assert peer.bridge_of(os.getpid(), "no-such-tap", "52:54:00:00:00:01") is None
    assert peer.bridge_of(os.getpid(), "", "52:54:00:00:00:01") is None
    assert peer.taps_on(os.getpid(), "no-such-bridge") is None
