"""The form of a network: adds one, changes one, and the command line fills in the same fields.

It turns a definition into text fields and back; what it does not show stays in the document that it edits.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from ipaddress import ip_address
from itertools import pairwise

from django import forms
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import QueryDict

from virterweb.hypervisors.models import Hypervisor

from . import addressing, lines, rules, tasks
from . import plan as plans
from .blocks import taken_blocks
from .edit_xml import build, edit
from .fields import LinesField, PartField
from .models import DHCPHost, Network
from .network_xml import HostSpec, NetworkSpec, RangeSpec, SubnetSpec, read
from .usage import next_free_address

FAMILIES = {"ipv4": 4, "ipv6": 6}


@dataclass(frozen=True, kw_only=True)
class BlockFacts:
    """What a typed block means, computed in view."""

    host: str
    start: str
    end: str
    count: int
    dhcp: bool
    guests_do: str


class NetworkForm(forms.Form):
    """Fields named after Virter's flags where Virter has them, and after libvirt's elements else."""

    hypervisor = forms.ModelChoiceField(Hypervisor.objects.all(), empty_label=None)
    name = forms.CharField(max_length=50, strip=False, validators=[rules.validate_name])
    forward_mode = forms.ChoiceField(
        label="Forward mode", choices=Network.ForwardMode.choices, required=False, initial=Network.ForwardMode.ISOLATED
    )
    ipv4 = forms.CharField(
        label="IPv4", required=False, help_text="The host’s own address with the prefix length, like 10.255.0.1/24."
    )
    ipv6 = forms.CharField(label="IPv6", required=False, help_text="The same for IPv6, like fd00:255::1/64.")
    dhcp = forms.BooleanField(label="DHCP in every block", required=False)
    domain = forms.CharField(
        required=False, validators=[rules.validate_domain], help_text="Guests then find each other as NAME.DOMAIN."
    )
    move_along = forms.BooleanField(
        label="Move ranges and host entries along when a block changes", required=False, initial=False
    )
    blocks = LinesField(lines.read_block, label="Further blocks", help_text="One a line, like 10.8.0.1/24.")
    ranges = LinesField(
        lines.read_range,
        label="DHCP ranges",
        help_text="One a line with an optional lease time: 10.255.0.2-10.255.0.99 12h. "
        "With DHCP ticked, a block without a line gets its whole range.",
    )
    hosts = LinesField(
        lines.read_host,
        label="Host entries",
        help_text="MAC IP, and if wanted name and lease time. IPv6 guests: id:DUID IP, or a name and an IP.",
    )
    host_mac = forms.CharField(
        label="Base MAC", required=False, initial=addressing.ACCESS_MAC, help_text="Entry i gets base + first ID + i."
    )
    host_first_id = forms.IntegerField(label="First ID", required=False, min_value=0, initial=0)
    host_count = forms.IntegerField(
        label="Number of generated host entries",
        required=False,
        min_value=0,
        max_value=65533,
        initial=0,
        help_text="Generated for the IPv4 block, from the host’s address + 1 on.",
    )
    forward_devices = LinesField(
        rules.read_device, label="Leave by device", help_text="The host’s, that traffic may leave by; all if empty."
    )
    nat_ports = PartField(partial(lines.read_span, kind="port"), label="NAT ports", help_text="Like 1024-65535.")
    nat_addresses = PartField(
        partial(lines.read_span, kind="address"), label="NAT addresses", help_text="Of the host, like 203.0.113.8."
    )
    nat_ipv6 = forms.BooleanField(label="NAT of IPv6 too", required=False)
    dns = forms.ChoiceField(
        label="DNS",
        required=False,
        choices=(("", "as Virter: on, unless neither domain nor forward mode"), ("yes", "on"), ("no", "off")),
    )
    local_only = forms.BooleanField(
        label="Keep it local", required=False, initial=True, help_text="Only the network answers for its domain."
    )
    dns_hosts = LinesField(lines.read_dns_host, label="DNS hosts", help_text="IP and names: 10.255.0.5 mirror www.lab.")
    forwarders = LinesField(
        lines.read_forwarder, label="DNS forwarders", help_text="An address, a domain, or a domain and an address."
    )
    tftp_root = forms.CharField(
        label="TFTP root", required=False, validators=[rules.validate_path], help_text="A folder on the host."
    )
    boot_file = forms.CharField(label="Boot file", required=False, validators=[rules.validate_printable])
    boot_server = PartField(rules.read_server, label="Boot server", help_text="If it is not the host.")
    routes = LinesField(
        lines.read_route, label="Static routes", help_text="Of the host by way of a guest: 10.8.0.0/16 via 10.255.0.7."
    )
    bridge = forms.CharField(
        label="Bridge",
        required=False,
        validators=[rules.validate_bridge],
        help_text="Empty: libvirt takes the next virbrN. With mode bridge: the host’s bridge to use.",
    )
    stp = forms.BooleanField(label="STP", required=False, initial=True)
    mtu = forms.IntegerField(label="MTU", required=False, validators=rules.MTU, help_text="68 to 65535; empty: 1500.")
    isolated_ports = forms.BooleanField(
        label="Isolate ports", required=False, help_text="Guests reach the host, not each other."
    )
    inbound = PartField(
        lines.read_bandwidth, label="Bandwidth in", help_text="average,peak,burst,floor in KiB/s (burst in KiB)."
    )
    outbound = PartField(lines.read_bandwidth, label="Bandwidth out", help_text="average,peak,burst.")
    port_groups = LinesField(
        lines.read_port_group,
        label="Port groups",
        help_text="NAME, and of default vlan=10,20 trunk native=10 in=1000 out=1000 what is wanted.",
    )
    dnsmasq_options = LinesField(
        str,
        label="dnsmasq options",
        help_text="One a line, beside those of the hypervisor. Operators only: they can run programs on the host.",
    )
    title = forms.CharField(required=False, max_length=200, validators=[rules.validate_printable])
    description = forms.CharField(required=False, max_length=5000, widget=forms.Textarea(attrs={"rows": 2}))
    autostart = forms.BooleanField(label="Start with the host", required=False, initial=True)

    FOLDS = (
        ("Blocks and ranges", ("blocks", "ranges")),
        ("Host entries", ("hosts", "host_mac", "host_first_id", "host_count")),
        ("Forwarding", ("forward_devices", "nat_ports", "nat_addresses", "nat_ipv6")),
        ("DNS", ("dns", "local_only", "dns_hosts", "forwarders")),
        ("Network boot", ("tftp_root", "boot_file", "boot_server")),
        ("Bridge, MTU, routes", ("bridge", "stp", "mtu", "isolated_ports", "routes")),
        ("Bandwidth and port groups", ("inbound", "outbound", "port_groups")),
        ("Title and start", ("title", "description", "autostart")),
        ("dnsmasq options", ("dnsmasq_options",)),
    )
    QUIET = (addressing.ACCESS_MAC, "0", "")  # what a fold's summary leaves out

    def __init__(
        self,
        data: QueryDict | dict | None = None,
        *args,
        operator: bool = False,
        network: Network | None = None,
        **kwargs,
    ) -> None:
        """`network` is the one that is changed; without it one is added."""
        self.operator, self.network = operator, network
        self.before: NetworkSpec | None = network.spec if network else None
        initial = kwargs.pop("initial", None) or (initial_of(self.before) if self.before else {})
        super().__init__(data, *args, initial=initial, **kwargs)
        self.label_suffix = ""
        if network:
            for name in ("hypervisor", "host_mac", "host_first_id", "host_count"):
                del self.fields[name]
            self.fields["name"].disabled = True
            self.fields["name"].help_text = "libvirt gives a network no other name."
            self.fields["autostart"].initial = network.autostart
            if data is None and (free := next_free_address(network)):
                self.fields["hosts"].help_text += f" The next free address is {free}."
            self.fields["dns"].choices = self.fields["dns"].choices[1:]
            if (mode := self.before.forward_mode) not in Network.ForwardMode.values:
                self.fields["forward_mode"].choices += [(mode, f"{mode}: as its XML has it")]
            if not (initial["hosts"] or initial["ranges"]):
                del self.fields["move_along"]
        else:
            del self.fields["move_along"]
            self.fields["hypervisor"].initial = Hypervisor.objects.first()

    @property
    def on(self) -> Hypervisor | None:
        return self.network.hypervisor if self.network else self.cleaned_data.get("hypervisor")

    IN_VIEW = ("name", "forward_mode", "ipv4", "ipv6", "dhcp", "move_along", "domain")

    @property
    def in_view(self) -> list[forms.BoundField]:
        return [self[name] for name in self.IN_VIEW if name in self.fields]

    @property
    def folds(self) -> list[tuple[str, str, list]]:
        """The folded groups: title, what it holds, its fields."""
        return [
            (title, self._held(fields) or "none", fields)
            for title, names in self.FOLDS
            if (fields := [self[name] for name in names if name in self.fields])
        ]

    def _held(self, fields: list[forms.BoundField]) -> str:
        held = []
        for field in fields:
            value = field.field.prepare_value(field.value())
            if isinstance(field.field, forms.BooleanField):
                if bool(value) != bool(field.field.initial):
                    held.append(field.label if value else f"no {field.label}")
            elif isinstance(field.field, LinesField) and value and "\n" in str(value).strip():
                held.append(f"{len(str(value).split(chr(10)))} {field.label}")
            elif str(value or "") not in self.QUIET:
                held.append(str(dict(getattr(field.field, "choices", ())).get(value, value)))
        return ", ".join(held)

    # each field

    def clean_ipv4(self):
        return self._block("ipv4", 4)

    def clean_ipv6(self):
        return self._block("ipv6", 6)

    def _block(self, field: str, version: int):
        text = self.cleaned_data[field].strip()
        return rules.read_cidr(text, version) if text else None

    def clean_blocks(self):
        return tuple(rules.read_cidr(text) for text in self.cleaned_data["blocks"])

    def clean_domain(self) -> str:
        return self.cleaned_data["domain"].lower()

    def clean_description(self) -> str:
        """Browsers send CRLF; an editor's indentation around it is kept while nothing else changes."""
        text = self.cleaned_data["description"].replace("\r\n", "\n")
        rules.validate_printable(text.replace("\n", " ").replace("\t", " "))
        was = self.before.description if self.before else ""
        return was if text == was.strip() else text

    def clean_host_mac(self) -> str:
        text = self.cleaned_data["host_mac"] or addressing.ACCESS_MAC
        # The base may be 52:54:00:00:00:00, which no guest can have but ID 0.
        if text.lower() == addressing.ACCESS_MAC:
            return addressing.ACCESS_MAC
        try:
            return addressing.parse_mac(text)
        except ValueError as problem:
            raise ValidationError(str(problem)) from problem

    def clean_dnsmasq_options(self) -> tuple[str, ...]:
        options = self.cleaned_data["dnsmasq_options"]
        was = self.before.dnsmasq_options if self.before else ()
        if options != was and not self.operator:
            raise ValidationError("Only operators may give dnsmasq options: they can run programs on the host.")
        return options

    # the whole

    def clean(self) -> dict:
        data = super().clean()
        for check in (
            self._check_name,
            self._check_mode,
            self._check_blocks,
            self._move_along,
            self._check_dhcp,
            self._generate_hosts,
            self._check_hosts,
            self._check_dns,
            self._check_boot,
        ):
            check(data)
        return data

    def _check_name(self, data: dict) -> None:
        hypervisor, name = self.on, data.get("name")
        if not self.network and hypervisor and name and Network.objects.on(hypervisor).filter(name=name).exists():
            self.add_error("name", f"There is a network {name} on {hypervisor} already.")

    def _check_mode(self, data: dict) -> None:
        mode, bridge = data.get("forward_mode"), data.get("bridge")
        if mode == Network.ForwardMode.BRIDGE:
            if not bridge and not data.get("forward_devices") and "bridge" not in self.errors:
                self.add_error("bridge", "Name the host’s bridge that this network shall use.")
            for field in ("ipv4", "ipv6", "blocks", "domain", "mtu", "routes"):
                if data.get(field):
                    self.add_error(field, "None on the host’s own bridge: that is set up elsewhere.")
        elif mode in (Network.ForwardMode.NAT, Network.ForwardMode.ROUTE) and not self._typed_blocks():
            self.add_error("ipv4", f"Forward mode {mode} needs an IPv4 or IPv6 block.")
        if mode != Network.ForwardMode.NAT:
            for field in ("nat_ports", "nat_addresses", "nat_ipv6"):
                if data.get(field):
                    self.add_error(field, "Only with forward mode nat.")
        most = {Network.ForwardMode.NAT: 1, Network.ForwardMode.ROUTE: 1}.get(mode, 0)
        limited = mode in (Network.ForwardMode.ISOLATED, Network.ForwardMode.OPEN) or most
        if limited and len(data.get("forward_devices") or ()) > most:
            self.add_error("forward_devices", f"With this forward mode libvirt takes {most or 'no'} device.")
        taken = (
            bridge
            and self.on
            and mode != Network.ForwardMode.BRIDGE
            and self._others().filter(status__present=True, status__bridge=bridge).first()
        )
        if taken:
            self.add_error("bridge", f"The bridge {bridge} belongs to the network {taken}.")
        if self.before and self.before.bridge and not bridge and "bridge" not in self.errors:
            data["bridge"] = self.before.bridge

    def _others(self):
        others = Network.objects.on(self.on)
        return others.exclude(pk=self.network.pk) if self.network else others

    def _typed_blocks(self) -> bool:
        return any(self.data.get(self.add_prefix(field)) for field in ("ipv4", "ipv6", "blocks"))

    def _interfaces(self, data: dict) -> list[tuple[str, object]]:
        """Every block that could be read, each with its field."""
        single = [(field, data[field]) for field in FAMILIES if data.get(field)]
        return single + [("blocks", block) for block in data.get("blocks") or ()]

    def _check_blocks(self, data: dict) -> None:
        if not self.on:
            return
        taken, seen = taken_blocks(self.on, self.network), []
        for field, interface in self._interfaces(data):
            own = [(block, "this network itself") for block in seen]
            if overlap := rules.find_overlap(interface.network, own + taken):
                self.add_error(field, overlap)
            seen.append(interface.network)

    def _move_along(self, data: dict) -> None:
        """Where a block was changed: ranges and entries of the old one keep their place in the new one."""
        if not data.get("move_along") or not self.before:
            return
        for field, family in FAMILIES.items():
            old, new = self.before.block(family), data.get(field)
            if not old or not new or old.network == new.network:
                continue

            def moved(text: str, old: object = old, new: object = new) -> str:
                address = ip_address(text)
                return str(new.network[int(address) - int(old.network[0])]) if address in old.network else text

            try:
                data["hosts"] = tuple(replace(host, ip=moved(host.ip)) for host in data.get("hosts") or ())
                data["ranges"] = tuple(
                    replace(each, start=moved(each.start), end=moved(each.end)) for each in data.get("ranges") or ()
                )
            except IndexError:
                self.add_error(field, f"{new.network} is too small for all host entries and ranges of {old.network}.")

    def _check_dhcp(self, data: dict) -> None:
        blocks, ranges = self._interfaces(data), data.get("ranges") or ()
        stray = [each for each in ranges if not _block_of(each.start, blocks) or not _block_of(each.end, blocks)]
        stray += [each for each in ranges if _block_of(each.start, blocks) != _block_of(each.end, blocks)]
        if stray and not self._blocks_wrong():
            self.add_error("ranges", f"In no block of this network: {', '.join(map(str, dict.fromkeys(stray)))}.")
        for family in FAMILIES.values():
            spans = [(ip_address(each.start), ip_address(each.end)) for each in ranges]
            spans = sorted(span for span in spans if span[0].version == family)
            if any(first[1] >= second[0] for first, second in pairwise(spans)):
                self.add_error("ranges", "Two ranges overlap.")
        if not data.get("dhcp"):
            return
        if not self._typed_blocks():
            self.add_error("dhcp", "DHCP needs a block to give addresses from.")
        for field, interface in blocks:
            try:
                rules.dhcp_range(interface)
            except ValidationError as problem:
                self.add_error(field, problem)

    def _generate_hosts(self, data: dict) -> None:
        count, interface = data.get("host_count"), data.get("ipv4")
        if not count:
            return
        if interface is None:
            if "ipv4" not in self.errors:
                self.add_error("host_count", "Host entries need an IPv4 block.")
        elif data.get("host_mac"):
            try:
                made = addressing.generated_hosts(interface, data["host_mac"], data.get("host_first_id") or 0, count)
            except ValueError as problem:
                self.add_error("host_count", str(problem))
            else:
                data["hosts"] = (*data.get("hosts", ()), *(HostSpec(mac=mac, ip=str(ip)) for mac, ip in made))

    def _check_hosts(self, data: dict) -> None:
        blocks, hosts = self._interfaces(data), data.get("hosts") or ()
        stray = [host for host in hosts if not _block_of(host.ip, blocks)]
        if stray and not self._blocks_wrong():
            names = ", ".join(map(str, stray[:5])) + (f" and {len(stray) - 5} more" if len(stray) > 5 else "")
            hint = " Tick “Move … along” to keep their places." if self.network else ""
            self.add_error("hosts", f"In no block of this network: {names}.{hint}")
        for what in ("mac", "ip"):
            seen: dict[tuple, HostSpec] = {}
            for host in hosts:
                key = (getattr(host, what), ":" in host.ip)
                other = seen.setdefault(key, host) if key[0] else host
                if other is not host:
                    self.add_error("hosts", f"{key[0]} has two entries: {other}, and {host}.")
                    break
        for _, interface in blocks:
            if taken := next((host for host in hosts if host.ip == str(interface.ip)), None):
                self.add_error("hosts", f"{taken}: this is the host’s own address.")
            ends = {str(interface.network[0]), str(interface.network[-1])} if interface.version == 4 else set()
            if taken := next((host for host in hosts if host.ip in ends), None):
                self.add_error("hosts", f"{taken}: this is no guest’s address, but the block’s first or last.")

    def _check_dns(self, data: dict) -> None:
        if self._dns(data):
            return
        for field in ("dns_hosts", "forwarders"):
            if data.get(field):
                self.add_error(field, "Only where DNS is on.")
        if self.network and self.network.document and read(self.network.document).xpath("dns/txt | dns/srv"):
            self.add_error("dns", "The XML has TXT or SRV records, which need DNS.")

    def _check_boot(self, data: dict) -> None:
        if data.get("boot_file") and not (data.get("dhcp") or data.get("ranges") or data.get("hosts")):
            self.add_error("boot_file", "Network boot needs DHCP.")
        if data.get("boot_server") and not data.get("boot_file"):
            self.add_error("boot_file", "A boot server needs a boot file.")
        if (data.get("boot_file") or data.get("tftp_root")) and not any(
            block.version == 4 for _, block in self._interfaces(data)
        ):
            self.add_error("boot_file" if data.get("boot_file") else "tftp_root", "Network boot needs an IPv4 block.")

    def _dns(self, data: dict) -> bool:
        """Virter: neither domain nor forward mode, no DNS."""
        virter = bool(data.get("domain") or data.get("forward_mode"))
        return {"yes": True, "no": False}.get(data.get("dns") or "", virter)

    def _blocks_wrong(self) -> bool:
        return bool(self.errors.keys() & {"ipv4", "ipv6", "blocks"})

    # what it makes

    def spec(self) -> NetworkSpec:
        """The definition that the valid form describes."""
        data = self.cleaned_data
        before = self.before or NetworkSpec(name=data["name"])
        same = ("forward_mode", "forward_devices", "nat_ipv6", "bridge", "stp", "mtu", "isolated_ports", "domain")
        same += ("forwarders", "dns_hosts", "routes", "inbound", "outbound", "port_groups", "title", "description")
        values = {name: data[name] for name in same}
        if data["forward_mode"] == Network.ForwardMode.NAT and not self.before and data["ipv6"]:
            values["nat_ipv6"] = True  # as Virter
        options = data["dnsmasq_options"]
        if not self.network:
            options = tuple(dict.fromkeys([*self.on.dnsmasq_options.split("\n"), *options]))
        return replace(
            before,
            **values,
            nat_ports=data["nat_ports"] or "",
            nat_addresses=data["nat_addresses"] or "",
            local_only=bool(data["domain"] and data["local_only"]),
            dns=self._dns(data),
            subnets=tuple(self._subnets(data)),
            dnsmasq_options=tuple(option.strip() for option in options if option.strip()),
        )

    def _subnets(self, data: dict) -> Iterable[SubnetSpec]:
        was = {subnet.cidr: subnet for subnet in self.before.subnets} if self.before else {}
        blocks = [block for _, block in self._interfaces(data)]
        first_v4 = next((block for block in blocks if block.version == 4), None)
        for block in blocks:
            subnet = was.get(str(block)) or SubnetSpec(address=str(block.ip), prefix=block.network.prefixlen)
            ranges = tuple(each for each in data["ranges"] if ip_address(each.start) in block.network)
            if data["dhcp"] and not ranges:
                ranges = (default_range(block),)
            hosts = tuple(host for host in data["hosts"] if ip_address(host.ip) in block.network)
            subnet = replace(subnet, ranges=ranges, hosts=hosts)
            if block == first_v4:
                boot = {name: data[name] or "" for name in ("tftp_root", "boot_file", "boot_server")}
                subnet = replace(subnet, **boot)
            yield subnet

    def wanted(self) -> plans.Wanted:
        """The whole wish: an existing document edited in place, or a new one."""
        document = edit(self.network.full_document, self.spec()) if self.network else build(self.spec())
        active = self.network.active if self.network else True
        return plans.Wanted(document=document, active=active, autostart=self.cleaned_data["autostart"])

    @property
    def notes(self) -> list[str]:
        """What is allowed and yet may surprise: to be said while typing."""
        data = self.cleaned_data
        spans = [(ip_address(each.start), ip_address(each.end)) for each in data.get("ranges") or ()]
        outside = [
            str(host)
            for host in data.get("hosts") or ()
            if spans and not any(_within(ip_address(host.ip), first, last) for first, last in spans)
        ]
        if not outside:
            return []
        names = ", ".join(outside[:3]) + (f" and {len(outside) - 3} more" if len(outside) > 3 else "")
        return [f"Outside every range, which keeps them their addresses all the same: {names}."]

    def block_facts(self) -> dict[str, BlockFacts]:
        """For each block that parses: host address, range and number of addresses, as they will be."""
        self.is_valid()
        facts = {}
        for field in FAMILIES:
            interface = self.cleaned_data.get(field)
            if not interface:
                continue
            try:
                start, end = rules.dhcp_range(interface)
            except ValidationError:
                continue
            dhcp = bool(self.cleaned_data.get("dhcp"))
            count = int(end) - int(start) + 1
            subnet = SubnetSpec(address=str(interface.ip), prefix=interface.network.prefixlen)
            subnet = replace(subnet, ranges=(RangeSpec(start=str(start), end=str(end)),) if dhcp else ())
            facts[field] = BlockFacts(
                host=str(interface.ip),
                start=str(start),
                end=str(end),
                count=count,
                dhcp=dhcp,
                guests_do=subnet.guests_do if interface.version == 6 else "",
            )
        return facts

    @transaction.atomic
    def save(self, by: AbstractBaseUser | None = None) -> Network:
        """Add the network, and poke a worker."""
        data, spec = self.cleaned_data, self.spec()
        network = Network(hypervisor=data["hypervisor"], name=data["name"], owner=by, autostart=data["autostart"])
        network.document = build(replace(spec.without_hosts(), uuid=network.uuid_text))
        network.save()
        DHCPHost.objects.bulk_create(DHCPHost.of(network, host) for host in spec.hosts)
        network.note("added", by)
        transaction.on_commit(partial(tasks.push.delay, network.pk), robust=True)
        return network


