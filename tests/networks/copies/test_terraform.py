"""A network as a Terraform resource."""

import json
import re
from dataclasses import replace

import pytest
from lxml import etree

from networks.copies.terraform import terraform
from networks.definition.document.compare import differences
from networks.definition.document.edit import build
from networks.definition.spec import DNSHostSpec, ForwarderSpec, HostSpec, NetworkSpec, RouteSpec
from tests.networks.copies.copied_networks import FILES, HOSTILE, block, named_fields, read

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
SUPPORTED = NetworkSpec(
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
    """Return the arguments whose value is one string, as Terraform reads it: with JSON and template escapes."""
    found = re.findall(r'^ +(\w+) += ("(?:[^"\\]|\\.)*")$', text, re.MULTILINE)
    assert not [value for _, value in found if re.search(r"(?<!\$)\$\{|(?<!%)%\{", value)], "a template"
    return [(name, json.loads(value).replace("$${", "${").replace("%%{", "%{")) for name, value in found]


def applied_xslt(text: str) -> str | None:
    """Return the document that the XSLT creates from any input. None without XSLT."""
    found = re.search(r"^    xslt = <<(\w+)\n(.*?)\n\s*\1\n", text, re.MULTILINE | re.DOTALL)
    if not found:
        return None
    assert "${" not in found[2]
    assert "%{" not in found[2]
    return str(etree.XSLT(etree.fromstring(found[2]))(etree.fromstring("<network><name>other</name></network>")))


def test_supported_fields_are_arguments_of_the_provider():
    assert terraform(build(SUPPORTED)) == LAB


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
def test_fields_without_an_argument_are_set_by_xslt(fields, changed):
    document = build(replace(SUPPORTED, **changed))
    text = terraform(document)
    assert named_fields(text) == fields
    assert differences(document, applied_xslt(text)) == ()


@pytest.mark.parametrize("dns", [True, False])
def test_dns_is_always_an_argument_because_defaults_differ_between_versions(dns):
    text = terraform(build(NetworkSpec(name="lab", dns=dns)))
    assert f"  dns {{\n    enabled    = {str(dns).lower()}\n" in text
    assert named_fields(text) == (set() if dns else {"DNS"})


def test_blocks_with_the_ranges_of_the_provider_need_no_xslt():
    text = terraform(build(replace(SUPPORTED, subnets=(block("10.255.0.1/24", dhcp=True),))))
    assert 'addresses = ["10.255.0.0/24"]' in text
    assert "enabled = true" in text
    assert applied_xslt(text) is None


@pytest.mark.parametrize("name", FILES)
def test_a_resource_creates_the_whole_document(name):
    text = terraform(read(name), autostart=False)
    assert ("autostart", "false") in re.findall(r"^  (\w+) += (\w+)$", text, re.MULTILINE)
    assert {str(one.field) for one in differences(read(name), applied_xslt(text))} == {"UUID"}


@pytest.mark.parametrize("text", [*HOSTILE, "two\nlines\tand\rmore"])
def test_special_characters_in_strings_are_escaped(text):
    spec = replace(SUPPORTED, name=text, domain=text, dnsmasq_options=(f"{text}={text}",), description=text)
    document = build(spec).replace("</network>", f"<metadata><a xmlns='urn:a' b='{{x}} ${{y}} %{{z}}'>{{{'END'}\nEND")
    document += "\n END_\n</a></metadata></network>"
    made = terraform(document)
    values = strings(made)
    assert values.count(("name", text)) == values.count(("domain", text)) == 1
    assert values.count(("option_name", text)) == values.count(("option_value", text)) == 1
    assert differences(document, applied_xslt(made)) == ()
    assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", re.search(r'^resource "libvirt_network" "(.*)" \{$', made, re.M)[1])


def test_documents_that_xslt_would_execute_are_only_named():
    document = build(SUPPORTED).replace(
        "</network>",
        "<metadata><x:value-of xmlns:x='http://www.w3.org/1999/XSL/Transform' select='1'/></metadata></network>",
    )
    text = terraform(document)
    assert named_fields(text) == {"Metadata"}
    assert applied_xslt(text) is None
