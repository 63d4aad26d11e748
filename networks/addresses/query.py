"""Queries for addresses: an IP, a block, a MAC or a part of it, or a name. Pure except for Q."""

import re
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_network

from django.db.models import Q

from networks.definition.addressing import parse_mac
from networks.models import sort_key_of

MAC_DIGITS = 12
FEWEST_DIGITS = 4  # of a MAC without separators; fewer are in every MAC, and in many a name
BEGUN_IP = re.compile(r"\d{1,3}(\.\d{1,3}){0,2}\.\*?|\d{1,3}(\.\d{1,3}){1,2}")
BEGUN_MAC = re.compile(r"([0-9a-f]{0,2}[:-])+[0-9a-f]{0,2}")


@dataclass(frozen=True, kw_only=True)
class Question:
    """A query as typed, and its possible meanings."""

    text: str

    @cached_property
    def block(self) -> IPv4Network | IPv6Network | None:
        """Return the addresses that are asked for: one, a CIDR block, or a prefix such as 10.255. or 10.255.0"""
        try:
            return ip_network(self.text.strip("[]"), strict=False)
        except ValueError:
            return self._begun_block()

    def _begun_block(self) -> IPv4Network | None:
        if not BEGUN_IP.fullmatch(self.text):
            return None
        octets = self.text.rstrip("*").rstrip(".").split(".")
        try:
            return IPv4Network(f"{'.'.join([*octets, *['0'] * (4 - len(octets))])}/{8 * len(octets)}")
        except ValueError:
            return None

    @cached_property
    def mac(self) -> str:
        """Return the MAC that is asked for if it is complete, in any spelling."""
        try:
            return parse_mac(self.text)
        except ValueError:
            return ""

    @cached_property
    def mac_digits(self) -> str:
        """Return the digits that the MACs asked for contain; "" if the text cannot be part of a MAC."""
        text = self.text.lower()
        digits = re.sub(r"[:.-]", "", text)
        few = len(digits) < (1 if BEGUN_MAC.fullmatch(text) else FEWEST_DIGITS)
        return "" if few or len(digits) > MAC_DIGITS or self.block or not re.fullmatch("[0-9a-f]+", digits) else digits

    @property
    def mac_parts(self) -> tuple[str, ...]:
        """Return what these MACs contain: the digits, with colons in every possible place."""
        digits = self.mac_digits
        return tuple(dict.fromkeys((_with_colons(digits), f"{digits[0]}:{_with_colons(digits[1:])}"))) if digits else ()

    def macs(self) -> Q:
        """Return the filter for rows whose `mac` matches; none if the text cannot be part of a MAC."""
        wanted = Q(mac=self.mac) if self.mac else Q(pk__in=())
        for part in () if self.mac else self.mac_parts:
            wanted |= Q(mac__contains=part)
        return wanted

    def places(self) -> Q:
        """Return the filter for rows with a `sort_key` in the block that is asked for."""
        return Q(sort_key__range=(sort_key_of(self.block[0]), sort_key_of(self.block[-1])))

    def leases(self, readable: Q | None = None) -> Q:
        """Return the filter for matching leases, current or ended.

        `readable` is the condition that their VMs may be searched for; none or an empty one if all may.
        """
        if self.block:
            return self.places()
        if self.mac:
            return self.macs()
        if readable:
            return self.macs() | Q(hostname__icontains=self.text) | (readable & Q(vm__icontains=self.text))
        if not self.mac_digits:
            return self._names()
        wanted = Q(words__contains=self.text.lower())
        return wanted if self.mac_digits == self.text.lower() else wanted | Q(words__contains=self.mac_digits)

    def _names(self) -> Q:
        """Return the filter for names, without `words` if the text may be part of a MAC: every MAC has a few digits."""
        if re.fullmatch("[0-9a-f]+", self.text.lower()):
            return Q(hostname__icontains=self.text) | Q(vm__icontains=self.text)
        return Q(words__contains=self.text.lower())

    def hosts(self) -> Q:
        """Return the filter for reservations that match."""
        return self.places() if self.block else self.macs() | Q(name__icontains=self.text)


def _with_colons(digits: str) -> str:
    return ":".join(re.findall("..?", digits))
