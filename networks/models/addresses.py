"""Addresses as columns that sort."""

from ipaddress import IPv4Address, IPv6Address, ip_address

from django.db import models


def sort_key_of(address: IPv4Address | IPv6Address) -> str:
    """Return an address as text that sorts as addresses do, IPv4 before IPv6: 40affff0cf, 6fd00…"""
    return f"{address.version}{address.packed.hex()}"


class SortKeyField(models.CharField):
    """The column that sorts rows by their `ip`; it follows that at each save and bulk creation."""

    def __init__(self, **options: object) -> None:
        options |= {"max_length": 33, "db_index": True, "editable": False}
        super().__init__(**{"help_text": "the IP version and the IP in hexadecimal", **options})

    def deconstruct(self) -> tuple[str, str, list, dict]:
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.CharField", args, kwargs

    def pre_save(self, instance: models.Model, add: bool) -> str:
        value = sort_key_of(ip_address(instance.ip))
        setattr(instance, self.attname, value)
        return value
