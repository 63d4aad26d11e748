"""Blocks in use on a hypervisor: which forbid another, which are warned of, and which is proposed."""

import pytest

from networks.addresses.blocks import next_free_block, taken_blocks
from networks.models import Network
from tests.support.making import make_foreign_network, make_hypervisor
from virterweb.hypervisors.models import HypervisorStatus

GOOD = {"name": "net1", "forward_mode": "", "dhcp": "on", "local_only": "on", "stp": "on", "autostart": "on"}


@pytest.fixture
def lab(db, enqueued):
    lab = make_hypervisor()
    make_foreign_network(lab)
    make_foreign_network(lab, SLEEPING, active=False)
    return lab


SLEEPING = """<network><name>sleeping</name><uuid>{uuid}</uuid><bridge name='virbr9'/>
<ip address='10.9.0.1' prefix='24'/></network>"""


def route(*blocks: str) -> None:
    HypervisorStatus.objects.update(routes=[[block, "tun0"] for block in blocks])


def add(page, lab, ipv4: str):
    return page.post("/networks/add/", {"hypervisor": lab.pk, **GOOD, "ipv4": ipv4})


def preview(page, lab, ipv4: str) -> str:
    answer = page.post("/networks/add/preview/", {"hypervisor": lab.pk, **GOOD, "ipv4": ipv4})
    return answer.content.decode()


@pytest.mark.parametrize("routed", ["10.0.0.0/8", "10.254.1.0/25", "0.0.0.0/1"])
def test_a_wider_or_narrower_route_is_warned_of_by_name_and_another_block_proposed(page, lab, routed):
    route(routed)
    said = preview(page, lab, "10.254.1.1/24")
    assert f"10.254.1.0/24 overlaps {routed} of the host, which routes it through tun0." in said
    assert f"For example, {next_free_block(taken_blocks(lab))} is free." in said
    assert add(page, lab, "10.254.1.1/24").status_code == 302


def test_the_same_route_is_refused_as_libvirt_does_and_another_block_proposed(page, lab):
    route("10.254.1.0/24")
    answer = add(page, lab, "10.254.1.9/24")
    assert answer.status_code == 422
    (said,) = answer.context["form"].errors["ipv4"]
    assert said.startswith("10.254.1.0/24 overlaps 10.254.1.0/24 of the host, which routes it through tun0.")
    assert "For example, 10.255.0.1/24 is free." in said
    assert not Network.objects.filter(managed=True).exists()


def test_an_inactive_networks_block_is_warned_of_and_an_active_ones_refused(page, lab):
    assert "10.9.0.0/24 overlaps 10.9.0.0/24 of the network sleeping, which is inactive." in preview(
        page, lab, "10.9.0.1/24"
    )
    assert add(page, lab, "192.168.122.1/24").status_code == 422
    assert add(page, lab, "10.9.0.1/24").status_code == 302


@pytest.mark.parametrize(
    ("routed", "proposed"),
    [
        ((), "10.255.0.1/24"),
        (("10.255.0.0/17",), "10.255.128.1/24"),
        (("10.255.0.0/16",), "10.0.0.1/24"),
        (("10.0.0.0/8",), "172.16.0.1/24"),
        (("10.0.0.0/8", "172.16.0.0/12"), "192.168.0.1/24"),
        (("0.0.0.0/1", "128.0.0.0/1"), "10.255.0.1/24"),
        (("0.0.0.0/1", "128.0.0.0/1", "10.255.0.0/24"), "10.255.1.1/24"),
    ],
)
def test_the_proposed_block_is_outside_every_route_unless_one_takes_everything(page, lab, routed, proposed):
    route(*routed)
    assert next_free_block(taken_blocks(Network.objects.first().hypervisor)) == proposed
    assert page.get("/networks/add/").context["form"]["ipv4"].value() == proposed
