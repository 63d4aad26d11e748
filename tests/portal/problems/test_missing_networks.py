"""NICs on networks that libvirt does not have, and the order of problems."""

from tests.portal.problems.observed_network import EIGHT, NINE, nic
from virterweb.portal import problems
from virterweb.portal.problems import Kind, Step


def test_a_nic_on_a_network_that_libvirt_does_not_have_is_a_problem():
    (problem,) = problems.of_nics((nic(network=None), nic(NINE, "alma-9")), ("net1", "net2"))
    assert problem.text == f"NIC {EIGHT} of alma-8 refers to the network gone, which does not exist."
    assert (problem.kind, problem.step, problem.vm, problem.network) == (Kind.GONE, Step.LOOK_AT_VM, "alma-8", None)


def test_a_nic_on_a_bridge_or_on_a_network_that_was_not_polled_yet_is_no_problem():
    bridged = nic(network=None, kind="bridge", source="br0")
    assert list(problems.of_nics((bridged, nic(network=None, source="net2")), ("net1", "net2"))) == []


def test_problems_are_ordered_by_severity():
    tones = [kind.tone for kind in Kind]
    assert tones == sorted(tones, key=("failed", "pending", "quiet").index)
