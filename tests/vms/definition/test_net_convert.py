"""The portal's network configuration as rendered by cloud-init, also for distributions without a lab test.

`net_convert.txt` has, of each renderer, mixture and NIC, all that matters of what cloud-init wrote; a line that begins
with < is what a cloud-init before 24 writes instead. What renderers leave out, `nics.sh` does in the guest.
"""

import json
import re
from collections.abc import Callable
from functools import cache

import pytest
import yaml
from jsonschema import Draft4Validator

from networks.definition.spec import NetworkSpec, RangeSpec, SubnetSpec
from tests import DATA
from tests.support.cloud_init.unpacked import NETWORK_SCHEMA, ask, newer, package, version
from vms.definition.cloud_init import network_config
from vms.definition.guest_nic import Attached, GuestSpec, Mode, guest_nics

pytestmark = pytest.mark.integration

DHCP4 = SubnetSpec(address="10.0.0.1", prefix=24, ranges=(RangeSpec(start="10.0.0.2", end="10.0.0.99"),))
DHCP6 = SubnetSpec(address="fd00::1", prefix=64, ranges=(RangeSpec(start="fd00::2", end="fd00::99"),))
BARE = SubnetSpec(address="10.9.0.1", prefix=24)


def on(*subnets: SubnetSpec, mtu: int | None = None, mode: Mode = Mode.AUTO, reserved: str = "", **desired) -> dict:
    """A NIC on a NAT network of these blocks; on a host bridge without any."""
    network = NetworkSpec(name="net", forward_mode="nat", subnets=subnets, mtu=mtu) if subnets else None
    return {"network": network, "reserved": reserved, "desired": GuestSpec(mode=mode, **desired)}


DHCP, NONE, BRIDGE, BOTH, SIX = on(DHCP4), on(BARE), on(), on(DHCP4, DHCP6), on(DHCP6)
MIXTURES = {
    "DHCP, DHCP": (DHCP, DHCP),
    "DHCP, none": (DHCP, NONE),
    "none on a bridge, DHCP": (BRIDGE, DHCP),
    "DHCP, none, DHCP": (DHCP, NONE, DHCP),
    "DHCPv4+v6, v6 only": (BOTH, SIX),
    "five": (DHCP, NONE, BOTH, SIX, BRIDGE),
    "static, DHCP": (on(DHCP4, mode=Mode.STATIC, reserved="10.0.0.8"), DHCP),
    "static of both families": (on(BARE, DHCP6, mode=Mode.STATIC, addresses=("10.9.0.8/24", "fd00::8/64")), NONE),
    "MTU 9000": (on(DHCP4, mtu=9000), on(BARE, mtu=9000), on(DHCP4, mtu=9000, mode=Mode.STATIC, reserved="10.0.0.8")),
    "metric": (
        *(DHCP, on(DHCP4, metric=200)),
        on(BARE, mode=Mode.STATIC, addresses=("10.9.0.8/24",), gateways=("10.9.0.1",), metric=300),
    ),
    "not configured": (DHCP, on(DHCP4, mode=Mode.ALONE), NONE),
}
DISTRIBUTIONS = {  # and by which table they go
    ("rhel", "sysconfig"): "RHEL",
    ("fedora", "sysconfig"): "RHEL",
    ("sles", "sysconfig"): "SUSE",
    ("opensuse", "sysconfig"): "SUSE",
    ("fedora", "network-manager"): "NetworkManager",
    ("rhel", "network-manager"): "NetworkManager",
    ("debian", "networkd"): "networkd",
    ("debian", "eni"): "ifupdown",
    ("alpine", "eni"): "ifupdown",
    ("ubuntu", "netplan"): "netplan",
}
CASES = [(*how, mixture) for how in DISTRIBUTIONS for mixture in MIXTURES]
ABSENT, NEITHER = "no file", "neither ipv4 nor ipv6"
GOLDEN = DATA / "net_convert.txt"


def config(mixture: str) -> str | None:
    nics = (Attached(mac=f"52:54:00:00:00:{number:02x}", **nic) for number, nic in enumerate(MIXTURES[mixture], 8))
    return network_config(guest_nics(nics))


@pytest.fixture(scope="module", params=["the machine’s", "a newer one"])
def suite(request: pytest.FixtureRequest) -> str:
    """Of which release of Debian the cloud-init is that is asked; "": of the machine's own distribution."""
    return newer() if request.param == "a newer one" else ""


@pytest.fixture
def files(suite: str) -> dict[tuple[str, str, str], dict[str, str]]:
    """By distribution, renderer and mixture, the paths and texts of the files."""
    return written(suite)


@cache
def written(suite: str) -> dict[tuple[str, str, str], dict[str, str]]:
    answers = ask(suite, configs=[(distro, kind, config(mixture)) for distro, kind, mixture in CASES])["configs"]
    return dict(zip(CASES, answers, strict=True))


def golden(old: bool) -> dict[tuple[str, str], list[str]]:
    """By table and mixture, a line for each NIC."""
    table, mixture, found = "", "", {}
    for line in GOLDEN.read_text().splitlines():
        if line.startswith("# "):
            table = line.removeprefix("# ")
        elif line.startswith("  < "):
            if old:
                found[table, mixture][-1] = line[4:]
        elif line.startswith("  "):
            found[table, mixture].append(line.strip())
        elif mixture := line.strip():
            found[table, mixture] = []
    return found


