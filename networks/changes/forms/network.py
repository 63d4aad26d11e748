"""The form of a network, for pages and the command line.

It converts a definition into text fields and back; what it does not show stays in the document that it edits.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from ipaddress import ip_address

from django import forms
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.functional import cached_property

from networks.addresses.blocks import find_warnings, warning
from networks.addresses.usage import next_free_address
from networks.changes.forms import checks
from networks.changes.forms.blocks import placed, take_block, within
from networks.changes.forms.checks import FAMILIES
from networks.changes.forms.cleaning import Cleaning
from networks.changes.forms.definition import DefinitionForm
from networks.changes.forms.facts import BlockFacts, facts_of
from networks.changes.forms.fields import LinesField
from networks.changes.forms.initial import PLAIN, default_range, initial_of, known_values
from networks.definition import host_reach, rules
from networks.definition.document.edit import build, edit
from networks.definition.events import Event
from networks.definition.plans.steps import Wanted
from networks.definition.spec import NetworkSpec, SubnetSpec
from networks.models import DHCPHost, Granted, Network
from virterweb.hypervisors.desired.one_at_a_time import exclusive
from virterweb.hypervisors.models import Hypervisor
from virterweb.pages.forms.folds import Fold, folds
from virterweb.people import creating, rights
from virterweb.people.ends.forms import add_end, choose_end
from virterweb.people.limits import Exceeded, Limit
from virterweb.people.models import Team

IN_SUBNETS = {"ipv4", "ipv6", "blocks", "dhcp", "ranges", "hosts", "tftp_root", "boot_file", "boot_server"}
FIELDS_OF = {
    host_reach.Reach.ROUTE: "routes",
    host_reach.Reach.FOLDER: "tftp_root",
    host_reach.Reach.OPTION: "dnsmasq_options",
    host_reach.Reach.FORWARD: "forward_mode",
    host_reach.Reach.BRIDGE: "bridge",
    host_reach.Reach.ADDRESS: "nat_addresses",
}
FOR_OPERATORS = ("routes", "tftp_root", "dnsmasq_options", "nat_addresses")


class NetworkForm(Cleaning, DefinitionForm):
    """The form that adds a network, or edits one."""

    def __init__(
        self,
        data: QueryDict | dict | None = None,
        *args,
        user: rights.Actor,
        network: Network | None = None,
        **kwargs,
    ) -> None:
        """Show the form of `network`, or without it the form of a new network."""
        self.user, self.network = user, network
        self.team: Team | None = None  # of a new network
        self.before: NetworkSpec | None = network.spec if network else None
        self.document = edit(network.document, self.before) if self.before else ""
        of_network = initial_of(self.before) if self.before else {}
        self.shown = of_network  # before anything is typed
        self.known = known_values(self.before, of_network) if self.before else {}
        initial = {**of_network, **(kwargs.pop("initial", None) or {})}
        super().__init__(data, *args, initial=initial, **kwargs)
        self.label_suffix = ""
        if network:
            for name in ("hypervisor", "host_mac", "host_first_id", "host_count"):
                del self.fields[name]
            self.fields["name"].disabled = True
            self.fields["name"].help_text = "libvirt cannot rename a network."
            self.fields["autostart"].initial = self.known["autostart"] = network.autostart
            of_network["autostart"] = network.autostart
            for name in self.known.keys() & self.fields.keys():
                if isinstance(field := self.fields[name], LinesField):
                    field.known = of_network[name]
            if data is None and (free := next_free_address(network)):
                self.fields["hosts"].help_text += f" The next free address is {free}."
            self.fields["dns"].choices = self.fields["dns"].choices[1:]
            if (mode := self.before.forward_mode) not in Network.ForwardMode.values:
                self.fields["forward_mode"].choices += [(mode, f"{mode}: as in its XML")]
            if not (initial["hosts"] or initial["ranges"]):
                del self.fields["move_along"]
        else:
            del self.fields["move_along"]
            creating.prepare(self, user)
            add_end(self)
            self.fields["hypervisor"].initial = creating.hypervisors(user).preselected()

    @property
    def on(self) -> Hypervisor | None:
        return self.network.hypervisor if self.network else self.cleaned_data.get("hypervisor")

    @cached_property
    def operator(self) -> bool:
        """Return whether the user operates the hypervisor of the network."""
        return rights.is_operator(self.user, self._shown_hypervisor)

    @property
    def _shown_hypervisor(self) -> Hypervisor | None:
        """Return the hypervisor that the form is about so far."""
        chosen = self.on if self.network or self.is_bound else self.initial.get("hypervisor")
        return chosen or self.fields["hypervisor"].initial

    @property
    def limits(self) -> list[Limit]:
        """Return what the team has of what it may have; [] for an existing network."""
        return [] if self.network else creating.limits_of(self, self._shown_hypervisor)

    IN_VIEW = ("team", "name", "forward_mode", "ipv4", "ipv6", "dhcp", "move_along", "domain", "ends_at")

    @property
    def in_view(self) -> list[forms.BoundField]:
        return [self[name] for name in self.IN_VIEW if self._shows(name)]

    @property
    def folds(self) -> list[Fold]:
        return folds((title, [self[name] for name in names if self._shows(name)]) for title, names in self.FOLDS)

    def _post_clean(self) -> None:
        """Refuse, at its field, what reaches the host to all but operators."""
        if not self.network and not self.errors:
            self.team = creating.team_of(self, self.user)
            choose_end(self, Network(hypervisor=self.on, name=self.cleaned_data["name"], team=self.team), self.user)
        if self.operator or self.errors:
            return
        if not self.network and self.cleaned_data["name"] == self.on.access_network:
            self.add_error("name", "Only operators may add the access network: the first NIC of every VM is on it.")
            return
        granted = Granted(self.network.team_id if self.network else self.team and self.team.pk, self.on.pk)
        for part in granted.refused(self._granted(), self.wanted().document):
            field = self._field_of(part)
            self.add_error(field if field in self.fields else None, granted.reason(part))

    def _granted(self) -> str:
        """Return the document whose access to the host is granted already: the saved one, or one with defaults."""
        if self.network:
            return self.document
        return build(NetworkSpec(name=self.cleaned_data["name"], dnsmasq_options=self._options(())))

    def _options(self, typed: tuple[str, ...]) -> tuple[str, ...]:
        """Return the dnsmasq options of a new network: the hypervisor's, then the typed ones."""
        options = (option.strip() for option in (*self.on.dnsmasq_options.split("\n"), *typed))
        return tuple(dict.fromkeys(option for option in options if option))

    def _field_of(self, part: host_reach.Part) -> str:
        if part.reach is host_reach.Reach.BLOCK:
            blocks = checks.interfaces(self.cleaned_data)
            return next((field for field, block in blocks if str(block) == part.value), "")
        if part.reach is host_reach.Reach.FORWARD and part.place == "forward interface":
            return "forward_devices"
        return FIELDS_OF.get(part.reach, "")

    def _shows(self, name: str) -> bool:
        """Return whether a field is shown: fields that affect the host only to operators, or if they have a value."""
        return name in self.fields and (
            self.operator or name not in FOR_OPERATORS or bool(self[name].value()) or bool(self[name].errors)
        )

    # what it makes

    def spec(self) -> NetworkSpec:
        """Return the definition that the valid form describes: the earlier one with the changed fields."""
        data, changed = self.cleaned_data, self.changed
        if data.get("move_along"):
            changed |= {"ranges", "hosts", "routes"}
        values = {name: data[name] for name in PLAIN if name in changed}
        values |= {name: data[name] or "" for name in ("nat_ports", "nat_addresses") if name in changed}
        if data["forward_mode"] == Network.ForwardMode.NAT and not self.before and data["ipv6"]:
            values["nat_ipv6"] = True  # as Virter
        if changed & {"domain", "local_only"}:
            values["local_only"] = bool(data["domain"] and data["local_only"])
        if "dns" in changed:
            values["dns"] = checks.has_dns(data)
        if changed & IN_SUBNETS:
            values["subnets"] = tuple(self._subnets(data))
        if not self.network:
            values["dnsmasq_options"] = self._options(data["dnsmasq_options"])
        return replace(self.before or NetworkSpec(name=data["name"]), **values)

    def _subnets(self, data: dict) -> Iterable[SubnetSpec]:
        """Yield the blocks, each with what it had; new ranges and reservations go to the block of their address."""
        blocks = [block for _, block in checks.interfaces(data)]
        left = list(self.before.subnets) if self.before else []
        were = [take_block(left, str(block)) for block in blocks]
        ranges = placed(data["ranges"], lambda each: each.start, [was.ranges if was else () for was in were], blocks)
        hosts = placed(data["hosts"], lambda host: host.ip, [was.hosts if was else () for was in were], blocks)
        boot = {name: data[name] or "" for name in ("tftp_root", "boot_file", "boot_server")}
        for block, was, own_ranges, own_hosts in zip(blocks, were, ranges, hosts, strict=True):
            subnet = was or SubnetSpec(address=str(block.ip), prefix=block.network.prefixlen)
            if data["dhcp"] and not own_ranges:
                own_ranges = (default_range(block),)
            if block.version == 4:
                subnet, boot = replace(subnet, **boot), {}
            yield replace(subnet, ranges=tuple(own_ranges), hosts=tuple(own_hosts))

    def wanted(self) -> Wanted:
        """Return the whole desired configuration: an existing document edited in place, or a new one."""
        document = edit(self.document, self.spec()) if self.network else build(self.spec())
        active = self.network.active if self.network else True
        return Wanted(document=document, active=active, autostart=self.cleaned_data["autostart"])

    @property
    def notes(self) -> list[str]:
        """Return warnings about what is allowed but may surprise, shown while typing."""
        if not self.is_bound:
            return []
        data = self.cleaned_data
        said = [
            warning(interface.network, taken, self._around.free if interface.version == 4 else "")
            for field, interface in checks.interfaces(data)
            if self.on and field in self.changed
            for taken in find_warnings(interface.network, self._around.taken)
        ]
        if self.operator and not self.errors:  # for others it is an error
            found = host_reach.changed(self._granted(), self.wanted().document)
            said += [host_reach.HIJACKS.format(block=part.value) for part in found if host_reach.hijacks(part)]
        spans = [(ip_address(each.start), ip_address(each.end)) for each in data.get("ranges") or ()]
        outside = [
            str(host)
            for host in data.get("hosts") or ()
            if spans and not any(within(ip_address(host.ip), first, last) for first, last in spans)
        ]
        if data.get("domain") and self.changed & {"domain", "dns"} and not checks.has_dns(data):
            said.append("DNS is off, so guests cannot find each other by name. To allow this, set DNS to “on”.")
        if not outside or not self.changed & {"ranges", "hosts"}:
            return said
        names = ", ".join(outside[:3]) + (f" and {len(outside) - 3} more" if len(outside) > 3 else "")
        return [*said, f"These reservations are outside all ranges; the guests still get their addresses: {names}."]

    def block_facts(self) -> dict[str, BlockFacts]:
        """Return host address, DHCP range and number of addresses of each block that can be read."""
        self.is_valid()
        return facts_of({name: self.cleaned_data.get(name) for name in FAMILIES}, bool(self.cleaned_data.get("dhcp")))

    def proposed_facts(self) -> dict[str, BlockFacts]:
        """Return the same of the blocks that the form proposes, without a check of anything else."""
        blocks = {}
        for name, version in FAMILIES.items():
            with suppress(ValidationError):
                blocks[name] = rules.read_cidr(str(self.initial.get(name, "")).strip(), version)
        return facts_of(blocks, bool(self.initial.get("dhcp")))

    def save(self, by: AbstractBaseUser | None = None) -> Network | None:
        """Add the network; return None, with errors at their fields, if somebody else was faster."""
        with exclusive(self.cleaned_data["hypervisor"]):
            self.full_clean()
            if self.errors:
                return None
            network = self._new(by)
            try:
                with network.kept_limits():
                    network.save()
                    DHCPHost.objects.bulk_create(DHCPHost.of(network, host) for host in self.spec().hosts)
                    network.note(Event.ADDED, by)
            except Exceeded as problem:
                self.add_error(None, str(problem))
                return None
            return network

    def _new(self, by: AbstractBaseUser | None) -> Network:
        data = self.cleaned_data
        given = {"hypervisor": data["hypervisor"], "name": data["name"], "autostart": data["autostart"]}
        network = Network(owner=by, team=self.team, **given)
        choose_end(self, network, self.user)
        network.document = build(replace(self.spec().without_hosts(), uuid=network.uuid_text))
        return network
