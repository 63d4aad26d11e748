"""Rows of earlier versions: texts become the codes that the portal compares today."""

from importlib import import_module

import pytest

codes = import_module("networks.migrations.0018_codes")
SHOWN = {"disruption": "brief", "vms": ["alma-8"], "seconds": 0.4, "note": "4 s of it is STP"}


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("MTU: found none, wanted 9000", ["mtu size", "", "9000", ""]),
        ("Bridge delay: found 2, wanted 4", ["bridge delay", "", "4", "2"]),
        ("TFTP root of 10.1.0.1/24: found none, wanted /srv", ["ip tftp root", "10.1.0.1/24", "/srv", ""]),
        ("bridge macTableManager: found none, wanted libvirt", ["bridge macTableManager", "", "libvirt", ""]),
        ("dnsmasq option log-dhcp is missing", ["dnsmasq option", "", "log-dhcp", ""]),
        (
            "Host entry of fd00::1/64 id:00:01 fd00::8 is missing",
            ["ip dhcp host", "fd00::1/64", "id:00:01 fd00::8", ""],
        ),
    ],
)
def test_a_line_about_settings_that_libvirt_drops_becomes_a_code(line, code):
    assert codes.difference(line) == code


@pytest.mark.parametrize(
    ("verb", "text", "code"),
    [
        ("stop", "Stop net1", {"network": "net1"}),
        ("stop", "Stop net1, which libvirt then forgets", {"network": "net1", "variant": "transient"}),
        (
            "restart",
            "Restart net1, for libvirt cannot change this live: MTU, TFTP root of 10.1.0.1/24. "
            "What others have stored takes effect as well: Domain",
            {
                "network": "net1",
                "variant": "stored",
                "fields": [["mtu size", ""], ["ip tftp root", "10.1.0.1/24"]],
                "stored": [["domain name", ""]],
            },
        ),
        (
            "update",
            "Delete host entry of fd00::1/64: id:00:01 fd00::8",
            {"command": "delete", "field": ["ip dhcp host", "fd00::1/64"], "value": "id:00:01 fd00::8"},
        ),
        (
            "update",
            "Change port group: red vlan=10 → red vlan=20",
            {"command": "change", "field": ["portgroup", ""], "was": "red vlan=10", "value": "red vlan=20"},
        ),
    ],
)
def test_accepted_steps_of_earlier_versions_become_codes(verb, text, code):
    empty = {"variant": "", "network": "", "fields": [], "stored": [], "command": "", "field": ["", ""]}
    expected = {**SHOWN, **empty, "value": "", "was": "", "step": verb, "note": "", **code}
    assert codes.step({"step": verb, "text": text, **SHOWN}) == expected
