"""Networks as Virter's command, as a virsh script, as a Terraform resource: run or read back, and compared."""

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
from dataclasses import replace
from ipaddress import ip_interface
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from networks.copies.terraform import terraform
from networks.copies.virsh import virsh
from networks.copies.virter import virter
from networks.definition import addressing
from networks.definition.document.compare import differences
from networks.definition.document.edit import build
from networks.definition.document.parse import parse
from networks.definition.spec import DNSHostSpec, ForwarderSpec, HostSpec, NetworkSpec, RangeSpec, RouteSpec, SubnetSpec
from tests import DATA

FOLDER = DATA / "networks"
FILES = sorted(path.stem for path in FOLDER.glob("*.xml"))
HOSTILE = [
    "it's",
    '"quoted" \\ back\\slash\\',
    "$(touch made) `touch made` $HOME ${HOME} !! %{x} $${y} %%{z}",
    "a; touch made # & | > made",
    "-leading",
    "--help",
    "END",
    "ü ☃ 🙂",
]


def read(name: str) -> str:
    return (FOLDER / f"{name}.xml").read_text()


def block(cidr: str, dhcp: bool = False, hosts: tuple[HostSpec, ...] = ()) -> SubnetSpec:
    interface = ip_interface(cidr)
    ranges = ()
    if dhcp:
        start, end = addressing.dhcp_range(interface)
        ranges = (RangeSpec(start=str(start), end=str(end)),)
    return SubnetSpec(address=str(interface.ip), prefix=interface.network.prefixlen, ranges=ranges, hosts=hosts)


def generated(cidr: str, mac: str, first_id: int, count: int) -> tuple[HostSpec, ...]:
    made = addressing.generated_hosts(ip_interface(cidr), mac, first_id, count)
    return tuple(HostSpec(mac=mac, ip=str(ip)) for mac, ip in made)


def named_fields(text: str) -> set[str]:
    """The fields that the last comment before the words names."""
    found = re.findall(r"^# [^:\n]+: (.+)$", text, re.MULTILINE)
    return set(found[-1].split(", ")) if found else set()


def missing_fields(document: str, made: str) -> set[str]:
    return {str(one.field) for one in differences(document, made)}


# Virter


FLAGS = argparse.ArgumentParser(exit_on_error=False)
FLAGS.add_argument("name")
FLAGS.add_argument("--dhcp", action="store_true")
FLAGS.add_argument("--dhcp-mac", default=addressing.ACCESS_MAC)
FLAGS.add_argument("--dhcp-id", type=int, default=0)
FLAGS.add_argument("--dhcp-count", type=int, default=0)
for flag in ("--forward-mode", "--network-cidr", "--network-v6-cidr", "--domain"):
    FLAGS.add_argument(flag, default="")


def made_by_virter(line: str) -> str:
    """What `virter network add` makes, by its own rules: without --dhcp it makes no DHCP reservations either."""
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


@pytest.mark.parametrize(
    ("words", "spec"),
    [
        ("net1", NetworkSpec(name="net1", dns=False)),
        (
            "net1 --network-cidr 10.255.0.1/24 --dhcp",
            NetworkSpec(name="net1", dns=False, subnets=(block("10.255.0.1/24", dhcp=True),)),
        ),
        (
            "lab --forward-mode nat --network-cidr 10.255.0.1/24 --network-v6-cidr fd00:255::1/64 --domain lab.test",
            NetworkSpec(
                name="lab",
                forward_mode="nat",
                nat_ipv6=True,
                domain="lab.test",
                local_only=True,
                subnets=(block("10.255.0.1/24"), block("fd00:255::1/64")),
            ),
        ),
        (
            "ids --network-cidr 10.255.0.1/24 --dhcp --dhcp-id 300 --dhcp-count 3",
            NetworkSpec(
                name="ids",
                dns=False,
                subnets=(
                    block("10.255.0.1/24", dhcp=True, hosts=generated("10.255.0.1/24", addressing.ACCESS_MAC, 300, 3)),
                ),
            ),
        ),
        (
            "full --network-cidr 10.255.0.1/29 --dhcp --dhcp-id 8 --dhcp-count 5",
            NetworkSpec(
                name="full",
                dns=False,
                subnets=(
                    block("10.255.0.1/29", dhcp=True, hosts=generated("10.255.0.1/29", addressing.ACCESS_MAC, 8, 5)),
                ),
            ),
        ),
        (
            "macs --network-cidr 10.255.0.1/24 --dhcp --dhcp-mac 02:00:00:00:00:fe --dhcp-count 4",
            NetworkSpec(
                name="macs",
                dns=False,
                subnets=(
                    block("10.255.0.1/24", dhcp=True, hosts=generated("10.255.0.1/24", "02:00:00:00:00:fe", 0, 4)),
                ),
            ),
        ),
    ],
)
def test_what_virter_can_make_is_its_command_and_no_more(words, spec):
    assert virter(build(spec)) == f"virter network add {words}"
    assert differences(build(spec), made_by_virter(virter(build(spec)))) == ()


