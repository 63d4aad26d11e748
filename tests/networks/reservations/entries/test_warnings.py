"""Warnings of addresses that another guest has."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from networks.definition.spec import HostSpec
from networks.models import Network
from networks.reservations.proposals import leased_to_another
from tests.networks.reservations.entries.reserved_entries import EIGHT, NINE, SIX, TEN
from tests.support.making import make_lease
from tests.support.rewording import reworded  # noqa: F401
from virterweb.messages import Message

UNTIL = datetime(2030, 1, 1, 12, 34, tzinfo=UTC)
KEEPS = "That guest keeps it until it renews its lease. Another guest gets it only after that."


def warning(network: Network, host: HostSpec) -> str:
    return str(leased_to_another(network, host))


def test_an_address_that_another_guest_has_now_causes_a_warning(net):
    make_lease(net, NINE.mac, EIGHT.ip)
    assert warning(net, EIGHT) == f"10.5.0.8 is leased to {NINE.mac}. {KEEPS}"
    net.leases.update(hostname="nine", expires_at=UNTIL)
    assert warning(net, EIGHT) == f"10.5.0.8 is leased to nine ({NINE.mac}) until 12:34. {KEEPS}"
    net.leases.update(vm="alma-9-9")
    assert warning(net, EIGHT).startswith(f"10.5.0.8 is leased to alma-9-9 ({NINE.mac}) until")


def test_an_address_of_its_own_guest_or_of_an_ended_lease_causes_no_warning(net):
    make_lease(net, NINE.mac, EIGHT.ip, last_seen=net.created_at + timedelta(seconds=1))
    assert warning(net, EIGHT) == ""
    make_lease(net, EIGHT.mac, EIGHT.ip)
    assert warning(net, EIGHT) == ""
    assert warning(net, replace(EIGHT, mac=NINE.mac)) != ""


def test_an_ipv6_guest_is_identified_by_its_client_id(net):
    make_lease(net, EIGHT.mac, SIX.ip, client_id=SIX.duid)
    assert warning(net, SIX) == ""
    assert warning(net, replace(SIX, duid="00:04:77:88")).startswith(f"fd00:5::6 is leased to {EIGHT.mac}. ")


def test_a_guest_with_a_reserved_name_is_identified_by_its_host_name(net):
    make_lease(net, EIGHT.mac, TEN.ip, "VM-10")
    assert warning(net, TEN) == ""
    assert warning(net, replace(TEN, name="other")) != ""


def test_a_warning_is_a_code_with_parameters(net, reworded):  # noqa: F811
    make_lease(net, NINE.mac, EIGHT.ip, "nine")
    reworded()
    warning = leased_to_another(net, EIGHT)
    assert warning == Message("reservation.leased", ip=EIGHT.ip, known="nine", mac=NINE.mac, until="")
    assert str(warning) == "XXXX"