def assignments(text: str, wanted: str) -> str:
    """The lines NAME=VALUE of these names, in their order."""
    found = dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))
    return " ".join(f"{name}={found[name]}" for name in wanted.split() if name in found) or ABSENT


def rhel(files: dict[str, str], number: int) -> str:
    text = files.get(f"etc/sysconfig/network-scripts/ifcfg-nic{number}", "")
    assert not text or f"HWADDR=52:54:00:00:00:{number + 8:02x}" in text.splitlines()
    return assignments(
        text, "ONBOOT BOOTPROTO DHCPV6C IPADDR NETMASK GATEWAY IPV6ADDR IPV6_DEFAULTGW DEFROUTE METRIC DNS1 MTU"
    )


def suse(files: dict[str, str], number: int) -> str:
    text = files.get(f"etc/sysconfig/network/ifcfg-nic{number}", "")
    assert not text or f"LLADDR=52:54:00:00:00:{number + 8:02x}" in text.splitlines()
    return assignments(text, "STARTMODE BOOTPROTO DHCLIENT6_MODE IPADDR NETMASK IPADDR6 MTU")


def sections(text: str, kept: Callable[[str, str], bool]) -> str:
    """An INI file as section.NAME=VALUE, those that are kept."""
    section, found = "", []
    for line in text.splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif "=" in line and not line.startswith("#") and kept(section, line.split("=")[0]):
            found.append(f"{section}.{line}")
    return " ".join(sorted(found))


def network_manager(files: dict[str, str], number: int) -> str:
    text = files.get(f"etc/NetworkManager/system-connections/cloud-init-nic{number}.nmconnection", "")
    assert not text or f"mac-address=52:54:00:00:00:{number + 8:02X}" in text.splitlines()
    # Whether a family may fail where both are wanted depends on the version.
    said = sections(text, lambda section, name: (section.startswith("ip") and name != "may-fail") or name == "mtu")
    return said or (NEITHER if text else ABSENT)


def networkd(files: dict[str, str], number: int) -> str:
    text = files.get(f"etc/systemd/network/10-cloud-init-nic{number}.network", "")
    assert not text or f"MACAddress=52:54:00:00:00:{number + 8:02x}" in text.splitlines()
    # Before 23.4 routers that are not to be believed, and what the boot is not to wait for, are left out.
    late = (("Network", "IPv6AcceptRA=False"), ("Link", "RequiredForOnline=no"))
    text = "\n".join(line for line in text.splitlines() if line not in [line for _, line in late])
    return sections(text, lambda section, name: section != "Match") or ABSENT


def ifupdown(files: dict[str, str], number: int) -> str:
    (path,) = (path for path in files if path.startswith("etc/network/interfaces"))
    name, found = f"nic{number}", []
    for stanza in re.split(r"\n(?=auto|iface)", files[path]):
        first, *options = stanza.strip().splitlines()
        if first.split()[:2] == ["auto", name]:
            found.append("auto")
        elif first.split()[:2] == ["iface", name]:
            found.append(" ".join(first.split()[2:]))
            kept = ("address", "gateway", "mtu", "dns-nameservers", "metric", "post-up")
            found += [line.strip() for line in options if line.strip().startswith(kept)]
    return "; ".join(found) or ABSENT


SHOWN = {"RHEL": rhel, "SUSE": suse, "NetworkManager": network_manager, "networkd": networkd, "ifupdown": ifupdown}


@pytest.mark.parametrize(("distro", "kind", "mixture"), [case for case in CASES if case[1] != "netplan"])
def test_a_distribution_brings_up_every_nic_as_desired(files, suite, distro, kind, mixture):
    table = DISTRIBUTIONS[distro, kind]
    there, old = files[distro, kind, mixture], version(suite) < (24,)
    assert [SHOWN[table](there, number) for number in range(len(MIXTURES[mixture]))] == golden(old)[table, mixture]


@pytest.mark.parametrize("mixture", MIXTURES)
def test_netplan_gets_the_configuration_unchanged(files, mixture):
    given = yaml.safe_load(files["ubuntu", "netplan", mixture]["etc/netplan/50-cloud-init.yaml"])
    assert given == {"network": yaml.safe_load(config(mixture))}


@pytest.mark.parametrize("mixture", MIXTURES)
def test_cloud_inits_own_schema_allows_it(mixture):
    schema = json.loads((package(newer()) / NETWORK_SCHEMA).read_text())
    Draft4Validator(schema).validate(yaml.safe_load(config(mixture)))


def test_systemd_waits_for_one_nic_at_most():
    """cloud-init before version 24 does not write this."""
    configs = [("debian", "networkd", config(mixture)) for mixture in MIXTURES]
    for files in ask(newer(), configs=configs)["configs"]:
        texts = [text for path, text in files.items() if path.endswith(".network")]
        assert len(texts) - sum("RequiredForOnline=no" in text for text in texts) == 1


def test_one_nic_with_dhcp_gets_no_network_config():
    assert network_config(guest_nics([Attached(mac="52:54:00:00:00:08", **DHCP)])) is None
