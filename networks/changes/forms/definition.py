"""The fields of a network's form, named after Virter's flags where Virter has them, else after libvirt's elements."""

from functools import partial

from django import forms

from networks.changes.forms.fields import LinesField, PartField
from networks.definition import addressing, lines, rules
from networks.models import Network
from virterweb.hypervisors.fleet.field import HypervisorField


class DefinitionForm(forms.Form):
    """The fields of a network's form, in groups."""

    hypervisor = HypervisorField()
    name = forms.CharField(max_length=50, strip=False, validators=[rules.validate_name])
    forward_mode = forms.ChoiceField(
        label="Forward mode", choices=Network.ForwardMode.choices, required=False, initial=Network.ForwardMode.ISOLATED
    )
    ipv4 = forms.CharField(
        label="IPv4",
        required=False,
        help_text="The address of the host with the prefix length, for example 10.255.0.1/24.",
    )
    ipv6 = forms.CharField(label="IPv6", required=False, help_text="The same for IPv6, for example fd00:255::1/64.")
    dhcp = forms.BooleanField(label="DHCP in every block", required=False)
    domain = forms.CharField(
        required=False,
        validators=[rules.validate_domain],
        help_text="With a domain, guests find each other as NAME.DOMAIN.",
    )
    move_along = forms.BooleanField(
        label="Move ranges, reservations and gateways along when a block changes", required=False, initial=False
    )
    blocks = LinesField(lines.read_block, label="Further blocks", help_text="One per line, for example 10.8.0.1/24.")
    ranges = LinesField(
        lines.read_range,
        label="DHCP ranges",
        help_text="One per line, with an optional lease time: 10.255.0.2-10.255.0.99 12h. "
        "If DHCP is on, a block without a line gets its whole range.",
    )
    hosts = LinesField(
        lines.read_host,
        label="DHCP reservations",
        help_text="One per line: MAC and IP, then optionally name and lease time. IPv6 guests: id:DUID and IP, or "
        "name and IP.",
    )
    host_mac = forms.CharField(
        label="Base MAC",
        required=False,
        initial=addressing.ACCESS_MAC,
        help_text="Reservation i gets base + first ID + i.",
    )
    host_first_id = forms.IntegerField(label="First ID", required=False, min_value=0, initial=0)
    host_count = forms.IntegerField(
        label="Number of generated DHCP reservations",
        required=False,
        min_value=0,
        max_value=65533,
        initial=0,
        help_text="Generated for the IPv4 block, starting after the address of the host.",
    )
    forward_devices = LinesField(
        rules.read_device,
        label="Outgoing devices",
        help_text="Devices of the host through which traffic may leave. Empty: all.",
    )
    nat_ports = PartField(partial(lines.read_span, kind="port"), label="NAT ports", help_text="For example 1024-65535.")
    nat_addresses = PartField(
        partial(lines.read_span, kind="address"),
        label="NAT addresses",
        help_text="Addresses of the host, for example 203.0.113.8.",
    )
    nat_ipv6 = forms.BooleanField(label="NAT for IPv6 as well", required=False)
    dns = forms.ChoiceField(
        label="DNS",
        required=False,
        choices=(("", "Virter-compatible: on if there is a domain or a forward mode"), ("yes", "on"), ("no", "off")),
    )
    local_only = forms.BooleanField(
        label="Domain is local only",
        required=False,
        initial=True,
        help_text="Queries for the domain are answered by this network only.",
    )
    dns_hosts = LinesField(
        lines.read_dns_host,
        label="DNS hosts",
        help_text="One per line: IP and names, for example 10.255.0.5 mirror www.lab.",
    )
    forwarders = LinesField(
        lines.read_forwarder,
        label="DNS forwarders",
        help_text="One per line: an address, a domain, or a domain and an address.",
    )
    tftp_root = forms.CharField(
        label="TFTP root", required=False, validators=[rules.validate_path], help_text="A folder on the host."
    )
    boot_file = forms.CharField(label="Boot file", required=False, validators=[rules.validate_printable])
    boot_server = PartField(rules.read_server, label="Boot server", help_text="Empty: the host.")
    routes = LinesField(
        lines.read_route,
        label="Static routes",
        help_text="Routes of the host through a guest, for example 10.8.0.0/16 via 10.255.0.7.",
    )
    bridge = forms.CharField(
        label="Bridge",
        required=False,
        validators=[rules.validate_bridge],
        help_text="Empty: libvirt chooses the next virbrN. With mode bridge: an existing bridge of the host.",
    )
    stp = forms.BooleanField(label="STP", required=False, initial=True)
    mtu = forms.IntegerField(
        label="MTU", required=False, validators=[rules.validate_mtu], help_text="68 to 65535. Empty: 1500."
    )
    isolated_ports = forms.BooleanField(
        label="Isolated ports", required=False, help_text="Guests can reach the host, but not each other."
    )
    inbound = PartField(
        lines.read_bandwidth, label="Bandwidth in", help_text="average,peak,burst,floor in KiB/s (burst in KiB)."
    )
    outbound = PartField(
        lines.read_bandwidth, label="Bandwidth out", help_text="average,peak,burst in KiB/s (burst in KiB)."
    )
    port_groups = LinesField(
        lines.read_port_group,
        label="Port groups",
        help_text="One per line: NAME, then optionally default, vlan=10,20, trunk, native=10, in=1000, out=1000.",
    )
    dnsmasq_options = LinesField(
        str,
        label="dnsmasq options",
        help_text="One per line, in addition to those of the hypervisor. Only for operators, because options can run "
        "programs on the host.",
    )
    title = forms.CharField(required=False, max_length=200, validators=[rules.validate_printable])
    description = forms.CharField(required=False, max_length=5000, widget=forms.Textarea(attrs={"rows": 2}))
    autostart = forms.BooleanField(label="Start with the host", required=False, initial=True)

    FOLDS = (
        ("Blocks and ranges", ("blocks", "ranges")),
        ("DHCP reservations", ("hosts", "host_mac", "host_first_id", "host_count")),
        ("Forwarding", ("forward_devices", "nat_ports", "nat_addresses", "nat_ipv6")),
        ("DNS", ("dns", "local_only", "dns_hosts", "forwarders")),
        ("Network boot", ("tftp_root", "boot_file", "boot_server")),
        ("Bridge, MTU, routes", ("bridge", "stp", "mtu", "isolated_ports", "routes")),
        ("Bandwidth and port groups", ("inbound", "outbound", "port_groups")),
        ("Title and start", ("title", "description", "autostart")),
        ("dnsmasq options", ("dnsmasq_options",)),
    )
