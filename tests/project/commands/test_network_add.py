"""The command that adds a network, with Virter's flags."""

import pytest

from networks.models import Network
from tests.project.commands.running_commands import run

pytestmark = pytest.mark.integration


def test_network_add_accepts_virters_flags(lab):
    run(
        *("network", "add", "net1", "--dhcp", "--network-cidr", "10.255.0.1/24", "--domain", "lab.test"),
        *("--forward-mode", "nat", "--dhcp-id", "8", "--dhcp-count", "2", "--no-wait"),
    )
    network = Network.objects.get(name="net1")
    spec = network.spec
    assert (spec.forward_mode, spec.domain, spec.local_only, len(spec.hosts)) == ("nat", "lab.test", True, 2)
    assert spec.dhcp == "10.255.0.2-10.255.0.254"
