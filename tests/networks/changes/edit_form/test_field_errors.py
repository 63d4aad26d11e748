"""Values that are refused at their field."""

import pytest

from tests.networks.changes.edit_form.edited_networks import again, errors, fill_in, save, shown


@pytest.mark.parametrize(
    ("field", "line", "said"),
    [
        ("blocks", "10.8.0/24", "not an address with a prefix length"),
        ("ranges", "10.255.0.9", "enter a range like"),
        ("ranges", "10.255.0.9-10.255.0.8", "first address of a range must be the lower one"),
        ("ranges", "10.255.0.2-10.255.0.8 5s", "The shortest lease time is 2m"),
        ("hosts", "52:54:00:00:00:08", "enter a reservation like"),
        ("hosts", "52:54:00:00:00:08 10.255.0.300", "10.255.0.300 is not an IP address"),
        ("hosts", "01:54:00:00:00:08 10.255.0.8", "MAC"),
        ("hosts", "52:54:00:00:00:08 fd00:255::8", "not by a MAC"),
        ("forward_devices", "eth 0", "is not a valid device name"),
        ("dns_hosts", "10.255.0.5", "at least one name"),
        ("dns_hosts", "10.255.0.5 <b>", "not a DNS name"),
        ("forwarders", "a b c", "enter an address, a domain"),
        ("routes", "10.8.0.0/16", "enter a route like"),
        ("routes", "10.8.0.1/16 via 10.255.0.7", "host bits"),
        ("port_groups", "red vlan=4096", "not a VLAN tag"),
        ("port_groups", "red colour=red", "is unknown"),
    ],
)
def test_an_invalid_line_is_named_by_its_number(plain, field, line, said):
    found = errors(fill_in(plain, **{field: f"\r\n{line}"}))[field]
    assert found.startswith("Line 2: ")
    assert said in found


def test_each_invalid_line_has_its_own_error_and_a_duplicate_names_the_first(plain):
    found = errors(fill_in(plain, dns_hosts="10.1.0.5\n10.1.0.6 six\n10.1.0.7\n10.1.0.6  six"))["dns_hosts"]
    assert [number for number in "1234" if f"Line {number}:" in found] == ["1", "3", "4"]
    assert "10.1.0.6 six is already in line 2" in found


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({"ranges": "10.2.0.2-10.2.0.9"}, "ranges", "This is outside all blocks of this network: 10.2.0.2-10.2.0.9."),
        ({"ranges": "10.1.0.9-10.2.0.9"}, "ranges", "This is outside all blocks"),
        ({"ranges": "10.1.0.2-10.1.0.9\n10.1.0.9-10.1.0.20"}, "ranges", "Two ranges overlap."),
        (
            {"ipv6": "fd00:1::1/64", "ranges": "fd00:1::2-fd00:1::9\nfd00:1::9-fd00:1::20"},
            *("ranges", "Two ranges overlap."),
        ),
        (
            {"hosts": "52:54:00:00:00:08 10.2.0.8"},
            "hosts",
            "This is outside all blocks of this network: 52:54:00:00:00:08 10.2.0.8.",
        ),
        (
            {"hosts": "52:54:00:00:00:08 10.1.0.8\n52:54:00:00:00:08 10.1.0.9"},
            *("hosts", "52:54:00:00:00:08 has two reservations"),
        ),
        ({"hosts": "52:54:00:00:00:08 10.1.0.8\n52:54:00:00:00:09 10.1.0.8"}, "hosts", "10.1.0.8 has two reservations"),
        ({"hosts": "52:54:00:00:00:08 10.1.0.1"}, "hosts", "this is the address of the host"),
        ({"nat_ports": "1-2"}, "nat_ports", "This needs the forward mode nat."),
        ({"nat_ports": "2-1", "forward_mode": "nat"}, "nat_ports", "the lower one first"),
        ({"nat_addresses": "10.0.0.1"}, "nat_addresses", "This needs the forward mode nat."),
        ({"nat_ipv6": "on"}, "nat_ipv6", "This needs the forward mode nat."),
        ({"forward_devices": "eth0"}, "forward_devices", "accepts no device"),
        ({"dns": "no", "dns_hosts": "10.1.0.5 five"}, "dns_hosts", "This needs DNS."),
        ({"dns": "no", "forwarders": "9.9.9.9"}, "forwarders", "This needs DNS."),
        ({"boot_server": "10.1.0.3"}, "boot_file", "A boot server needs a boot file."),
        ({"boot_server": "boot.lab.test", "boot_file": "x"}, "boot_server", "is not an IP address"),
        ({"boot_file": "pxelinux.0", "dhcp": None, "ranges": ""}, "boot_file", "Network boot needs DHCP."),
        (
            {"ipv4": "", "ipv6": "fd00:1::1/64", "boot_file": "x"},
            *("boot_file", "Network boot needs an IPv4 block."),
        ),
        (
            {"ipv4": "", "ipv6": "fd00:1::1/64", "tftp_root": "/srv"},
            *("tftp_root", "Network boot needs an IPv4 block."),
        ),
        ({"tftp_root": "srv"}, "tftp_root", "the full path"),
        ({"ipv4": "192.168.122.1/25"}, "ipv4", "overlaps 192.168.122.0/24 of the network default"),
        ({"ipv4": "172.16.5.1/24"}, "ipv4", "routes it through eth0"),
        ({"blocks": "10.1.0.129/25"}, "blocks", "overlaps 10.1.0.0/24 of the same network"),
        ({"ipv4": "", "dhcp": "on"}, "dhcp", "needs a block"),
        ({"ipv4": "", "dhcp": None, "forward_mode": "nat"}, "ipv4", "needs an IPv4 or IPv6 block"),
        ({"bridge": "virbr0"}, "bridge", "belongs to the network default"),
        ({"forward_mode": "bridge", "bridge": ""}, "bridge", "Enter the bridge of the host"),
        ({"mtu": "67"}, "mtu", "at least 68"),
        ({"inbound": "fast"}, "inbound", "average,peak,burst,floor"),
        ({"title": "a\x07b"}, "title", "ontrol characters"),
        ({"description": "a\x07b"}, "description", "ontrol characters"),
        ({"description": "a\ufffeb"}, "description", "ontrol characters"),
        ({"port_groups": "red\tvlan=1\x07"}, "port_groups", "ontrol characters"),
    ],
)
def test_conflicting_values_have_an_error_at_their_field(plain, fields, field, said):
    assert said in errors(fill_in(plain, **fields))[field]


def test_a_refused_form_keeps_its_input_and_changes_nothing(page, plain, enqueued):
    answer = save(page, plain, hosts="52:54:00:00:00:08 10.2.0.8", title="Typed <b>")
    assert answer.status_code == 422
    assert 'id="id_hosts_error"' in answer.content.decode()
    assert (shown(answer)["hosts"], shown(answer)["title"]) == ("52:54:00:00:00:08 10.2.0.8", "Typed <b>")
    assert again(plain).generation == plain.generation
    assert enqueued == []


def test_a_network_does_not_conflict_with_itself(rich):
    assert fill_in(rich, ipv4="10.255.0.1/25", ranges="", hosts="", bridge="virbr40").errors == {}
