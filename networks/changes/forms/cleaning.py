"""Cleaning of the network form: single fields, changed fields, and checks across fields."""

from dataclasses import replace
from ipaddress import ip_address

from django import forms
from django.core.exceptions import ValidationError
from django.utils.functional import cached_property

from networks.addresses.blocks import next_free_block, of_others, taken_blocks
from networks.changes.forms import checks
from networks.changes.forms.blocks import beyond_the_form
from networks.changes.forms.checks import FAMILIES
from networks.changes.forms.fields import plain_text
from networks.definition import addressing, rules
from networks.definition.spec import HostSpec
from networks.models import Network
from virterweb.people.hidden.names import name_in_use, visible_name


class Cleaning:
    """Methods of `NetworkForm` that turn what was typed into `cleaned_data`, or into errors at its fields."""

    def clean_ipv4(self):
        return self._block("ipv4", 4)

    def clean_ipv6(self):
        return self._block("ipv6", 6)

    def _block(self, field: str, version: int):
        text = self.cleaned_data[field].strip()
        return rules.read_cidr(text, version) if text else None

    def clean_blocks(self):
        known = {str(block): block for block in self.known.get("blocks", ())}
        return tuple(known.get(text) or rules.read_cidr(text) for text in self.cleaned_data["blocks"])

    def clean_domain(self) -> str:
        return self.cleaned_data["domain"].lower()

    def clean_description(self) -> str:
        """Return the description with Unix line ends; browsers send CRLF."""
        text = self.cleaned_data["description"].replace("\r\n", "\n")
        rules.validate_printable(text.replace("\n", " ").replace("\t", " "))
        return text

    def clean_host_mac(self) -> str:
        text = self.cleaned_data["host_mac"] or addressing.ACCESS_MAC
        # The base may be 52:54:00:00:00:00, which only the guest with ID 0 can have.
        if text.lower() == addressing.ACCESS_MAC:
            return addressing.ACCESS_MAC
        try:
            return addressing.parse_mac(text)
        except ValueError as problem:
            raise ValidationError(str(problem)) from problem

    def clean(self) -> dict:
        data = super().clean()
        for name in self.known.keys() - self.changed:
            self.errors.pop(name, None)
            data[name] = self.known[name]
        self._check_name(data)
        if self.before and self.before.bridge and not data.get("bridge") and "bridge" not in self.errors:
            data["bridge"] = self.before.bridge
        self._move_along(data)
        self._generate_hosts(data)
        for field, text in checks.described(self._problems(data)):
            self.add_error(field, text)
        return data

    @cached_property
    def changed(self) -> frozenset[str]:
        """Return the fields whose value differs from the shown one; all fields of a new network."""
        return frozenset(name for name in self.fields if name not in self.known or not self._same(name))

    def _same(self, name: str) -> bool:
        """Return whether the sent value of a field equals the shown one."""
        field = self.fields[name]
        if field.disabled:
            return True
        typed = field.widget.value_from_datadict(self.data, self.files, self.add_prefix(name))
        shown = self.shown.get(name)
        if isinstance(field, forms.BooleanField):
            return bool(field.to_python(typed)) == bool(shown)
        texts = [plain_text(typed), plain_text(field.prepare_value(shown))]
        if isinstance(field.widget, forms.TextInput):  # which has no line breaks
            texts = [text.replace("\n", "") for text in texts]
        return texts[0] == texts[1]

    def _problems(self, data: dict) -> list[checks.Problem]:
        """Return the problems of the typed values, without those that existed before this change."""
        if not self.on:
            return []
        around = self._around = self._surroundings()
        rest = {"typed_blocks": self._typed_blocks(), "blocks_read": not self.errors.keys() & {*FAMILIES, "blocks"}}
        found = list(checks.problems(data, around, **rest))
        if not self.known:
            return found
        blocks = any(self.known[name] for name in (*FAMILIES, "blocks"))
        before = set(checks.problems(self.known, around, typed_blocks=blocks, blocks_read=True))
        return [problem for problem in found if problem not in before]

    def _surroundings(self) -> checks.Surroundings:
        others = Network.objects.on(self.on)
        others = others.exclude(pk=self.network.pk) if self.network else others
        bridges = others.filter(status__present=True).values_list("status__bridge", visible_name(self.user, "network"))
        taken = taken_blocks(self.on, self.user)
        return checks.Surroundings(
            taken=tuple(of_others(taken, self.network)),
            free=next_free_block(taken),
            bridges={bridge: name for bridge, name in bridges if bridge},
            movable=self.network is not None,
            **(beyond_the_form(self.document) if self.document else {}),
        )

    def _check_name(self, data: dict) -> None:
        hypervisor, name = self.on, data.get("name")
        if self.network or not hypervisor or not name:
            return
        if there := Network.objects.on(hypervisor).filter(name=name).order_by("-managed").first():
            self.add_error("name", name_in_use(self.user, "a network", there, hypervisor))

    def _typed_blocks(self) -> bool:
        return any(self.data.get(self.add_prefix(field)) for field in (*FAMILIES, "blocks"))

    def _move_along(self, data: dict) -> None:
        """Move ranges, reservations and gateways of a changed block to the same place in the new one."""
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
                data["routes"] = tuple(replace(each, gateway=moved(each.gateway)) for each in data.get("routes") or ())
            except IndexError:
                self.add_error(
                    field, f"{new.network} is too small for all DHCP reservations and ranges of {old.network}."
                )

    def _generate_hosts(self, data: dict) -> None:
        count, interface = data.get("host_count"), data.get("ipv4")
        if not count:
            return
        if interface is None:
            if "ipv4" not in self.errors:
                self.add_error("host_count", "DHCP reservations need an IPv4 block.")
        elif data.get("host_mac"):
            try:
                made = addressing.generated_hosts(interface, data["host_mac"], data.get("host_first_id") or 0, count)
            except ValueError as problem:
                self.add_error("host_count", str(problem))
            else:
                data["hosts"] = (*data.get("hosts", ()), *(HostSpec(mac=mac, ip=str(ip)) for mac, ip in made))
