"""An invalid value is refused by a code with parameters, independent of the wording."""

from collections.abc import Callable
from functools import partial
from ipaddress import ip_interface

import pytest
from django.core.exceptions import ValidationError

from networks.definition import addressing, lines, rules
from tests.support.rewording import reworded  # noqa: F401
from virterweb.messages import InvalidValue, Message

BLOCK = ip_interface("10.255.0.254/24")


@pytest.mark.parametrize(
    ("read", "value", "message"),
    [
        (addressing.parse_mac, "52:54", Message("value.mac")),
        (addressing.parse_mac, "01:00:5e:00:00:01", Message("value.mac_multicast")),
        (addressing.mac_of_id, 0, Message("value.id", number=0, most=16777215)),
        (addressing.dhcp_range, BLOCK, Message("value.dhcp_room", interface="10.255.0.254/24")),
        (lines.address, "10.08.0.1", Message("value.ip_octal", text="10.08.0.1")),
        (lines.dns_name, "bücher", Message("value.dns_name", text="bücher", ascii="xn--bcher-kva")),
        (lines.lease, "1s", Message("value.lease", text="1s")),
        (lines.read_host, "10.5.0.8", Message("value.host", line="10.5.0.8")),
        (lines.read_port_group, "a vlan=5000", Message("value.vlan", text="5000", most=4095)),
        (partial(lines.read_span, kind="port"), "9-8", Message("value.ports", text="9-8")),
        (
            lines.read_route,
            "10.8.0.1/16 via 10.5.0.7",
            Message(
                "value.route_block",
                line="10.8.0.1/16 via 10.5.0.7",
                reason=Message("value.route_host_bits", block="10.8.0.1/16"),
            ),
        ),
    ],
)
def test_a_value_is_refused_by_a_code(reworded, read: Callable, value: object, message: Message):  # noqa: F811
    reworded()
    with pytest.raises(InvalidValue) as refused:
        read(value)
    assert refused.value.message == message
    assert str(refused.value) == "XXXX"


@pytest.mark.parametrize(
    ("validate", "value", "message"),
    [
        (rules.validate_name, "x" * 51, Message("value.name_length", most=50)),
        (
            rules.validate_name,
            "a\u202e",
            Message("value.hidden", hidden="character 2 is U+202E RIGHT-TO-LEFT OVERRIDE"),
        ),
        (rules.validate_mac, "52:54", Message("value.mac")),
        (rules.validate_mtu, 67, Message("value.mtu", least=68, most=65535)),
        (rules.validate_cidr, "10.5.0.0/24", Message("value.block_itself", example="10.5.0.1/24")),
        (rules.dhcp_range, BLOCK, Message("value.dhcp_room", interface="10.255.0.254/24")),
    ],
)
def test_a_validator_of_forms_refuses_by_a_code(reworded, validate: Callable, value: object, message: Message):  # noqa: F811
    reworded()
    with pytest.raises(ValidationError) as refused:
        validate(value)
    assert refused.value.message == message
    assert refused.value.messages == ["XXXX"]


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ("10.8.0.1/16", "10.8.0.1/16 has host bits set"),
        ("fd00::1/64", "fd00::1/64 has host bits set"),
        ("10.8.0.0/33", "'10.8.0.0/33' does not appear to be an IPv4 or IPv6 network"),
    ],
)
def test_an_invalid_block_of_a_route_is_refused_by_name(block, words):
    with pytest.raises(InvalidValue) as refused:
        lines.route_block(block)
    assert str(refused.value) == words
