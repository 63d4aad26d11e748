"""Reports of guests are parsed as untrusted input."""

import json
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vms.observed.guest_facts import CARDS, COMMAND, ERRORS, read
from vms.observed.guest_seen import CloudInit, Interface

FIRST, SECOND = "52:54:00:00:00:08", "52:54:00:80:00:01"
CARD = f"card {FIRST} 0x1003 2 ens3\ncard {SECOND.upper()} 0x1002 3 ens4\n"
FOUR, SIX, BOTH, NONE = frozenset({4}), frozenset({6}), frozenset({4, 6}), frozenset()


def parsed(text: str = ""):
    found = read(f"{CARD}{text}\nend\n")
    assert found is not None
    return found


def asks(text: str) -> list[frozenset[int] | None]:
    """For which families each of two cards asks DHCP."""
    return [card.dhcp for card in parsed(text).interfaces.values()]


def test_cards_are_known_by_their_macs_and_up_by_their_flags():
    assert parsed().interfaces == {
        FIRST: Interface(name="ens3", up=True, dhcp=NONE),
        SECOND: Interface(name="ens4", up=False, dhcp=NONE),
    }


@pytest.mark.parametrize(
    ("text", "families"),
    [
        ("client dhclient dhclient -4 -v -i -pf /run/dhclient.ens3.pid -I -df /x ens3", [FOUR, NONE]),
        ("client dhclient /sbin/dhclient -1 -6 -cf /x ens4\nclient dhclient dhclient ens4", [NONE, BOTH]),
        ("client udhcpc udhcpc -b -i ens4 -s /lease\nclient udhcpc6 udhcpc6 -i ens3", [SIX, FOUR]),
        ("client dhcpcd dhcpcd: ens3 [ip4]", [FOUR, NONE]),
        ("client dhcpcd dhcpcd: ens3 [ip4] [ip6]", [BOTH, NONE]),
        ("client dhcpcd dhcpcd -q ens4", [NONE, BOTH]),
        ("client dhcpcd dhcpcd: [manager] [ip4]", [None, None]),
        ("client dhclient", [None, None]),
        ("manager systemd-network\nnetworkd 2 ipv4\nnetworkd 3 yes\nnetworkd 9 yes", [FOUR, BOTH]),
        ("networkd 2 no\nnetworkd 3", [NONE, NONE]),
        (
            "manager NetworkManager\ndevice 2 u-1\ndevice 3 u-2\nprofile u-1 [ipv4] auto\nprofile u-1 [ipv6] dhcp\n"
            "profile u-2 [ipv4] disabled\nprofile u-2 [ipv6] ignore",
            [BOTH, NONE],
        ),
        ("manager NetworkManager\ndevice 3 u-3", [NONE, None]),
        ("manager wickedd-dhcp4", [None, None]),
    ],
)
def test_which_nics_request_dhcp(text, families):
    assert asks(text) == families


def result(*errors: str) -> str:
    return "result " + json.dumps({"v1": {"datasource": "DataSourceNoCloud", "errors": list(errors)}})


def status(stage: str | None, *errors: str) -> str:
    parts = {"init": {"errors": list(errors), "finished": 0}, "modules-final": {"errors": []}, "stage": stage}
    return "status " + json.dumps({"v1": {"datasource": None, **parts}})


@pytest.mark.parametrize(
    ("text", "word", "errors"),
    [
        ("", None, ""),
        ("cloud-init missing", CloudInit.NOT_INSTALLED, ""),
        ("cloud-init disabled", CloudInit.DISABLED, ""),
        ("cloud-init installed", CloudInit.NOT_RUN, ""),
        (f"cloud-init installed\n{status('init')}", CloudInit.RUNNING, ""),
        (f"cloud-init installed\n{status('init', 'no data')}", CloudInit.RUNNING, "no data"),
        (f"cloud-init installed\n{status(None)}\n{result()}", CloudInit.DONE, ""),
        (f"cloud-init installed\n{result('one', 'two', 'one')}", CloudInit.ERROR, "one; two"),
        ("cloud-init installed\nresult not json", CloudInit.DONE, ""),
        ("cloud-init installed\nstatus []", CloudInit.RUNNING, ""),
    ],
)
def test_the_result_of_cloud_init_is_read_from_the_report(text, word, errors):
    found = parsed(text)
    assert (found.cloud_init, found.errors) == (word, errors)


@pytest.mark.parametrize("text", ["", "end of all", f"{CARD}", f"{CARD}end\nand more", "\0\0\0"])
def test_an_incomplete_report_is_ignored(text):
    assert read(text) is None


@pytest.mark.parametrize(
    "hostile",
    [
        "result " + "[" * 15_000,
        'result {"v1": ' + "9" * 9000 + "}",
        'result {"v1": {"errors": "text"}}',
        'result {"v1": {"errors": [1, null, [[]], {"a": "b"}]}}',
        'status {"v1": {"init": {"errors": {"a": 1}}, "x": [1]}}',
        f"card {FIRST} 0xzz 2 {'n' * 500}\ncard <b> 0x1 2 n\ncard",
        f"card {FIRST} {'9' * 500} 2 n",
        "client\nmanager\nnetworkd\ndevice\nprofile\ncloud-init\nstatus\nresult",
        "networkd 2 ipv4 more\ndevice 2\nprofile",
    ],
)
def test_a_hostile_report_is_ignored(hostile):
    found = parsed(hostile)
    assert all(len(card.name) <= 40 for card in found.interfaces.values())
    assert found.errors == ""


def test_a_long_report_of_a_guest_is_truncated():
    long = parsed(f"cloud-init installed\n{result('x' * 5000, chr(27) + '[31m' + chr(0x202E))}").errors
    assert len(long) == ERRORS and long.endswith("…")
    assert parsed(f"cloud-init installed\n{result(chr(27) + 'red' + chr(0x202E))}").errors == " red "
    many = "\n".join(f"card 52:54:00:00:{n // 256:02x}:{n % 256:02x} 0x1003 {n} eth{n}" for n in range(500))
    assert len(parsed(many).interfaces) <= CARDS


@given(st.text(max_size=300))
def test_no_text_is_too_odd(text):
    for word in ("card", "client", "device", "profile", "networkd", "result", "status", "cloud-init", "manager"):
        read(f"{CARD}{word} {text}\nend")


@pytest.mark.parametrize("shell", [shell for shell in ("sh", "dash", "bash", "busybox") if shutil.which(shell)])
def test_the_program_runs_in_any_shell_and_comes_to_its_end(shell):
    command = [shell, "-c", COMMAND] if shell != "busybox" else [shell, "sh", "-c", COMMAND]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.stderr == ""
    assert read(done.stdout) is not None
