"""Pasted entries are read in every common format."""

import csv
import io

import pytest

from networks.definition.spec import HostSpec, SubnetSpec, lease_text
from networks.reservations.pasted import Line, Outcome, compare, read
from tests.networks.reservations.pasted.pasted_entries import DUID, EIGHT, HELD, MAC, NINE, SIX, hosts
from tests.support.rewording import reworded  # noqa: F401
from virterweb.messages import Message

pytestmark = pytest.mark.integration


def error(text: str) -> str:
    """Return the error of the last line."""
    line = read(text)[-1]
    assert line.host is None
    return str(line.error)


@pytest.mark.parametrize(
    "line",
    [
        f"{MAC} 10.255.0.8 eight",
        f"  {MAC}\t10.255.0.8   eight ",
        "52-54-00-00-00-08 10.255.0.8 eight",
        "5254.0000.0008 10.255.0.8 eight",
        "525400000008 10.255.0.8 eight",
        f"{MAC},10.255.0.8,eight",
        f"{MAC}; 10.255.0.8; eight;",
        f"{MAC}\t10.255.0.8\teight",
        f'"{MAC}","10.255.0.8","eight"',
        f"10.255.0.8,eight,,{MAC}",
        f"dhcp-host={MAC},10.255.0.8,eight",
        f"--dhcp-host = {MAC}, eight, 10.255.0.8",
        f"<host mac='{MAC}' name='eight' ip='10.255.0.8'/>",
        f'  <host ip="10.255.0.8" name="eight" mac="{MAC.upper()}"></host>',
        f"<host mac='{MAC}' name='eight' ip='10.255.0.8'/><!-- comment -->",
    ],
)
def test_an_entry_is_recognised_in_every_common_format(line):
    assert hosts(line) == [EIGHT]


@pytest.mark.parametrize(
    "line",
    [
        f"id:{DUID} fd00::8 six",
        f"id:{DUID},[fd00::8],six",
        f"dhcp-host=id:{DUID.upper()},[FD00:0:0::8],six",
        f"<host id='{DUID}' name='six' ip='fd00::8'/>",
    ],
)
def test_an_ipv6_entry_is_recognised_in_every_common_format(line):
    assert hosts(line) == [SIX]


@pytest.mark.parametrize(
    ("line", "seconds"),
    [
        (f"{MAC} 10.255.0.8 12h", 43200),
        (f"{MAC},10.255.0.8,,12h", 43200),
        (f"{MAC},10.255.0.8,120", 120),
        (f"dhcp-host={MAC},10.255.0.8,3600", 3600),
        (f"dhcp-host={MAC},10.255.0.8,infinite", 0),
        (f"mac,ip,lease\n{MAC},10.255.0.8,300", 300),
        (f"mac,ip,lease\n{MAC},10.255.0.8,30m", 1800),
        (f"mac,ip,lease\n{MAC},10.255.0.8,infinite", 0),
        (f"mac,ip,lease\n{MAC},10.255.0.8,", None),
        (f"<host mac='{MAC}' ip='10.255.0.8'><lease expiry='2' unit='hours'/></host>", 7200),
        (f"<host mac='{MAC}' ip='10.255.0.8'><lease expiry='90'/></host>", 5400),
        (f"<host mac='{MAC}' ip='10.255.0.8'><lease expiry='0'/></host>", 0),
    ],
)
def test_a_lease_time_is_read_in_every_format(line, seconds):
    assert hosts(line) == [HostSpec(mac=MAC, ip="10.255.0.8", lease=seconds)]


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("mac,ip,name", f"{MAC},10.255.0.8,eight"),
        ("Name;IP-Address;MAC", f"eight;10.255.0.8;{MAC}"),
        ("HOSTNAME\tIP Address\tMAC\tduid", f"eight\t10.255.0.8\t{MAC}\t"),
        ("duid\tmac\tip\tname", f"\t{MAC}\t10.255.0.8\teight"),
        ("room,mac,owner,ip,name", f'"4, left",{MAC},A. Person,10.255.0.8,eight'),
        ('"mac","ip","name"', f'"{MAC}","10.255.0.8","eight"'),
        ("id,duid,mac,ip,name", f"17,,{MAC},10.255.0.8,eight"),
        ("hostname,name,mac,ip", f"eight.lab,eight,{MAC},10.255.0.8"),
    ],
)
def test_a_header_says_what_the_columns_are_and_others_are_ignored(header, row):
    assert hosts(f"\n# from the old server\n{header}\n{row}") == [EIGHT]


