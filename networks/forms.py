"""The form that adds a network: for the page, and for the command line, which fills in the same fields."""

from dataclasses import dataclass
from functools import partial
from ipaddress import ip_network

from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction

from virterweb.hypervisors.models import Hypervisor

from . import addressing, rules, tasks
from .models import DHCPHost, Network, Subnet


@dataclass(frozen=True, kw_only=True)
class BlockFacts:
    """What a typed block means, computed in view."""

    host: str
    start: str
    end: str
    count: int
    dhcp: bool


class NetworkForm(forms.Form):
    """Fields named after Virter's flags; `save` makes the wish and pokes a worker."""

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
        required=False,
        validators=[rules.validate_domain],
        help_text="Guests then find each other as NAME.DOMAIN.",
    )
    bridge = forms.CharField(
        label="Bridge",
        required=False,
        validators=[rules.validate_bridge],
        help_text="Empty: libvirt takes the next virbrN. With mode bridge: the host’s bridge to use.",
    )
    mtu = forms.IntegerField(label="MTU", required=False, validators=rules.MTU, help_text="68 to 65535; empty: 1500.")
    dnsmasq_options = forms.CharField(
        label="dnsmasq options",
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="One a line, beside those of the hypervisor. Operators only: they can run programs on the host.",
    )
    host_mac = forms.CharField(
        label="Base MAC", required=False, initial=addressing.ACCESS_MAC, help_text="Entry i gets base + first ID + i."
    )
    host_first_id = forms.IntegerField(label="First ID", required=False, min_value=0, initial=0)
    host_count = forms.IntegerField(
        label="Number of host entries",
        required=False,
        min_value=0,
        max_value=65533,
        initial=0,
        help_text="Generated for the IPv4 block, from the host’s address + 1 on.",
    )

    FOLDS = (
        ("Bridge and MTU", ("bridge", "mtu")),
        ("Generated host entries", ("host_mac", "host_first_id", "host_count")),
        ("dnsmasq options", ("dnsmasq_options",)),
    )

    def __init__(self, *args, operator: bool = False, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.operator = operator
        self.fields["hypervisor"].initial = Hypervisor.objects.first()
        self.label_suffix = ""

    @property
    def folds(self) -> list[tuple[str, str, list]]:
        """The folded groups: title, what it holds, its fields."""
        groups = []
        for title, names in self.FOLDS:
            fields = [self[name] for name in names]
            held = [str(field.value()) for field in fields if field.value() not in (None, "", 0, "0")]
            shown = [text for text in held if text != addressing.ACCESS_MAC]
            groups.append((title, ", ".join(shown) or "none", fields))
        return groups

    def clean_ipv4(self):
        return self._block("ipv4", 4)

    def clean_ipv6(self):
        return self._block("ipv6", 6)

    def _block(self, field: str, version: int):
        text = self.cleaned_data[field].strip()
        return rules.read_cidr(text, version) if text else None

    def clean_domain(self) -> str:
        return self.cleaned_data["domain"].lower()

    def clean_host_mac(self) -> str:
        text = self.cleaned_data["host_mac"] or addressing.ACCESS_MAC
        # The base may be 52:54:00:00:00:00, which no guest can have but ID 0.
        if text.lower() == addressing.ACCESS_MAC:
            return addressing.ACCESS_MAC
        try:
            return addressing.parse_mac(text)
        except ValueError as problem:
            raise ValidationError(str(problem)) from problem

    def clean_dnsmasq_options(self) -> str:
        text = self.cleaned_data["dnsmasq_options"]
        if text.strip() and not self.operator:
            raise ValidationError("Only operators may give dnsmasq options: they can run programs on the host.")
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        if any(not line.isprintable() for line in lines):
            raise ValidationError("No control characters, please.")
        return "\n".join(lines)

    def clean(self) -> dict:
        data = super().clean()
        for check in (self._check_name, self._check_mode, self._check_dhcp, self._check_overlap, self._check_hosts):
            check(data)
        return data

    def _check_name(self, data: dict) -> None:
        hypervisor, name = data.get("hypervisor"), data.get("name")
        if hypervisor and name and Network.objects.on(hypervisor).filter(name=name).exists():
            self.add_error("name", f"There is a network {name} on {hypervisor} already.")

    def _check_mode(self, data: dict) -> None:
        mode, bridge = data.get("forward_mode"), data.get("bridge")
        if mode == Network.ForwardMode.BRIDGE:
            if not bridge and "bridge" not in self.errors:
                self.add_error("bridge", "Name the host’s bridge that this network shall use.")
            for field in ("ipv4", "ipv6", "domain", "mtu"):
                if data.get(field):
                    self.add_error(field, "None on the host’s own bridge: that is set up elsewhere.")
        elif mode in (Network.ForwardMode.NAT, Network.ForwardMode.ROUTE) and not self._typed_blocks():
            self.add_error("ipv4", f"Forward mode {mode} needs an IPv4 or IPv6 block.")
        hypervisor = data.get("hypervisor")
        if bridge and hypervisor and mode != Network.ForwardMode.BRIDGE:
            taken = Network.objects.on(hypervisor).filter(status__present=True, status__bridge=bridge).first()
            if taken:
                self.add_error("bridge", f"The bridge {bridge} belongs to the network {taken}.")

    def _typed_blocks(self) -> bool:
        return any(self.data.get(self.add_prefix(field)) for field in ("ipv4", "ipv6"))

    def _check_dhcp(self, data: dict) -> None:
        if not data.get("dhcp"):
            return
        if not self._typed_blocks():
            self.add_error("dhcp", "DHCP needs a block to give addresses from.")
        for field in ("ipv4", "ipv6"):
            if interface := data.get(field):
                try:
                    rules.dhcp_range(interface)
                except ValidationError as problem:
                    self.add_error(field, problem)

    def _check_overlap(self, data: dict) -> None:
        if not (hypervisor := data.get("hypervisor")):
            return
        taken = taken_blocks(hypervisor)
        for field in ("ipv4", "ipv6"):
            if (interface := data.get(field)) and (overlap := rules.find_overlap(interface.network, taken)):
                self.add_error(field, overlap)

    def _check_hosts(self, data: dict) -> None:
        count, interface = data.get("host_count"), data.get("ipv4")
        if not count:
            return
        if interface is None:
            if "ipv4" not in self.errors:
                self.add_error("host_count", "Host entries need an IPv4 block.")
            return
        if data.get("host_mac"):
            try:
                data["hosts"] = addressing.generated_hosts(
                    interface, data["host_mac"], data.get("host_first_id") or 0, count
                )
            except ValueError as problem:
                self.add_error("host_count", str(problem))

    def block_facts(self) -> dict[str, BlockFacts]:
        """For each block that parses: host address, range and number of addresses, as they will be."""
        self.is_valid()
        facts = {}
        for field in ("ipv4", "ipv6"):
            interface = self.cleaned_data.get(field)
            if not interface:
                continue
            try:
                start, end = rules.dhcp_range(interface)
            except ValidationError:
                continue
            dhcp = bool(self.cleaned_data.get("dhcp"))
            count = int(end) - int(start) + 1
            facts[field] = BlockFacts(host=str(interface.ip), start=str(start), end=str(end), count=count, dhcp=dhcp)
        return facts

    @transaction.atomic
    def save(self) -> Network:
        data = self.cleaned_data
        own = data["dnsmasq_options"].splitlines()
        network = Network.objects.create(
            hypervisor=data["hypervisor"],
            name=data["name"],
            forward_mode=data["forward_mode"],
            bridge=data["bridge"],
            domain=data["domain"],
            dns=bool(data["domain"] or data["forward_mode"]),  # Virter: neither domain nor forward mode, no DNS
            mtu=data["mtu"],
            dnsmasq_options="\n".join([*data["hypervisor"].dnsmasq_options.splitlines(), *own]),
        )
        for interface in filter(None, (data["ipv4"], data["ipv6"])):
            start, end = rules.dhcp_range(interface) if data["dhcp"] else (None, None)
            Subnet.objects.create(
                network=network,
                cidr=interface.with_prefixlen,
                dhcp_start=start and str(start),
                dhcp_end=end and str(end),
            )
        DHCPHost.objects.bulk_create(
            DHCPHost(network=network, mac=mac, ip=str(ip)) for mac, ip in data.get("hosts", ())
        )
        transaction.on_commit(partial(tasks.push.delay, network.pk), robust=True)
        return network


def taken_blocks(hypervisor: Hypervisor) -> list[tuple[object, str]]:
    """Every block in use on a hypervisor, with its holder in words: networks, and the routes of the host."""
    networks = Network.objects.on(hypervisor).filter(removed_at=None)
    found = networks.values_list("name", "status__ip_range", "status__bridge")
    wanted = networks.exclude(subnets=None).values_list("name", "subnets__cidr")
    pairs = [(name, cidr) for name, cidrs, _ in found for cidr in cidrs.split(",") if cidr]
    taken = [(ip_network(cidr, strict=False), f"the network {name}") for name, cidr in [*pairs, *wanted]]
    bridges = {bridge for *_, bridge in found}
    for block, device in hypervisor.status.routes:
        if device not in bridges:
            taken.append((ip_network(block), f"the host, which routes it through {device}"))
    return taken
