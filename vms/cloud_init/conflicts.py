"""Parts of user data that conflict with what the portal writes."""

import re
from collections.abc import Iterator

import yaml

from . import cloud_config

MERGERS = re.compile(r"(list|dict|str)\([^()]*\)(\+(list|dict|str)\([^()]*\))*")

#: files for installers, which are useless as user data, by the pattern of a line
INSTALLERS = (
    (re.compile(r"^(%packages|%post|%pre|#version=(RHEL|F|DEVEL)|(auth|authselect|rootpw|bootloader) --)", re.M),
     "a kickstart file, which the installer of Fedora and RHEL reads"),
    (re.compile(r"^(#_preseed_V1|d-i \S{1,200} \S)", re.M), "a preseed file, which Debian’s installer reads"),
    (re.compile(r"<profile[^>]{0,500}xmlns=\S{0,200}yast", re.I), "an AutoYaST profile, which SUSE’s installer reads"),
    (re.compile(r"<unattend[^>]{0,500}xmlns=", re.I), "an answer file, which the setup of Windows reads"),
)  # fmt: skip


LISTS = {
    "bootcmd": "which brings up the NICs",
    "ssh_authorized_keys": "which allows people to log in",
}


SET = {
    "hostname": "the guest then has another name than in the portal",
    "fqdn": "the guest then has another name than in the portal",
    "ssh_keys": "the guest then has another SSH host key than the portal expects",
    "network": "cloud-init ignores a network in user data; the portal configures the NICs",
    "disable_network_activation": "cloud-init then does not bring up any NIC",
}


NETWORK_FOLDERS = (
    *("/etc/cloud/cloud.cfg.d/", "/etc/netplan/", "/etc/network/", "/etc/systemd/network/", "/etc/NetworkManager/"),
    *("/etc/sysconfig/network-scripts/", "/etc/sysconfig/network", "/etc/resolv.conf"),
)


def _merges(key: str, value: yaml.Node) -> Iterator[str]:
    if isinstance(value, yaml.ScalarNode) and not MERGERS.fullmatch(value.value.replace(" ", "")):
        yield f"has an invalid {key}, so cloud-init ignores this part; valid: list(append)+dict(recurse_array)+str()"


def _is_true(value: yaml.Node) -> bool:
    return isinstance(value, yaml.ScalarNode) and value.value.lower() in ("true", "yes", "on", "1")


def _nothing(key: str, value: yaml.Node) -> Iterator[str]:
    yield from ()


def _sets(key: str, value: yaml.Node) -> Iterator[str]:
    yield f"sets {key}: {SET[key]}"


def _joins(key: str, value: yaml.Node) -> Iterator[str]:
    if not isinstance(value, yaml.SequenceNode):
        yield f"has {key}, which is not a list, so it cannot be merged with the portal’s {key}, {LISTS[key]}"


def _updates(key: str, value: yaml.Node) -> Iterator[str]:
    """Yield a conflict if the value prevents the guest from configuring NICs that are plugged in later."""
    network = dict(_pairs(value)).get("network")
    when = dict(_pairs(network)).get("when") if network else None
    kinds = ((value, yaml.MappingNode), (network, yaml.MappingNode), (when, yaml.SequenceNode))
    if any(node is not None and not isinstance(node, kind) for node, kind in kinds):
        yield "has updates that cannot be merged with the portal’s updates, which configure NICs that are added later"


def _stages(key: str, value: yaml.Node) -> Iterator[str]:
    steps = [step for _, _, step in cloud_config.children(value)]
    names = [step if isinstance(step, yaml.ScalarNode) else next(iter(step.value), step) for step in steps]
    if "bootcmd" not in [name.value for name in names]:
        yield f"has {key} without bootcmd, which the portal uses to bring up the NICs"


def _writes(key: str, value: yaml.Node) -> Iterator[str]:
    for _, _, file in cloud_config.children(value):
        path = dict(_pairs(file)).get("path")
        if isinstance(path, yaml.ScalarNode) and path.value.startswith(NETWORK_FOLDERS):
            yield f"writes {path.value}, which may replace the network configuration from the portal"


def _pairs(node: yaml.Node) -> list[tuple[str | int, yaml.Node]]:
    return [(key, value) for key, _, value in cloud_config.children(node)]