def test_a_header_applies_only_to_lines_with_its_separator():
    typed = [
        "name,ip,mac",
        f"0123456789ab,10.255.0.8,{MAC}",
        f"{MAC};10.255.0.8;eight",
        f"dhcp-host={MAC},10.255.0.8,eight",
    ]
    assert hosts("\n".join(typed)) == [HostSpec(mac=MAC, ip="10.255.0.8", name="0123456789ab"), EIGHT, EIGHT]


def test_an_export_of_the_portal_is_read_back():
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(["mac", "duid", "ip", "name", "lease", "state", "vm"])
    for host in HELD:
        table.writerow([host.mac, host.duid, host.ip, host.name, lease_text(host.lease), "ready", "web, 1"])
    assert hosts(text.getvalue()) == list(HELD)


def test_a_name_that_looks_like_a_mac_keeps_its_column():
    named = HostSpec(ip="10.255.0.8", name="0123456789ab")
    assert hosts("mac,ip,name\n,10.255.0.8,0123456789ab") == [named]
    assert hosts("<host ip='10.255.0.8' name='0123456789ab'/>") == [named]


def test_lines_are_counted_across_mixed_line_ends_blanks_and_comments():
    text = f"\ufeff# comment\r\n\r\n{MAC} 10.255.0.8 eight\r  # and\n\n \t\nnonsense\r\r\n{NINE}"
    first, wrong, last = read(text)
    assert first == Line(number=3, text=f"{MAC} 10.255.0.8 eight", host=EIGHT)
    assert (wrong.number, wrong.text, wrong.host) == (7, "nonsense", None)
    assert last == Line(number=9, text=str(NINE), host=NINE)