@pytest.mark.parametrize(
    ("fields", "changed"),
    [
        ({"MTU"}, {"mtu": 9000}),
        ({"Title", "Description"}, {"title": "x", "description": "y"}),
        ({"DNS"}, {"dns": True}),
        ({"Domain is local only"}, {"domain": "lab.test", "local_only": False, "dns": True}),
        ({"Bridge"}, {"bridge": "br7"}),
        ({"dnsmasq option"}, {"dnsmasq_options": ("log-dhcp",)}),
        ({"DNS host"}, {"dns_hosts": (DNSHostSpec(ip="10.0.0.9", names=("files",)),)}),
        ({"NAT of IPv6", "DNS"}, {"nat_ipv6": True, "forward_mode": "nat", "dns": False}),
        ({"Block"}, {"subnets": (block("10.1.0.1/24"), block("10.2.0.1/24"))}),
        (
            {"DHCP range of 10.1.0.1/24"},
            {"subnets": (replace(block("10.1.0.1/24"), ranges=(RangeSpec(start="10.1.0.9", end="10.1.0.19"),)),)},
        ),
        (
            {"DHCP range of fd00::1/64", "DHCP reservation of 10.1.0.1/24"},
            {
                "subnets": (
                    block("10.1.0.1/24", hosts=generated("10.1.0.1/24", addressing.ACCESS_MAC, 8, 2)),
                    block("fd00::1/64", dhcp=True),
                )
            },
        ),
        (
            {"DHCP reservation of 10.1.0.1/24"},
            {
                "subnets": (
                    block(
                        "10.1.0.1/24",
                        dhcp=True,
                        hosts=(
                            *generated("10.1.0.1/24", addressing.ACCESS_MAC, 8, 2),
                            HostSpec(mac="52:54:00:00:00:0a", ip="10.1.0.4", name="named"),
                        ),
                    ),
                )
            },
        ),
    ],
)
def test_what_virter_has_no_flag_for_is_named(fields, changed):
    document = build(replace(NetworkSpec(name="net1", dns=False), **changed))
    line = virter(document)
    assert named_fields(line) == fields
    assert missing_fields(document, made_by_virter(line)) == fields


@pytest.mark.parametrize("name", FILES)
def test_the_comment_names_exactly_what_differs(name):
    line = virter(read(name))
    own = parse(read(name)).bridge.startswith("virbr")
    filled = {"UUID", "Bridge", "MAC address of the host"} if own else {"UUID"}
    assert named_fields(line) == missing_fields(read(name), made_by_virter(line)) - filled
    assert named_fields(line)


MACS = st.sampled_from(["52:54:00:00:00:00", "52:54:00:00:00:ff", "02:00:00:ff:ff:fe", "fe:ff:00:ff:ff:fe"])


@st.composite
def virters(draw: st.DrawFn) -> NetworkSpec:
    """Networks that Virter could have made."""
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


@given(virters())
def test_every_network_of_virters_is_made_again_by_its_command(spec):
    line = virter(build(spec))
    assert not line.startswith("#")
    assert differences(build(spec), made_by_virter(line)) == ()


