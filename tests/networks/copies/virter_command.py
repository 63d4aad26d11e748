"""The network that a Virter command creates."""

import argparse
import shlex

from networks.definition import addressing
from networks.definition.document.edit import build
from networks.definition.spec import NetworkSpec
from tests.networks.copies.copied_networks import block, generated

FLAGS = argparse.ArgumentParser(exit_on_error=False)
FLAGS.add_argument("name")
FLAGS.add_argument("--dhcp", action="store_true")
FLAGS.add_argument("--dhcp-mac", default=addressing.ACCESS_MAC)
FLAGS.add_argument("--dhcp-id", type=int, default=0)
FLAGS.add_argument("--dhcp-count", type=int, default=0)
for flag in ("--forward-mode", "--network-cidr", "--network-v6-cidr", "--domain"):
    FLAGS.add_argument(flag, default="")


def created_by_virter(line: str) -> str:
    """Return the network that `virter network add` creates. Without --dhcp it creates no DHCP reservations."""
    virter, network, add, *words = shlex.split(line, comments=True)
    assert (virter, network, add) == ("virter", "network", "add")
    asked = FLAGS.parse_args(words)
    hosts = ()
    if asked.network_cidr and asked.dhcp:
        hosts = generated(asked.network_cidr, asked.dhcp_mac, asked.dhcp_id, asked.dhcp_count)
    blocks = [block(asked.network_cidr, asked.dhcp, hosts)] if asked.network_cidr else []
    if asked.network_v6_cidr:
        blocks.append(block(asked.network_v6_cidr, asked.dhcp))
    return build(
        NetworkSpec(
            name=asked.name,
            forward_mode=asked.forward_mode,
            nat_ipv6=asked.forward_mode == "nat" and bool(asked.network_v6_cidr),
            domain=asked.domain,
            local_only=bool(asked.domain),
            dns=bool(asked.domain or asked.forward_mode),
            subnets=tuple(blocks),
        )
    )