@pytest.mark.parametrize("text", ["", "\ufeff", "\r\n\r\n", "# nothing", "mac,ip,name"])
def test_a_paste_without_entries_is_empty(text):
    assert read(text) == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{MAC} 10.255.0.8 bücher", "in ASCII it is xn--bcher-kva."),
        (f"mac,ip,name\n{MAC},10.255.0.8,книга", "in ASCII it is xn--80afohp."),
        (f"<host mac='{MAC}' ip='10.255.0.8' name='δοκιμή'/>", "in ASCII it is xn--jxalpdlp."),
        (f"{MAC},010.255.0.8", "010.255.0.8 has a leading zero"),
        (f"mac,ip\n{MAC},10.255.0.08", "10.255.0.08 has a leading zero"),
        (f"mac,ip\n{MAC},fe80::8%eth0", "not an IP address"),
        (f"mac,ip\n10.255.0.8,{MAC}", "This is not a MAC address"),
        ("mac,ip\n01:00:5e:00:00:08,10.255.0.8", "multicast"),
        (f"mac,ip\n{MAC}", "enter a reservation like"),
        (f"mac,ip,name\n{MAC},10.255.0.8,two words", "two words is not a DNS name"),
        (f"mac,ip,name\n{MAC},10.255.0.8,12h", "12h cannot be the name of a guest"),
        (f"mac,ip,name\n{MAC},,10.255.0.8", "10.255.0.8 cannot be the name of a guest"),
        (f"mac,ip,lease\n{MAC},10.255.0.8,119", "not a lease time"),
        (f"mac,ip,lease\n{MAC},10.255.0.8,0", "not a lease time"),
        (f"mac,ip,lease\n{MAC},10.255.0.8,soon", "soon is not a lease time"),
        (f'mac,ip\n"{MAC},10.255.0.8', "a quotation mark is missing"),
        ("duid,ip\n00:01 00:02,fd00::8", "not a DUID"),
        (f"duid,ip\n{DUID},10.255.0.8", "only IPv6"),
        (f"{MAC},10.255.0.8,60", "not a lease time"),
        (f"{MAC},10.255.0.8,eight,ready", "eight and ready are of the same kind"),
        (f"dhcp-host={MAC},set:red,10.255.0.8", "set:red is not understood"),
        (f"dhcp-host=tag:red,{MAC},10.255.0.8", "tag:red is not understood"),
        (f"{MAC},ignore", "ignore is not understood"),
        ("host-record=eight.lab,10.255.0.8", "host-record= is not supported"),
        ("dhcp-range=10.255.0.2,10.255.0.99", "dhcp-range= is not supported"),
        ("dhcp-host=", "enter a reservation like"),
        (f"dhcp-host={MAC},[fd00::8]", "not by a MAC"),
        (f"<host mac='{MAC}'/>", "enter a reservation like"),
        (f"<host mac='{MAC}' ip='10.255.0.8'", "not a complete <host …/>"),
        (f"<host mac='{MAC}' ip='10.255.0.8'/><host/>", "not a complete <host …/>"),
        (f"<host mac='{MAC}' ip='10.255.0.8'><lease expiry='1'/></host>", "60s is not a lease time"),
        ("<host mac='10.255.0.8' ip='10.255.0.8'/>", "This is not a MAC address"),
        ("<range start='10.255.0.2' end='10.255.0.9'/>", "only <host …/> can be pasted"),
        ("<hosts/>", "only <host …/> can be pasted"),
        (f"<!DOCTYPE host [<!ENTITY x '10.255.0.8'>]><host mac='{MAC}' ip='&x;'/>", "only <host …/> can be pasted"),
        (f"<host mac='{MAC}' ip='&x;'/>", "not a complete <host …/>"),
        (f"{MAC} 10.255.0.8 {'a' * 2000}", "This line has 2029 characters"),
        (f"{MAC} 10.255.0.8 a\x00b", "not a DNS name"),
    ],
)
def test_a_line_that_cannot_be_read_has_a_reason(text, said):
    assert said in error(text)


def test_valid_lines_are_read_next_to_invalid_ones():
    good = [f"52:54:00:00:01:{number:02x} 10.255.0.{number}" for number in range(10, 60)]
    bad = [f"52:54:00:00:01:{number:02x} 10.255.0.{number}0000" for number in range(10, 60)]
    lines = read("\n".join(line for pair in zip(good, bad, strict=True) for line in pair))
    assert [str(line.host) for line in lines[::2]] == good
    assert [str(line.error) for line in lines[1::2]] == [
        f"10.255.0.{number}0000 is not an IP address." for number in range(10, 60)
    ]
    assert [line.number for line in lines] == list(range(1, 101))


def test_ten_thousand_lines_are_read_and_compared():
    blocks = (SubnetSpec(address="10.0.0.1", prefix=16),)
    many = [HostSpec(mac=f"52:54:00:00:{n >> 8:02x}:{n & 255:02x}", ip=f"10.0.{n >> 8}.{n & 255}", name=f"n{n}")
            for n in range(2, 10_002)]  # fmt: skip
    lines = read("mac,ip,name\n" + "\n".join(f"{host.mac},{host.ip},{host.name}" for host in many))
    assert [line.host for line in lines] == many
    found = compare(lines, many[:5000], blocks)
    assert [row.verb for row in found] == [Outcome.SAME] * 5000 + [Outcome.NEW] * 5000


def test_a_line_that_is_no_entry_has_a_code(reworded):  # noqa: F811
    reworded()
    (line,) = read("dhcp-range=10.5.0.8")
    assert (line.error, str(line.error)) == (Message("paste.option", option="dhcp-range"), "XXXX")