@given(
    virters(),
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
def test_the_comment_is_honest_whatever_is_changed(spec, changed):
    document = build(replace(spec, **changed))
    line = virter(document)
    assert named_fields(line) == missing_fields(document, made_by_virter(line))


@pytest.mark.parametrize("text", [*HOSTILE, "two\nlines"])
def test_the_shell_reads_names_as_they_are(text):
    line = virter(build(NetworkSpec(name=text, domain=text, dns=True, local_only=True)))
    assert parse(made_by_virter(line)).name == text
    assert parse(made_by_virter(line)).domain == text


def test_a_comment_stays_one_line_whatever_a_block_is_called():
    document = build(NetworkSpec(name="n", dns=False)).replace(
        "</network>", "<ip address='fe80::1%a&#10;touch made' prefix='64' localPtr='yes'/></network>"
    )
    line = virter(document)
    assert named_fields(line) == {"ip localPtr of fe80::1%a touch made/64"}
    assert shlex.split(line, comments=True)[-1] == "fe80::1%a\ntouch made/64"
    assert "ip localPtr of fe80::1%a touch made/64" in named_fields(terraform(document))


# virsh

STUB = """#!/bin/sh
printf '%s\\0' "$@" >> "$RECORD/words"
printf '\\0' >> "$RECORD/words"
if [ "$1" = net-define ]; then
    cat > "$RECORD/xml"
    [ -z "$VIRSH" ] || "$VIRSH" -c "test://$NODE" "$@" < "$RECORD/xml"
fi
"""


def run(script: str, folder: Path, real: bool = True) -> tuple[list[list[str]], str]:
    """Run a script with a virsh that remembers its words and the document; the true one has to take that too."""
    record, bin_folder = folder / "record", folder / "bin"
    record.mkdir()
    bin_folder.mkdir()
    (bin_folder / "virsh").write_text(STUB)
    (bin_folder / "virsh").chmod(0o755)
    (folder / "script").write_text(script)
    (folder / "node.xml").write_text("<node/>")  # the test driver, with nothing in it
    environment = {
        **os.environ,
        "PATH": f"{bin_folder}:{os.environ['PATH']}",
        "RECORD": str(record),
        "NODE": str(folder / "node.xml"),
        "VIRSH": (shutil.which("virsh") or "") if real else "",
    }
    subprocess.run(["sh", folder / "script"], cwd=record, env=environment, check=True, capture_output=True)
    assert {path.name for path in record.iterdir()} == {"words", "xml"}, "something in the document was carried out"
    calls = (record / "words").read_text().removesuffix("\0\0").split("\0\0")
    return [call.split("\0") for call in calls], (record / "xml").read_text()


def canonical(document: str) -> bytes:
    return etree.tostring(etree.fromstring(document), method="c14n2", strip_text=True)


@pytest.mark.parametrize("name", FILES)
def test_a_script_defines_the_very_document_without_its_uuid(name, tmp_path):
    calls, defined = run(virsh(read(name)), tmp_path)
    assert calls == [
        ["net-define", "--file", "/dev/stdin"],
        ["net-autostart", "--network", name],
        ["net-start", "--network", name],
    ]
    assert parse(defined).uuid == ""
    expected = re.sub(r"\s*<uuid>.*</uuid>", "", read(name)).replace(" connections='2'", "")
    assert canonical(defined) == canonical(expected)


def test_a_network_that_does_not_start_with_the_host_is_not_set_to(tmp_path):
    calls, _ = run(virsh(read("default"), autostart=False), tmp_path)
    assert [call[0] for call in calls] == ["net-define", "net-start"]


@pytest.mark.parametrize("text", [*HOSTILE, "two\nlines"])
def test_a_script_carries_any_content(text, tmp_path):
    root = etree.Element("network")
    etree.SubElement(root, "name").text = text.replace("/", "")
    etree.SubElement(root, "description").text = f"{text}\nEND\n END_\nEND__\n{text}\r\n\ttouch made\n"
    metadata = etree.SubElement(root, "metadata")
    etree.SubElement(metadata, "{urn:lab}note", text=text).text = f"\n{text}\n'{text}'\nEND"
    document = etree.tostring(root, encoding="unicode")
    calls, defined = run(virsh(document), tmp_path, real="\n" not in text)
    assert defined == document + "\n"
    assert [call[2] for call in calls[1:]] == [text] * 2


# Terraform

LAB = """\
# For the provider dmacvicar/libvirt, version 0.7 or 0.8.
resource "libvirt_network" "lab" {
  name      = "lab"
  mode      = "nat"
  bridge    = "br7"
  mtu       = 9000
  domain    = "lab.test"
  addresses = ["10.255.0.0/24", "fd00:255::/64"]
  autostart = true

  dhcp {
    enabled = false
  }

  dnsmasq_options {
    options {
      option_name  = "address"
      option_value = "/a.test/10.255.0.9"
    }
  }

  dns {
    enabled    = true
    local_only = true
    forwarders {
      domain  = "corp.test"
      address = "10.0.0.53"
    }
    forwarders {
      address = "9.9.9.9"
    }
    hosts {
      hostname = "files"
      ip       = "10.255.0.9"
    }
    hosts {
      hostname = "mirror"
      ip       = "10.255.0.9"
    }
  }

  routes {
    cidr    = "10.8.0.0/16"
    gateway = "10.255.0.7"
  }
}
"""
SAYABLE = NetworkSpec(
    name="lab",
    forward_mode="nat",
    bridge="br7",
    mtu=9000,
    domain="lab.test",
    local_only=True,
    forwarders=(ForwarderSpec(domain="corp.test", address="10.0.0.53"), ForwarderSpec(address="9.9.9.9")),
    dns_hosts=(DNSHostSpec(ip="10.255.0.9", names=("files", "mirror")),),
    subnets=(block("10.255.0.1/24"), block("fd00:255::1/64")),
    routes=(RouteSpec(destination="10.8.0.0/16", gateway="10.255.0.7"),),
    dnsmasq_options=("address=/a.test/10.255.0.9",),
)


def strings(text: str) -> list[tuple[str, str]]:
    """Arguments whose value is one string, as Terraform reads it; its escapes are JSON's, beside those of templates."""
    found = re.findall(r'^ +(\w+) += ("(?:[^"\\]|\\.)*")$', text, re.MULTILINE)
    assert not [value for _, value in found if re.search(r"(?<!\$)\$\{|(?<!%)%\{", value)], "a template"
    return [(name, json.loads(value).replace("$${", "${").replace("%%{", "%{")) for name, value in found]


def put_in_by_xslt(text: str) -> str | None:
    """The document that comes out of the XSLT, whatever the provider had made; None without XSLT."""
    found = re.search(r"^    xslt = <<(\w+)\n(.*?)\n\s*\1\n", text, re.MULTILINE | re.DOTALL)
    if not found:
        return None
    assert "${" not in found[2]
    assert "%{" not in found[2]
    return str(etree.XSLT(etree.fromstring(found[2]))(etree.fromstring("<network><name>other</name></network>")))


def test_what_the_provider_has_arguments_for_is_said_by_them():
    assert terraform(build(SAYABLE)) == LAB


@pytest.mark.parametrize(
    ("fields", "changed"),
    [
        ({"Title"}, {"title": "x"}),
        ({"DNS"}, {"dns": False}),
        ({"STP"}, {"stp": False}),
        ({"dnsmasq option"}, {"dnsmasq_options": ("log-dhcp", "address=/a.test/10.255.0.9")}),
        ({"Route"}, {"routes": (RouteSpec(destination="10.8.0.0/16", gateway="10.255.0.7", metric=5),)}),
        ({"Forward mode"}, {"forward_mode": "private", "bridge": ""}),
        ({"Block"}, {"subnets": (block("10.255.0.9/24"),)}),
        ({"Block"}, {"subnets": (block("10.255.0.1/30"),)}),
        (
            {"DHCP reservation of 10.1.0.1/24"},
            {"subnets": (block("10.1.0.1/24", True, (HostSpec(name="a", ip="10.1.0.9"),)),)},
        ),
    ],
)
def test_what_the_provider_has_no_argument_for_comes_in_by_xslt(fields, changed):
    document = build(replace(SAYABLE, **changed))
    text = terraform(document)
    assert named_fields(text) == fields
    assert differences(document, put_in_by_xslt(text)) == ()


@pytest.mark.parametrize("dns", [True, False])
def test_dns_is_always_said_for_versions_differ_in_what_they_do_without(dns):
    text = terraform(build(NetworkSpec(name="lab", dns=dns)))
    assert f"  dns {{\n    enabled    = {str(dns).lower()}\n" in text
    assert named_fields(text) == (set() if dns else {"DNS"})


def test_blocks_as_the_provider_gives_addresses_need_no_xslt():
    text = terraform(build(replace(SAYABLE, subnets=(block("10.255.0.1/24", dhcp=True),))))
    assert 'addresses = ["10.255.0.0/24"]' in text
    assert "enabled = true" in text
    assert put_in_by_xslt(text) is None


@pytest.mark.parametrize("name", FILES)
def test_a_resource_makes_the_whole_document(name):
    text = terraform(read(name), autostart=False)
    assert ("autostart", "false") in re.findall(r"^  (\w+) += (\w+)$", text, re.MULTILINE)
    assert {str(one.field) for one in differences(read(name), put_in_by_xslt(text))} == {"UUID"}


@pytest.mark.parametrize("text", [*HOSTILE, "two\nlines\tand\rmore"])
def test_no_string_gets_out_of_its_quotes(text):
    spec = replace(SAYABLE, name=text, domain=text, dnsmasq_options=(f"{text}={text}",), description=text)
    document = build(spec).replace("</network>", f"<metadata><a xmlns='urn:a' b='{{x}} ${{y}} %{{z}}'>{{{'END'}\nEND")
    document += "\n END_\n</a></metadata></network>"
    made = terraform(document)
    values = strings(made)
    assert values.count(("name", text)) == values.count(("domain", text)) == 1
    assert values.count(("option_name", text)) == values.count(("option_value", text)) == 1
    assert differences(document, put_in_by_xslt(made)) == ()
    assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", re.search(r'^resource "libvirt_network" "(.*)" \{$', made, re.M)[1])


def test_what_xslt_would_carry_out_is_only_named():
    document = build(SAYABLE).replace(
        "</network>",
        "<metadata><x:value-of xmlns:x='http://www.w3.org/1999/XSL/Transform' select='1'/></metadata></network>",
    )
    text = terraform(document)
    assert named_fields(text) == {"Metadata"}
    assert put_in_by_xslt(text) is None
