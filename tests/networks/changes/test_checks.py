"""What libvirt always refuses is refused in the form, at its field: tried on libvirt 9.0 itself."""

from ipaddress import IPv6Interface

import pytest

from networks.changes.forms import checks
from networks.definition.spec import RangeSpec
from networks.models import Network
from tests.support.making import make_hypervisor
from tests.support.rewording import reworded  # noqa: F401
from virterweb.hypervisors.models import HypervisorStatus
from virterweb.messages import Message

AROUND, FIVE = checks.Surroundings(), IPv6Interface("fd00:255::1/64")
GOOD = {"name": "net1", "forward_mode": "nat", "ipv4": "10.255.0.1/24", "local_only": "on", "stp": "on"}
BRIDGE = {"forward_mode": "bridge", "ipv4": ""}
TWO = "10.255.0.10-10.255.0.20\n10.254.0.10-10.254.0.20"


def add(page, lab, **fields: str | None):
    data = {"hypervisor": lab.pk, **GOOD, **fields}
    return page.post("/networks/add/", {name: value for name, value in data.items() if value is not None})


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        (
            {"blocks": "10.254.0.1/24", "dhcp": "on"},
            "dhcp",
            "only one IPv4 block of a network, not also in 10.254.0.0/24",
        ),
        ({"blocks": "10.254.0.1/24", "ranges": TWO}, "ranges", "one IPv4 block of a network"),
        ({"ranges": "10.255.0.1-10.255.0.20"}, "ranges", "A range cannot contain the address of the host, 10.255.0.1"),
        ({"ranges": "10.255.0.9-10.255.0.255"}, "ranges", "first and last address of 10.255.0.0/24"),
        ({"ipv4": "10.0.0.1/8", "ranges": "10.1.0.0-10.2.0.9"}, "ranges", "at most 65535 addresses"),
        ({"port_groups": "a vlan=5"}, "port_groups", "VLAN tags only for Open vSwitch"),
        ({"port_groups": "a vlan=5", "forward_mode": ""}, "port_groups", "VLAN tags only for Open vSwitch"),
        ({"port_groups": "a vlan=5", **BRIDGE, "bridge": "br0"}, "port_groups", "VLAN tags only for Open vSwitch"),
        ({"port_groups": "a default\nb default"}, "port_groups", "Only one port group can be the default"),
        ({"port_groups": "a\na in=10"}, "port_groups", "Two port groups have the same name: a."),
        ({"inbound": "1000,,,200"}, "inbound", "a floor only for the NIC of a VM"),
        ({"routes": "10.8.0.0/16 via 10.9.0.7"}, "routes", "The gateway of a route must be the address of a guest"),
        ({"mtu": "1279", "ipv6": "fd00:255::1/64"}, "mtu", "at least 1280"),
        ({"forward_mode": "open", "ipv4": ""}, "ipv4", "needs an IPv4 or IPv6 block"),
        ({**BRIDGE, "bridge": "br0", "stp": None}, "stp", "configured outside libvirt"),
        ({**BRIDGE, "bridge": "br0", "forward_devices": "eth0"}, "bridge", "only one of the two"),
        ({**BRIDGE, "forward_devices": "eth0", "inbound": "100"}, "inbound", "devices of the host"),
    ],
)
def test_values_that_libvirt_always_refuses_are_refused_at_their_field(
    client, operator, db, enqueued, fields, field, said
):
    client.force_login(operator)
    answer = add(client, make_hypervisor(), **fields)
    assert answer.status_code == 422
    assert said in " ".join(answer.context["form"].errors[field])
    assert not Network.objects.exists()


def test_a_hypervisor_that_answers_is_preselected(page, db, enqueued):
    make_hypervisor("a-dead")
    HypervisorStatus.objects.update(error=Message.external("libvirt cannot be reached"))
    alive = make_hypervisor("b-alive")
    assert page.get("/networks/add/").context["form"]["hypervisor"].value() == alive.pk
    assert page.get("/vms/run/").context["form"].host == alive


def test_earlier_problems_are_recognised_by_their_codes(reworded):  # noqa: F811
    known = {"forward_mode": "", "dns": "no", "dns_hosts": ("10.255.0.5 mirror",), "mtu": 1000, "ipv6": FIVE}
    typed = known | {"ranges": (RangeSpec(start="10.9.0.2", end="10.9.0.9"),)}

    def new() -> list[tuple[str, str, str]]:
        before = set(checks.problems(known, AROUND, typed_blocks=True, blocks_read=True))
        found = checks.problems(typed, AROUND, typed_blocks=True, blocks_read=True)
        return [(each.field, each.message.code, each.about) for each in found if each not in before]

    expected = new()
    assert ("ranges", "form.stray", "10.9.0.2-10.9.0.9") in expected
    assert ("mtu", "form.ipv6_mtu", "") not in expected
    reworded()
    assert new() == expected
