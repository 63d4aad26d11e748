"""Any pasted text is read, and entries are read back from what is exported."""

from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from networks.reservations.pasted import as_dnsmasq, compare, read
from tests.networks.reservations.pasted.pasted_entries import BLOCKS, DUID, HELD, MAC, NINE, SIX, hosts
from tests.support import specs
from tests.support.examples import examples

PIECES = [
    MAC,
    "10.255.0.8",
    "[fd00::8]",
    f"id:{DUID}",
    "eight",
    "12h",
    "60",
    ",",
    ";",
    "\t",
    " ",
    "\n",
    "\r",
    "mac",
    "ip",
]
PIECES += ["dhcp-host=", "set:a", "<host ", "mac='", "'", "/>", '"', "#", "\ufeff", "ü", "%", "525400b372d7", "name"]


@settings(max_examples=examples(500), deadline=None)
@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=12).map("".join))
def test_every_line_of_any_paste_is_an_entry_or_an_error(text):
    lines = read(text)
    assert all((line.host is None) == bool(line.error) for line in lines)
    assert all(read(str(line.host))[0].host == line.host for line in lines if line.host)
    compare(lines, HELD, BLOCKS)


some_hosts = st.sampled_from([4, 6]).flatmap(specs.addresses).flatmap(specs.hosts)


@given(some_hosts)
def test_an_entry_is_read_back_from_its_dnsmasq_line(host):
    assert hosts(as_dnsmasq(host)) == hosts(as_dnsmasq(host).removeprefix("dhcp-host=")) == [host]


@given(some_hosts)
def test_an_entry_is_read_back_from_its_element(host):
    known = {"mac": host.mac, "id": host.duid, "name": host.name, "ip": host.ip}
    element = etree.Element("host", {name: value for name, value in known.items() if value})
    if host.lease is not None:
        etree.SubElement(element, "lease", expiry=str(host.lease), unit="seconds")
    assert hosts(etree.tostring(element, encoding="unicode")) == [host]


def test_a_dnsmasq_line_has_ipv6_in_brackets():
    assert as_dnsmasq(SIX) == f"dhcp-host=id:{DUID},[fd00::8],six"
    assert as_dnsmasq(NINE) == "dhcp-host=52:54:00:00:00:09,10.255.0.9,nine,12h"
