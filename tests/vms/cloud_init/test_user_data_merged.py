"""The user's data and the portal's, merged by cloud-init itself: the user's wins, and the portal brings up its NICs."""

import pytest

from tests.support.cloud_init.unpacked import ask, newer
from vms.definition.cloud_init import combined_user_data

pytestmark = pytest.mark.integration

HEAD = "#cloud-config\n"
PORTALS = (
    f"{HEAD}disable_root: false\nssh_pwauth: true\nhostname: alma-8-8\nssh_authorized_keys: [portals]\n"
    "bootcmd:\n- [sh, -c, raise]\nupdates: {network: {when: [boot, hotplug]}}\n"
)
MERGED = {
    "disable_root": False,
    "ssh_pwauth": True,
    "hostname": "alma-8-8",
    "ssh_authorized_keys": ["portals"],
    "bootcmd": [["sh", "-c", "raise"]],
    "updates": {"network": {"when": ["boot", "hotplug"]}},
}
BOTH = {"bootcmd": [["sh", "-c", "raise"], "added"]}
MESSAGE = 'Content-Type: multipart/mixed; boundary="x"\nMIME-Version: 1.0\n\n--x\nContent-Type: text/{}\n\n{}\n--x--\n'
REPLACES = "list(replace)+dict(replace)+str()"
CASES = {
    "cloud-config": (f"{HEAD}bootcmd: [added]\n", BOTH),
    "none that is said": ("bootcmd: [added]\n", BOTH),
    "plain values": (f"{HEAD}ssh_pwauth: false\nhostname: mine\n", {"ssh_pwauth": False, "hostname": "mine"}),
    "keys": (f"{HEAD}ssh_authorized_keys: [added]\n", {"ssh_authorized_keys": ["portals", "added"]}),
    "updates": (f"{HEAD}updates: {{network: {{when: []}}}}\n", {}),
    "merge_how": (f"{HEAD}merge_how: {REPLACES}\nbootcmd: [added]\n", BOTH),
    "merge_type": (f"{HEAD}merge_type: [[list, replace], [dict, replace]]\nbootcmd: [added]\n", BOTH),
    "archive": ("#cloud-config-archive\n- type: text/cloud-config\n  content: |\n    bootcmd: [added]\n", BOTH),
    "message": (MESSAGE.format("cloud-config", f"{HEAD}bootcmd: [added]"), BOTH),
    "jinja": (f"## template: jinja\n{HEAD}bootcmd: ['{{{{ v1.local_hostname }}}}']\n",
              {"bootcmd": [["sh", "-c", "raise"], "alma-8-8"]}),
    "patch": ('#cloud-config-jsonp\n[{"op": "add", "path": "/bootcmd", "value": ["added"]}]\n', BOTH),
    "script": ("#!/bin/sh\ntrue\n", {}),
    "boothook": ("#cloud-boothook\n#!/bin/sh\ntrue\n", {}),
    "no YAML": (f"{HEAD}a: b: c\n", {}),
    "letters": (f"{HEAD}final_message: grün = gut\n", {"final_message": "grün = gut"}),
    "letters in a message": (MESSAGE.format("cloud-config", f"{HEAD}final_message: grün"), {"final_message": "grün"}),
}  # fmt: skip


@pytest.fixture(scope="module", params=["the machine’s", "a newer one"])
def merged(request: pytest.FixtureRequest) -> dict[str, dict]:
    """Return what that cloud-init merges in each case."""
    suite = newer() if request.param == "a newer one" else ""
    answers = ask(suite, user_data=[combined_user_data(PORTALS, added) for added, _ in CASES.values()])["user_data"]
    return dict(zip(CASES, answers, strict=True))


@pytest.mark.parametrize("case", CASES)
def test_cloud_init_merges_user_data_with_that_of_the_portal(merged, case):
    assert merged[case] == {**MERGED, **CASES[case][1]}