def _within(address: object, first: object, last: object) -> bool:
    return address.version == first.version and first <= address <= last


def _block_of(address: str, blocks: list[tuple[str, object]]) -> object | None:
    return next((block for _, block in blocks if ip_address(address) in block.network), None)


def default_range(interface: object) -> RangeSpec:
    """Virter's range of a block."""
    start, end = addressing.dhcp_range(interface)
    return RangeSpec(start=str(start), end=str(end))


def initial_of(spec: NetworkSpec) -> dict[str, object]:
    """The fields' values of a definition. DHCP counts as ticked where every block has a range."""
    first = {family: next((each for each in spec.subnets if each.family == family), None) for family in (4, 6)}
    boot = first[4] or SubnetSpec(address="", prefix=0)
    dhcp = bool(spec.subnets) and all(subnet.ranges for subnet in spec.subnets)
    ranges = [
        each for subnet in spec.subnets for each in subnet.ranges if not (dhcp and subnet.ranges == (_whole(subnet),))
    ]
    same = ("name", "forward_mode", "forward_devices", "nat_ports", "nat_addresses", "nat_ipv6", "bridge", "stp", "mtu")
    same += ("isolated_ports", "domain", "forwarders", "dns_hosts", "routes", "inbound", "outbound", "port_groups")
    same += ("dnsmasq_options", "title", "description", "hosts")
    return {
        **{name: getattr(spec, name) for name in same},
        **{name: subnet.cidr if (subnet := first[family]) else "" for name, family in FAMILIES.items()},
        "blocks": tuple(subnet.cidr for subnet in spec.subnets if subnet not in first.values()),
        "dhcp": dhcp,
        "ranges": tuple(ranges),
        "dns": "yes" if spec.dns else "no",
        "local_only": spec.local_only if spec.domain else True,
        **{name: getattr(boot, name) for name in ("tftp_root", "boot_file", "boot_server")},
    }


def _whole(subnet: SubnetSpec) -> RangeSpec | None:
    try:
        return default_range(subnet.interface)
    except ValueError:
        return None
