"""The contents of a NoCloud ISO."""

import configparser
import subprocess
from email import message_from_string
from io import BytesIO
from pathlib import Path

import pycdlib
import pytest
import yaml

from vms.definition.cloud_init import (
    LEFT_OUT,
    GuestNIC,
    combined_user_data,
    iso,
    meta_data,
    network_config,
    network_user_data,
    user_data,
    virters_network_config,
)

A, B, C = "52:54:00:00:00:08", "52:54:00:80:00:01", "52:54:00:80:00:02"
BOTH = frozenset({4, 6})


def guest(mac: str, dhcp4: bool = True, **values: object) -> GuestNIC:
    return GuestNIC(mac=mac, dhcp4=dhcp4, **{"default_route": BOTH, **values})


def portal_user_data(domain: str = "", **network: object) -> str:
    return user_data(
        name="alma-8-8",
        domain=domain,
        keys=("ssh-ed25519 A me",),
        private_key="private",
        public_key="public",
        network=network,
    )


def left_out(*nics: GuestNIC) -> dict[str, str]:
    """What the boot command is told of each NIC."""
    commands = network_user_data(nics).get("bootcmd", [["sh", "-c", LEFT_OUT, "nics.sh"]])
    assert commands[0][:4] == ["sh", "-c", LEFT_OUT, "nics.sh"]
    return dict(word.split("=") for word in commands[0][4:])


def test_the_metadata_contains_the_name_of_the_guest():
    assert yaml.safe_load(meta_data("alma-8-8")) == {"instance-id": "alma-8-8", "local-hostname": "alma-8-8"}


def test_user_data_equals_that_of_virter():
    text = portal_user_data(domain="test")
    assert text.startswith("#cloud-config\n")
    assert yaml.safe_load(text) == {
        "disable_root": False,
        "ssh_pwauth": True,
        "ssh_authorized_keys": ["ssh-ed25519 A me"],
        "ssh_keys": {"rsa_private": "private", "rsa_public": "public"},
        "preserve_hostname": False,
        "hostname": "alma-8-8",
        "fqdn": "alma-8-8.test",
    }
    assert yaml.safe_load(portal_user_data())["fqdn"] == "alma-8-8"


def test_the_network_is_configured_at_every_boot_and_for_a_card_that_is_plugged_in():
    assert network_user_data((guest(A),)) == {
        "updates": {"network": {"when": ["boot-new-instance", "boot", "hotplug"]}}
    }


def test_nics_without_dhcp_are_raised_at_every_boot():
    assert left_out(guest(A), guest(B, dhcp4=False)) == {B: "up,no-ipv4,no-ipv6"}


def test_a_nic_that_is_not_configured_is_not_mentioned():
    nics = (guest(A), GuestNIC(mac=B, managed=False), guest(C))
    assert left_out(*nics) == {}
    assert [nic["match"]["macaddress"] for nic in yaml.safe_load(network_config(nics))["ethernets"].values()] == [A, C]


def test_the_boot_command_applies_settings_that_renderers_ignore():
    assert left_out(guest(A, default_route=frozenset({6}), use_dns=False)) == {A: "no-route-4,no-dns"}
    assert left_out(guest(A, ra=True, dhcp6=True, default_route=frozenset())) == {A: "no-route-4,no-route-6"}
    second = guest(B, default_route=frozenset())
    assert left_out(guest(A), second) == {A: "route-4", B: "no-route-4"}
    assert left_out(guest(A, metric=300, mtu=9000)) == {A: "mtu-9000,metric-300"}
    static = GuestNIC(mac=A, addresses=("10.0.0.5/24",), gateways=("10.0.0.1",), default_route=BOTH, ra=False)
    assert left_out(static) == {A: "via-10.0.0.1,no-ipv6"}


def test_one_nic_on_plain_dhcp_needs_no_network_config():
    assert network_config((guest(A),)) is None
    for other in (guest(A, dhcp6=True), guest(A, mtu=9000), guest(A, use_dns=False), guest(A, dns=("10.0.0.53",))):
        assert network_config((other,)) is not None


