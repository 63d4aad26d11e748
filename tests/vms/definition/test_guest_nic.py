"""What a guest does with each NIC, by its network and by what people want."""

import pytest

from networks.definition.spec import NetworkSpec, RangeSpec, SubnetSpec
from vms.definition.guest_nic import Attached, GuestSpec, Mode, address_of_id, guest_nics, problems

FOUR = SubnetSpec(address="10.0.0.1", prefix=24, ranges=(RangeSpec(start="10.0.0.2", end="10.0.0.99"),))
SIX = SubnetSpec(address="fd00::1", prefix=64, ranges=(RangeSpec(start="fd00::2", end="fd00::99"),))
NAT = NetworkSpec(name="default", forward_mode="nat", subnets=(FOUR,))
LAB = NetworkSpec(name="lab", subnets=(FOUR,))
SILENT = NetworkSpec(name="silent", subnets=(SubnetSpec(address="10.9.0.1", prefix=24),))
DUAL = NetworkSpec(name="dual", forward_mode="nat", subnets=(FOUR, SIX))
SLAAC = NetworkSpec(name="slaac", forward_mode="route", subnets=(SubnetSpec(address="fd01::1", prefix=64),))


def nic(
    network: NetworkSpec | None = None, mode: Mode = Mode.AUTO, reserved: str = "", mtu=None, **desired
) -> Attached:
    return Attached(
        mac="52:54:00:00:00:08", network=network, reserved=reserved, mtu=mtu, desired=GuestSpec(mode=mode, **desired)
    )


def one(attached: Attached):
    return guest_nics([attached])[0]


def test_by_default_a_nic_requests_what_its_network_offers():
    assert (one(nic(NAT)).dhcp4, one(nic(NAT)).dhcp6, one(nic(NAT)).ra) == (True, False, None)
    assert (one(nic(DUAL)).dhcp4, one(nic(DUAL)).dhcp6, one(nic(DUAL)).ra) == (True, True, True)
    assert (one(nic(SLAAC)).dhcp4, one(nic(SLAAC)).dhcp6, one(nic(SLAAC)).ra) == (False, False, True)
    assert one(nic(SILENT)).silent and one(nic()).silent


def test_a_nic_can_request_addresses_if_its_network_is_unknown():
    assert one(nic(None, Mode.DHCP)).dhcp4


def test_a_nic_can_be_up_without_an_address_on_a_network_with_dhcp():
    guest = one(nic(DUAL, Mode.UP))
    assert guest.silent
    assert (guest.dhcp4, guest.dhcp6, guest.ra, guest.addresses) == (False, False, False, ())


def test_a_nic_can_be_unconfigured():
    assert not one(nic(NAT, Mode.ALONE)).managed


def test_a_static_nic_has_the_address_that_is_reserved_for_it_and_its_networks_gateway_and_dns():
    guest = one(nic(NAT, Mode.STATIC, reserved="10.0.0.8"))
    assert (guest.addresses, guest.gateways, guest.dns) == (("10.0.0.8/24",), ("10.0.0.1",), ("10.0.0.1",))
    assert not guest.dhcp4


def test_an_isolated_network_has_no_gateway():
    assert one(nic(LAB, Mode.STATIC, reserved="10.0.0.8")).gateways == ()


def test_static_settings_replace_those_of_the_network():
    guest = one(nic(NAT, Mode.STATIC, addresses=("10.0.0.9/24",), gateways=("10.0.0.2",), dns=("9.9.9.9",)))
    assert (guest.addresses, guest.gateways, guest.dns) == (("10.0.0.9/24",), ("10.0.0.2",), ("9.9.9.9",))


def routes(*nics: Attached, family: int = 4) -> list[bool]:
    """Whether each takes the default route that it is offered."""
    return [family not in guest.routeless for guest in guest_nics(nics)]


def test_the_first_nic_that_is_offered_one_has_the_default_route():
    assert routes(nic(NAT), nic(NAT), nic(NAT)) == [True, False, False]
    assert routes(nic(LAB), nic(NAT), nic(NAT)) == [True, True, False], "an isolated network offers none to refuse"
    assert routes(nic(NAT), nic(DUAL), nic(DUAL), family=6) == [True, True, False]


def test_a_nic_other_than_the_first_can_have_the_default_route():
    assert routes(nic(NAT), nic(NAT, default_route=True)) == [False, True]
    assert routes(nic(NAT, default_route=False), nic(NAT)) == [False, True]
    assert routes(nic(NAT, default_route=False)) == [False]


