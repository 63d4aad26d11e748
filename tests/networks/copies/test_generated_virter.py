"""Virter's commands for generated networks."""

import shlex
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from networks.copies.terraform import terraform
from networks.copies.virter import virter
from networks.definition.document.compare import differences
from networks.definition.document.edit import build
from networks.definition.document.parse import parse
from networks.definition.spec import NetworkSpec, RouteSpec
from tests.networks.copies.copied_networks import HOSTILE, block, generated, missing_fields, named_fields
from tests.networks.copies.virter_command import created_by_virter

pytestmark = pytest.mark.integration

MACS = st.sampled_from(["52:54:00:00:00:00", "52:54:00:00:00:ff", "02:00:00:ff:ff:fe", "fe:ff:00:ff:ff:fe"])


@st.composite
def networks_of_virter(draw: st.DrawFn) -> NetworkSpec:
    """Generate a network that Virter could have created."""
    dhcp, domain, mode = (
        draw(st.booleans()),
        draw(st.sampled_from(["", "lab.test"])),
        draw(st.sampled_from(["", "nat"])),
    )
    v4 = draw(st.sampled_from([None, "10.255.0.1/24", "10.255.0.77/16", "10.0.0.1/8", "192.168.9.9/28"]))
    v6 = draw(st.sampled_from([None, "fd00:255::1/64", "fd00:255::5/120"]))
    hosts = generated(v4, draw(MACS), draw(st.integers(0, 600)), draw(st.integers(0, 4))) if v4 and dhcp else ()
    blocks = [block(v4, dhcp, hosts)] if v4 else []
    return NetworkSpec(
        name=draw(st.text(st.characters(min_codepoint=32, exclude_categories=("C", "Z")), min_size=1)),
        forward_mode=mode,
        nat_ipv6=bool(mode and v6),
        domain=domain,
        local_only=bool(domain),
        dns=bool(domain or mode),
        subnets=tuple(blocks + ([block(v6, dhcp)] if v6 else [])),
    )


@given(networks_of_virter())
def test_every_network_of_virter_is_created_again_by_its_command(spec):
    line = virter(build(spec))
    assert not line.startswith("#")
    assert differences(build(spec), created_by_virter(line)) == ()


@given(
    networks_of_virter(),
    st.fixed_dictionaries(
        {},
        optional={
            "mtu": st.just(9000),
            "title": st.just("x"),
            "stp": st.just(False),
            "dns": st.booleans(),
            "local_only": st.booleans(),
            "nat_ipv6": st.booleans(),
            "subnets": st.just((block("10.7.0.1/24", dhcp=True), block("10.8.0.1/24", dhcp=True))),
            "routes": st.just((RouteSpec(destination="10.9.0.0/16", gateway="10.7.0.2"),)),
        },
    ),
)
def test_the_comment_is_correct_for_any_change(spec, changed):
    document = build(replace(spec, **changed))
    line = virter(document)
    assert named_fields(line) == missing_fields(document, created_by_virter(line))


@pytest.mark.parametrize("text", [*HOSTILE, "two\nlines"])
def test_the_shell_reads_names_unchanged(text):
    line = virter(build(NetworkSpec(name=text, domain=text, dns=True, local_only=True)))
    assert parse(created_by_virter(line)).name == text
    assert parse(created_by_virter(line)).domain == text


def test_a_comment_is_always_one_line():
    document = build(NetworkSpec(name="n", dns=False)).replace(
        "</network>", "<ip address='fe80::1%a&#10;touch made' prefix='64' localPtr='yes'/></network>"
    )
    line = virter(document)
    assert named_fields(line) == {"ip localPtr of fe80::1%a touch made/64"}
    assert shlex.split(line, comments=True)[-1] == "fe80::1%a\ntouch made/64"
    assert "ip localPtr of fe80::1%a touch made/64" in named_fields(terraform(document))