def test_every_nic_requests_what_its_network_offers():
    nics = (guest(A), guest(B, dhcp4=False), guest(C, dhcp6=True, ra=True, default_route=frozenset({6})))
    config = yaml.safe_load(network_config(nics))
    assert config["version"] == 2
    first, second, third = config["ethernets"].values()
    assert first == {"match": {"macaddress": A}, "dhcp4": True, "dhcp6": False}, "the boot waits for it"
    assert second["optional"] and third["optional"]
    assert (second["dhcp4"], second["dhcp6"], "dhcp4-overrides" in second) == (False, False, False)
    assert (third["dhcp6"], third["accept-ra"]) == (True, True)
    assert third["dhcp4-overrides"] == {"use-routes": False} and "dhcp6-overrides" not in third


def test_a_static_nic_has_its_address_route_and_servers():
    static = GuestNIC(
        mac=A, addresses=("10.0.0.5/24",), gateways=("10.0.0.1",), dns=("10.0.0.53",), mtu=9000, default_route=BOTH
    )
    (nic,) = yaml.safe_load(network_config((static,)))["ethernets"].values()
    assert nic["addresses"] == ["10.0.0.5/24"] and nic["mtu"] == 9000
    assert nic["routes"] == [{"to": "0.0.0.0/0", "via": "10.0.0.1"}]
    assert nic["nameservers"] == {"addresses": ["10.0.0.53"]}


def test_the_virter_compatible_mode_uses_dhcp_on_all_nics_or_only_the_first():
    assert virters_network_config((guest(A),)) is None
    assert virters_network_config((guest(A), guest(B, managed=False))) is None
    assert virters_network_config(()) is None
    assert virters_network_config((guest(A, dhcp6=True), guest(B))) == (
        "version: 2\n"
        "ethernets:\n"
        "  eth0:\n    dhcp4: true\n    dhcp6: true\n"
        "  enp1s0:\n    dhcp4: true\n    dhcp6: true\n"
        "  eth1:\n    dhcp4: true\n"
        "  enp2s0:\n    dhcp4: true\n"
    )


def run_boot_command(root: Path, *words: str) -> None:
    """In a guest whose files are in `root`, and which has no programs for its network."""
    environment = {"NICS_ROOT": str(root), "PATH": "/usr/bin:/bin"}
    subprocess.run(["sh", "-c", LEFT_OUT, "nics.sh", *words], env=environment, check=True)


@pytest.fixture
def card(tmp_path: Path) -> Path:
    """The root of a guest with one card."""
    folder = tmp_path / "sys/class/net/nicsh0"  # a name that no card of this machine has
    (folder / "device").mkdir(parents=True)
    (folder / "address").write_text(f"{A}\n")
    return tmp_path


def test_networkmanager_reads_in_the_cards_profile_what_it_is_not_to_do(card: Path):
    profile = card / "etc/NetworkManager/system-connections/cloud-init-nicsh0.nmconnection"
    profile.parent.mkdir(parents=True)
    profile.write_text("[connection]\nid=cloud-init nicsh0\n\n[ipv4]\nmethod=auto\nmay-fail=false\n")
    for _ in range(2):  # as at each boot
        run_boot_command(card, f"{A}=no-route-4,no-ipv6", f"{B}=up")
    found = configparser.ConfigParser()
    found.read(profile)
    assert dict(found["ipv4"]) == {"method": "auto", "may-fail": "false", "never-default": "true"}
    assert dict(found["ipv6"]) == {"method": "link-local"}
    run_boot_command(card, f"{A}=no-ipv4")
    assert profile.read_text().count("method=") == 2 and "method=disabled" in profile.read_text()