def test_a_default_route_with_a_metric_is_set_in_addition():
    assert routes(nic(NAT), nic(NAT, metric=300)) == [True, True]


def test_a_static_nic_that_has_not_the_default_route_has_no_gateway():
    first, second = guest_nics([nic(NAT), nic(NAT, Mode.STATIC, reserved="10.0.0.9")])
    assert (4 in first.default_route, second.gateways) == (True, ())


def test_the_mtu_of_its_network_is_passed_on_unless_the_card_has_its_own():
    jumbo = NetworkSpec(name="jumbo", forward_mode="nat", subnets=(FOUR,), mtu=9000)
    assert one(nic(jumbo)).mtu == 9000
    assert one(nic(jumbo, mtu=1400)).mtu == 1400
    assert one(nic(NAT)).mtu is None


@pytest.mark.parametrize(
    ("attached", "field", "text"),
    [
        (nic(NAT, Mode.STATIC), "addresses", "Enter an address with its prefix"),
        (nic(NAT, Mode.STATIC, addresses=("10.1.0.5/24",)), "addresses", "outside 10.0.0.0/24"),
        (nic(NAT, Mode.STATIC, addresses=("10.0.0.5/16",)), "addresses", "prefix /24, not /16"),
        (nic(NAT, Mode.STATIC, addresses=("10.0.0.1/24",)), "addresses", "address of the host"),
        (nic(NAT, Mode.STATIC, addresses=("10.0.0.255/24",)), "addresses", "no guest can have"),
        (nic(NAT, Mode.AUTO, addresses=("10.0.0.5/24",)), "addresses", "only with"),
        (nic(NAT, Mode.STATIC, addresses=("10.0.0.5/24",), gateways=("10.1.0.1",)), "gateways", "cannot reach it"),
        (nic(NAT, Mode.STATIC, addresses=("10.0.0.5/24",), gateways=("10.0.0.5",)), "gateways", "address of the NIC"),
        (nic(NAT, gateways=("10.0.0.2",)), "gateways", "Only a NIC with a static address"),
        (
            nic(None, Mode.STATIC, addresses=("10.0.0.5/24",), default_route=True),
            "gateways",
            "gateway of the default route",
        ),
        (nic(NAT, Mode.UP, default_route=True), "default_route", "cannot have a default route"),
        (nic(LAB, default_route=True), "default_route", "is isolated"),
        (nic(NAT, Mode.UP, dns=("9.9.9.9",)), "dns", "DNS servers"),
        (nic(NAT, mtu=9000), "mtu", "is 1500"),
    ],
)
def test_impossible_settings_are_refused_at_their_field(attached: Attached, field: str, text: str):
    ((found, sentence),) = problems(attached, {})
    assert found == field and text in sentence


def test_there_are_no_two_default_routes():
    other = {"NIC 1": GuestSpec(default_route=True)}
    ((field, sentence),) = problems(nic(NAT, default_route=True), other)
    assert field == "default_route" and "NIC 1 already has the default route" in sentence
    assert not list(problems(nic(NAT, default_route=True, metric=200), other))
    assert not list(problems(nic(NAT), other))


def test_default_settings_are_not_stored():
    assert GuestSpec().stored == {}
    desired = GuestSpec(mode=Mode.STATIC, addresses=("10.0.0.5/24",), default_route=False)
    assert GuestSpec.read(desired.stored) == desired


def test_by_virters_rule_further_nics_are_left_alone_unless_all_have_dhcp():
    def asks(*nics: Attached) -> list[bool | None]:
        return [guest.dhcp4 if guest.managed else None for guest in guest_nics(nics, as_virter=True)]

    assert asks() == []
    assert asks(nic(NAT), nic(LAB)) == [True, True]
    assert asks(nic(NAT), nic(LAB), nic(SILENT)) == [True, None, None]
    assert asks(nic(SILENT), nic(LAB)) == [False, True]
    assert asks(nic(NAT, Mode.ALONE), nic(LAB, Mode.UP)) == [True, True], "settings do not count"


@pytest.mark.parametrize(("number", "ip"), [(8, "10.0.0.8"), (None, ""), (1, ""), (255, ""), (300, "")])
def test_an_id_gives_an_address_of_the_access_network_that_a_guest_can_have(number, ip):
    assert address_of_id(NAT, number) == ip
    assert address_of_id(None, number) == address_of_id(SLAAC, number) == ""
