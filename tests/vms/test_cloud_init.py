"""What a guest finds on its NoCloud ISO."""

from email import message_from_string
from io import BytesIO

import pycdlib
import pytest
import yaml

from vms.cloud_init import GuestNIC, combined_user_data, iso, meta_data, network_config, user_data

A, B = "52:54:00:00:00:08", "52:54:00:80:00:01"


def guest(mac: str, dhcp4: bool = True, dhcp6: bool = False) -> GuestNIC:
    return GuestNIC(mac=mac, dhcp4=dhcp4, dhcp6=dhcp6)


def ours(domain: str = "", silent: tuple[str, ...] = ()) -> str:
    return user_data(
        name="alma-8-8",
        domain=domain,
        keys=("ssh-ed25519 A me",),
        private_key="private",
        public_key="public",
        silent_macs=silent,
    )


def test_the_guest_is_told_its_name():
    assert yaml.safe_load(meta_data("alma-8-8")) == {"instance-id": "alma-8-8", "local-hostname": "alma-8-8"}


def test_user_data_is_virters():
    text = ours(domain="test")
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
    assert yaml.safe_load(ours())["fqdn"] == "alma-8-8"


def test_nics_without_dhcp_are_raised_at_every_boot():
    ((shell, flag, command),) = yaml.safe_load(ours(silent=(A, B)))["bootcmd"]
    assert (shell, flag) == ("sh", "-c")
    assert f"{A}|{B}" in command


def test_one_nic_on_plain_dhcp_needs_no_network_config():
    assert network_config((guest(A),)) is None
    assert network_config((guest(A, dhcp6=True),)) is not None


def test_every_nic_asks_for_what_its_network_has():
    config = yaml.safe_load(network_config((guest(A), guest(B, dhcp4=False), guest("52:54:00:80:00:02", dhcp6=True))))
    assert config["version"] == 2
    first, second, third = config["ethernets"].values()
    assert first == {"match": {"macaddress": A}, "dhcp4": True, "dhcp6": False, "optional": True}
    assert (second["dhcp4"], second["dhcp6"], "dhcp4-overrides" in second) == (False, False, False)
    assert third["dhcp6"] and third["dhcp4-overrides"] == {"route-metric": 300}


@pytest.mark.parametrize(
    ("theirs", "kind"),
    [
        ("#cloud-config\npackages: [tcpdump]\n", "text/cloud-config"),
        ("#!/bin/sh\necho hello\n", "text/x-shellscript"),
        ("packages: [tcpdump]\n", "text/cloud-config"),
    ],
)
def test_further_user_data_is_a_part_before_ours(theirs, kind):
    message = message_from_string(combined_user_data(ours(), theirs))
    first, second = message.get_payload()
    assert (first.get_content_type(), second.get_content_type()) == (kind, "text/cloud-config")
    assert first.get_payload(decode=True).decode() == theirs
    assert second.get_payload(decode=True).decode() == ours()


def test_without_further_user_data_there_is_one_part():
    assert combined_user_data(ours(), " \n") == ours()


def test_the_iso_is_one_that_cloud_init_finds():
    image = pycdlib.PyCdlib()
    image.open_fp(BytesIO(iso({"meta-data": b"a: 1\n", "user-data": "näme".encode(), "network-config": b""})))
    assert image.pvd.volume_identifier.strip() == b"cidata"
    for options in ("rr_path", "joliet_path"):
        out = BytesIO()
        image.get_file_from_iso_fp(out, **{options: "/user-data"})
        assert out.getvalue().decode() == "näme"
    image.close()