def test_dhclient_takes_no_router_of_a_nic_that_is_not_the_default_route(card: Path):
    hooks = card / "etc/dhcp/dhclient-enter-hooks.d"
    hooks.mkdir(parents=True)
    run_boot_command(card, f"{A}=no-route-4,no-dns")
    loopback = "new_routers=1 new_domain_name_servers=2 interface=lo"
    said = f"{loopback}; . {hooks}/nics; echo $new_routers $new_domain_name_servers"
    assert subprocess.check_output(["sh", "-c", said], text=True) == "1 2\n"
    run_boot_command(card, f"{A}=no-dns", f"{B}=via-10.0.0.1,dns-10.0.0.53,no-ipv6")
    assert subprocess.check_output(["sh", "-c", said], text=True) == "1 2 10.0.0.53\n", "a static NIC's is asked, too"
    mac = Path("/sys/class/net/lo/address").read_text().strip()
    run_boot_command(card, f"{mac}=no-route-4,no-dns")
    assert subprocess.check_output(["sh", "-c", said], text=True) == "\n"


def test_networkd_believes_no_router_of_a_nic_that_is_not_the_default_route(card: Path):
    unit = card / "run/systemd/network/10-netplan-nic0.network"
    unit.parent.mkdir(parents=True)
    unit.write_text(f"[Match]\nPermanentMACAddress={A}\n")
    run_boot_command(card, f"{A}=no-route-6")
    dropped = card / "etc/systemd/network/10-netplan-nic0.network.d/no-route.conf"
    assert dropped.read_text() == "[IPv6AcceptRA]\nUseGateway=no\n"


def test_the_rhel_family_takes_no_default_route_of_it_either(card: Path):
    file = card / "etc/sysconfig/network-scripts/ifcfg-nicsh0"
    file.parent.mkdir(parents=True)
    file.write_text("BOOTPROTO=dhcp\nDEFROUTE=yes\n")
    run_boot_command(card, f"{A}=no-route-4")
    assert file.read_text() == "BOOTPROTO=dhcp\nDEFROUTE=no\n"


def test_every_distribution_ranks_a_default_route(card: Path):
    files = {
        "network-scripts/ifcfg-nicsh0": "METRIC=300\nIPV4_ROUTE_METRIC=300\n",
        "network/ifcfg-nicsh0": "DHCLIENT_ROUTE_PRIORITY=300\n",
    }
    for name in files:
        path = card / "etc/sysconfig" / name
        path.parent.mkdir(parents=True)
        path.write_text("BOOTPROTO=dhcp\n")
    for _ in range(2):  # as at each boot
        run_boot_command(card, f"{A}=mtu-9000,metric-300")
    for name, ranked in files.items():
        assert (card / "etc/sysconfig" / name).read_text() == f"BOOTPROTO=dhcp\n{ranked}"


@pytest.mark.parametrize(
    ("added", "kind"),
    [
        ("#cloud-config\npackages: [tcpdump]\n", "text/cloud-config"),
        ("#!/bin/sh\necho hello\n", "text/x-shellscript"),
        ("packages: [tcpdump]\n", "text/cloud-config"),
    ],
)
def test_additional_user_data_is_a_part_before_the_portals(added, kind):
    message = message_from_string(combined_user_data(portal_user_data(), added))
    first, second = message.get_payload()
    assert (first.get_content_type(), second.get_content_type()) == (kind, "text/cloud-config")
    assert first.get_payload(decode=True).decode() == added
    assert second.get_payload(decode=True).decode() == portal_user_data()


def test_without_further_user_data_there_is_one_part():
    assert combined_user_data(portal_user_data(), " \n") == portal_user_data()


def test_the_iso_is_one_that_cloud_init_finds():
    image = pycdlib.PyCdlib()
    image.open_fp(BytesIO(iso({"meta-data": b"a: 1\n", "user-data": "näme".encode(), "network-config": b""})))
    assert image.pvd.volume_identifier.strip() == b"cidata"
    for options in ("rr_path", "joliet_path"):
        out = BytesIO()
        image.get_file_from_iso_fp(out, **{options: "/user-data"})
        assert out.getvalue().decode() == "näme"
    image.close()


def test_combined_user_data_is_reproducible():
    assert combined_user_data(portal_user_data(), "#!/bin/sh\ntrue\n") == combined_user_data(
        portal_user_data(), "#!/bin/sh\ntrue\n"
    )
