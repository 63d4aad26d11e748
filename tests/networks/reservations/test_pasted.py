"""Pasted DHCP reservations: every common format is read, and each wrong line gets an error message."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from networks.definition.spec import HostSpec, SubnetSpec, lease_text
from networks.reservations.pasted import Index, Line, Outcome, Row, as_dnsmasq, compare, read
from tests.support import specs
from tests.support.examples import examples

MAC, DUID = "52:54:00:00:00:08", "00:03:00:01:52:54:00:00:00:08"
EIGHT = HostSpec(mac=MAC, ip="10.255.0.8", name="eight")
NINE = HostSpec(mac="52:54:00:00:00:09", ip="10.255.0.9", name="nine", lease=43200)
SIX = HostSpec(duid=DUID, ip="fd00::8", name="six")
NAMED = HostSpec(ip="10.255.0.7", name="seven")
HELD = (EIGHT, NINE, SIX, NAMED)
BLOCKS = (SubnetSpec(address="10.255.0.1", prefix=24), SubnetSpec(address="fd00::1", prefix=64))


def hosts(text: str) -> list[HostSpec | None]:
    return [line.host for line in read(text)]


def error(text: str) -> str:
    """Of the last line."""
    line = read(text)[-1]
    assert line.host is None
    return line.error


def rows(*typed: str, held: tuple[HostSpec, ...] = HELD) -> tuple[Row, ...]:
    return compare(read("\n".join(typed)), held, BLOCKS)


def verbs(*typed: str) -> list[Outcome]:
    return [row.verb for row in rows(*typed)]


# reading


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
        f"<host mac='{MAC}' name='eight' ip='10.255.0.8'/><!-- ours -->",
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


def test_a_header_counts_for_lines_with_its_separator_only():
    typed = [
        "name,ip,mac",
        f"0123456789ab,10.255.0.8,{MAC}",
        f"{MAC};10.255.0.8;eight",
        f"dhcp-host={MAC},10.255.0.8,eight",
    ]
    assert hosts("\n".join(typed)) == [HostSpec(mac=MAC, ip="10.255.0.8", name="0123456789ab"), EIGHT, EIGHT]


def test_what_the_portal_exports_is_read_back():
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
    text = f"\ufeff# ours\r\n\r\n{MAC} 10.255.0.8 eight\r  # and\n\n \t\nnonsense\r\r\n{NINE}"
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
        (f"mac,ip\n10.255.0.8,{MAC}", "This is no MAC"),
        ("mac,ip\n01:00:5e:00:00:08,10.255.0.8", "multicast"),
        (f"mac,ip\n{MAC}", "an entry looks like"),
        (f"mac,ip,name\n{MAC},10.255.0.8,two words", "two words is no DNS name"),
        (f"mac,ip,name\n{MAC},10.255.0.8,12h", "12h is no name for a guest"),
        (f"mac,ip,name\n{MAC},,10.255.0.8", "10.255.0.8 is no name for a guest"),
        (f"mac,ip,lease\n{MAC},10.255.0.8,119", "no lease time"),
        (f"mac,ip,lease\n{MAC},10.255.0.8,0", "no lease time"),
        (f"mac,ip,lease\n{MAC},10.255.0.8,soon", "soon is no lease time"),
        (f'mac,ip\n"{MAC},10.255.0.8', "the quotes do not match"),
        ("duid,ip\n00:01 00:02,fd00::8", "no DUID"),
        (f"duid,ip\n{DUID},10.255.0.8", "only IPv6"),
        (f"{MAC},10.255.0.8,60", "no lease time"),
        (f"{MAC},10.255.0.8,eight,ready", "two of eight and ready"),
        (f"dhcp-host={MAC},set:red,10.255.0.8", "set:red is not understood"),
        (f"dhcp-host=tag:red,{MAC},10.255.0.8", "tag:red is not understood"),
        (f"{MAC},ignore", "ignore is not understood"),
        ("host-record=eight.lab,10.255.0.8", "host-record= is not supported"),
        ("dhcp-range=10.255.0.2,10.255.0.99", "dhcp-range= is not supported"),
        ("dhcp-host=", "an entry looks like"),
        (f"dhcp-host={MAC},[fd00::8]", "not by a MAC"),
        (f"<host mac='{MAC}'/>", "an entry looks like"),
        (f"<host mac='{MAC}' ip='10.255.0.8'", "no whole <host …/>"),
        (f"<host mac='{MAC}' ip='10.255.0.8'/><host/>", "no whole <host …/>"),
        (f"<host mac='{MAC}' ip='10.255.0.8'><lease expiry='1'/></host>", "60s is no lease time"),
        ("<host mac='10.255.0.8' ip='10.255.0.8'/>", "This is no MAC"),
        ("<range start='10.255.0.2' end='10.255.0.9'/>", "only <host …/> is"),
        ("<hosts/>", "only <host …/> is"),
        (f"<!DOCTYPE host [<!ENTITY x '10.255.0.8'>]><host mac='{MAC}' ip='&x;'/>", "only <host …/> is"),
        (f"<host mac='{MAC}' ip='&x;'/>", "no whole <host …/>"),
        (f"{MAC} 10.255.0.8 {'a' * 2000}", "This line has 2029 characters"),
        (f"{MAC} 10.255.0.8 a\x00b", "no DNS name"),
    ],
)
def test_a_line_that_is_not_understood_says_why(text, said):
    assert said in error(text)


def test_of_a_paste_that_is_half_wrong_the_other_half_is_read():
    good = [f"52:54:00:00:01:{number:02x} 10.255.0.{number}" for number in range(10, 60)]
    bad = [f"52:54:00:00:01:{number:02x} 10.255.0.{number}0000" for number in range(10, 60)]
    lines = read("\n".join(line for pair in zip(good, bad, strict=True) for line in pair))
    assert [str(line.host) for line in lines[::2]] == good
    assert [line.error for line in lines[1::2]] == [
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
def test_whatever_is_pasted_every_line_is_an_entry_or_says_why_not(text):
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


# conflicts


@pytest.mark.parametrize(
    ("host", "said"),
    [
        (HostSpec(mac=MAC, ip="10.255.0.20"), [("mac", f"{MAC} has 10.255.0.8 here already.")]),
        (HostSpec(duid=DUID, ip="fd00::20"), [("duid", f"{DUID} has fd00::8 here already.")]),
        (
            HostSpec(mac="52:54:00:00:00:20", ip="10.255.0.8"),
            [("ip", f"10.255.0.8 is reserved for {MAC} (eight) already.")],
        ),
        (HostSpec(name="a", ip="10.255.0.7"), [("ip", "10.255.0.7 is reserved for seven already.")]),
        (HostSpec(name="a", ip="fd00::8"), [("ip", f"fd00::8 is reserved for id:{DUID} (six) already.")]),
        (
            HostSpec(mac="52:54:00:00:00:20", ip="10.255.0.20", name="Eight"),
            [("name", f"Eight is the name of {MAC} (10.255.0.8) already.")],
        ),
        (HostSpec(name="SEVEN", ip="10.255.0.20"), [("name", "SEVEN is the name of 10.255.0.7 already.")]),
        (
            HostSpec(name="a", ip="10.9.0.1"),
            [("ip", "10.9.0.1 is in no block of this network: 10.255.0.0/24, fd00::/64.")],
        ),
        (HostSpec(name="a", ip="10.255.0.0"), [("ip", "10.255.0.0 is the address of the block 10.255.0.0/24 itself.")]),
        (HostSpec(name="a", ip="10.255.0.255"), [("ip", "10.255.0.255 is the broadcast address of 10.255.0.0/24.")]),
        (HostSpec(name="a", ip="10.255.0.1"), [("ip", "10.255.0.1 is the host’s own address in 10.255.0.0/24.")]),
        (HostSpec(name="a", ip="fd00::"), [("ip", "fd00:: is the address of the block fd00::/64 itself.")]),
        (HostSpec(name="a", ip="fd00::1"), [("ip", "fd00::1 is the host’s own address in fd00::/64.")]),
        (HostSpec(name="a", ip="fd00::ffff:ffff:ffff:ffff"), []),
        (HostSpec(name="a", ip="10.255.0.254"), []),
        (HostSpec(name="eight", ip="fd00::20"), []),
        (
            HostSpec(mac=MAC, ip="10.255.0.9", name="seven"),
            [
                ("mac", f"{MAC} has 10.255.0.8 here already."),
                ("ip", "10.255.0.9 is reserved for 52:54:00:00:00:09 (nine) already."),
                ("name", "seven is the name of 10.255.0.7 already."),
            ],
        ),
    ],
)
def test_a_conflict_names_the_field_and_the_other(host, said):
    assert [(field, str(reason)) for field, reason in Index(HELD, BLOCKS).conflicts(host)] == said


def test_a_network_without_blocks_has_room_for_no_entry():
    ((field, reason),) = Index((), ()).conflicts(EIGHT)
    assert (field, str(reason)) == ("ip", "10.255.0.8 is in no block of this network: it has none.")


def test_an_entry_is_in_no_conflict_with_the_one_whose_place_it_takes():
    moved = HostSpec(mac=MAC, ip="10.255.0.20", name="eight")
    assert Index(HELD, BLOCKS).conflicts(moved, was=EIGHT) == ()


def test_an_entry_that_was_added_counts_from_then_on():
    index = Index((), BLOCKS)
    index.add(EIGHT)
    assert [field for field, _ in index.conflicts(EIGHT)] == ["mac", "ip", "name"]


def test_spelling_hides_no_conflict():
    """Documents that others made keep their own."""
    held = (HostSpec(duid="0:3:0:1:52:54:0:0:0:8", ip="FD00:0:0::8"), HostSpec(mac="52:54:0:0:0:8", ip="10.255.0.8"))
    index = Index(held, BLOCKS)
    assert [field for field, _ in index.conflicts(HostSpec(duid=DUID, ip="fd00::8"))] == ["duid", "ip"]
    assert [field for field, _ in index.conflicts(HostSpec(mac=MAC, ip="10.255.0.20"))] == ["mac"]


# comparing


def test_a_paste_is_shown_as_what_it_would_do():
    new, same, changed, wrong = rows(
        "52:54:00:00:00:20 10.255.0.20",
        "dhcp-host=52:54:00:00:00:09,10.255.0.9,nine,12h",
        f"{MAC} 10.255.0.21 eight",
        "nonsense",
    )
    assert (new.verb, new.was, new.errors) == (Outcome.NEW, None, ())
    assert (same.verb, same.was, same.errors) == (Outcome.SAME, None, ())
    assert (changed.verb, changed.was, changed.errors) == (Outcome.CHANGED, EIGHT, ())
    assert (wrong.verb, wrong.errors) == (Outcome.WRONG, (wrong.line.error,))


@pytest.mark.parametrize("line", [str(host) for host in HELD])
def test_an_entry_that_is_there_already_is_no_conflict_with_itself(line):
    assert verbs(line) == [Outcome.SAME]


@pytest.mark.parametrize(
    ("line", "was"),
    [
        (f"{MAC} 10.255.0.8 acht", EIGHT),
        (f"{MAC} 10.255.0.8 Eight", EIGHT),
        (f"{MAC} 10.255.0.8", EIGHT),
        (f"{MAC} 10.255.0.8 eight infinite", EIGHT),
        (f"id:{DUID} fd00::9 six", SIX),
        ("seven 10.255.0.70", NAMED),
    ],
)
def test_the_entry_of_the_same_mac_duid_or_else_name_is_changed(line, was):
    (row,) = rows(line)
    assert (row.verb, row.was) == (Outcome.CHANGED, was)


def test_a_line_with_nothing_but_a_name_does_not_change_a_guest_that_has_a_mac():
    (row,) = rows("eight 10.255.0.20")
    assert (row.verb, row.errors) == (Outcome.WRONG, (f"eight is the name of {MAC} (10.255.0.8) already.",))


def test_a_line_in_conflict_with_an_entry_is_wrong_and_names_it():
    (row,) = rows("52:54:00:00:00:20 10.255.0.9 seven")
    assert row.verb == Outcome.WRONG
    assert row.errors == (
        "10.255.0.9 is reserved for 52:54:00:00:00:09 (nine) already.",
        "seven is the name of 10.255.0.7 already.",
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("52:54:00:00:00:20 10.255.0.21", "52:54:00:00:00:20 stands in line 3 already."),
        ("52:54:00:00:00:21 10.255.0.20", "10.255.0.20 stands in line 3 already."),
        ("52:54:00:00:00:21 10.255.0.21 TWENTY", "TWENTY stands in line 3 already."),
        (f"{MAC} 10.255.0.22", f"{MAC} stands in line 4 already."),
        ("52:54:00:00:00:09 10.255.0.22", "52:54:00:00:00:09 stands in line 5 already."),
        (f"id:{DUID} fd00::20", f"{DUID} stands in line 6 already."),
    ],
)
def test_a_duplicate_inside_the_paste_names_the_first_line(line, said):
    before = ["# ours", "", "52:54:00:00:00:20 10.255.0.20 twenty", f"{MAC} 10.255.0.8 acht", str(NINE), str(SIX)]
    row = rows(*before, line)[-1]
    assert (row.verb, row.errors) == (Outcome.WRONG, (said,))


def test_the_same_line_twice_is_once_too_often():
    assert verbs("a 10.255.0.20", "a 10.255.0.20") == [Outcome.NEW, Outcome.WRONG]


def test_a_wrong_line_takes_nothing_from_later_ones():
    typed = ["52:54:00:00:00:20 10.9.0.1 twenty", "52:54:00:00:00:20 10.255.0.20 twenty"]
    assert verbs(*typed) == [Outcome.WRONG, Outcome.NEW]


@pytest.mark.parametrize("backwards", [False, True])
def test_what_a_line_gives_up_is_free_in_the_next_paste_only(backwards):
    moved, taker = f"{MAC} 10.255.0.20 acht", "52:54:00:00:00:21 10.255.0.8 eight"
    typed = [taker, moved] if backwards else [moved, taker]
    said = (f"10.255.0.8 is reserved for {MAC} (eight) already.", f"eight is the name of {MAC} (10.255.0.8) already.")
    found = {row.line.text: (row.verb, row.errors) for row in rows(*typed)}
    assert found == {moved: (Outcome.CHANGED, ()), taker: (Outcome.WRONG, said)}
    (after,) = rows(taker, held=(HostSpec(mac=MAC, ip="10.255.0.20", name="acht"), NINE))
    assert after.verb == Outcome.NEW
