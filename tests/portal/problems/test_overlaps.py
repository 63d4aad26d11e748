"""Blocks of networks that overlap other networks or routes of the host."""

from networks.models import Network
from tests.portal.problems.observed_network import another, kinds
from tests.support.making import make_foreign_network, make_hypervisor, make_network
from virterweb.hypervisors.models import HypervisorStatus
from virterweb.portal.checks import problems_of
from virterweb.portal.problems import Kind


def route(lab, *routes: tuple[str, str]) -> None:
    HypervisorStatus.objects.filter(hypervisor=lab).update(routes=routes)


def test_overlapping_blocks_of_two_networks_of_a_hypervisor_are_a_problem(default, lab):
    wide = another(lab, "wide", "192.168.0.1/16", "virbr1")
    found = problems_of(Network.objects.shown())
    assert [problem.kind for problem in found] == [Kind.OVERLAP, Kind.OVERLAP]
    texts = {problem.network: problem.text for problem in found}
    assert "192.168.122.0/24 overlaps 192.168.0.0/16 of the network wide." in texts[default.pk]
    assert "of the network default" in texts[wide.pk]


def test_a_saved_network_that_is_not_applied_yet_can_overlap(default, lab):
    make_network(lab, "soon", "192.168.122.129/25")
    assert kinds(default) == [Kind.OVERLAP]


def test_a_block_with_another_route_on_the_host_overlaps(default, lab):
    route(lab, ("192.168.122.0/25", "eth0"))
    (problem,) = problems_of(Network.objects.shown())
    assert problem.kind == Kind.OVERLAP
    assert "the host, which routes it through eth0" in problem.text


def test_a_network_does_not_overlap_its_own_bridge_or_another_hypervisor(default, lab):
    route(lab, ("192.168.122.0/24", "virbr0"), ("10.0.0.0/8", "eth0"))
    elsewhere = make_hypervisor("lab-2")
    same = make_foreign_network(elsewhere)
    route(elsewhere, ("192.168.122.0/24", "virbr0"))
    assert kinds(default, same) == []


def test_a_network_that_is_being_deleted_does_not_overlap_its_own_bridge(lab):
    network = make_network(lab)
    network.status.write(present=True, active=True, generation=1, ip_range="10.255.0.1/24", bridge="virbr1")
    route(lab, ("10.255.0.0/24", "virbr1"))
    assert kinds(network) == []
    network.remove()
    assert kinds(network) == []
