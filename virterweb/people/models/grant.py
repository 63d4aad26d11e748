"""Grants: what a team may do on a hypervisor, and how much of it."""

from fnmatch import fnmatchcase
from ipaddress import ip_network

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from virterweb.hypervisors.models import Hypervisor

from .team import Role, Team

PRIVATE_BLOCKS = "10.0.0.0/8\n172.16.0.0/12\n192.168.0.0/16\nfc00::/7"
ALL_POOLS = "*"
OF_NO_TEAM = "*"  # in the list of networks: all that belong to no team


def validate_blocks(text: str) -> None:
    for line in text.split():
        try:
            ip_network(line)
        except ValueError as problem:
            raise ValidationError(f"{line} is not a block of addresses such as 10.0.0.0/8: {problem}") from problem


class Grant(models.Model):
    """The permission of a team to use a hypervisor, or all of them."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="grants")
    hypervisor = models.ForeignKey(
        Hypervisor, null=True, blank=True, on_delete=models.CASCADE, related_name="grants", help_text="empty: all"
    )
    role = models.ForeignKey(
        Role,
        verbose_name="role for other objects",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="for everything on the hypervisor that does not belong to the team; empty: the team does not see it",
    )
    blocks = models.TextField(
        "address blocks",
        blank=True,
        default=PRIVATE_BLOCKS,
        validators=[validate_blocks],
        help_text="in which the team may add networks, one per line",
    )
    networks = models.TextField(
        blank=True,
        default=OF_NO_TEAM,
        help_text="names of further networks to which the team may attach NICs, one per line; "
        "*: all that belong to no team",
    )
    bridges = models.TextField(
        blank=True, help_text="bridges of the host to which the team may attach NICs, one per line, such as br0 or br-*"
    )
    devices = models.TextField(
        "host devices", blank=True, help_text="devices of the host to which the team may attach NICs, one per line"
    )
    pools = models.TextField(
        blank=True,
        default=ALL_POOLS,
        help_text="storage pools in which the team may have disks and images, one per line, such as default or ssd-*",
    )
    max_vms = models.PositiveIntegerField("VMs", null=True, blank=True)
    max_vcpus = models.PositiveIntegerField("vCPUs", null=True, blank=True)
    max_memory = models.PositiveIntegerField("memory", null=True, blank=True, help_text="MiB")
    max_disk = models.PositiveIntegerField("disk", null=True, blank=True, help_text="GiB")
    max_networks = models.PositiveIntegerField("networks", null=True, blank=True)
    max_reservations = models.PositiveIntegerField("reserved addresses", null=True, blank=True)
    max_snapshots = models.PositiveIntegerField("snapshots", null=True, blank=True)

    class Meta:
        ordering = ["team", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["team", "hypervisor"], name="grant_once_a_hypervisor"),
            models.UniqueConstraint(fields=["team"], condition=Q(hypervisor=None), name="grant_of_all_once"),
        ]

    def __str__(self) -> str:
        return f"{self.team} on {self.hypervisor or 'all hypervisors'}"

    def names_network(self, name: str, *, of_team: bool) -> bool:
        """Return whether the team may attach NICs to a network of that name, of another team or of none."""
        names = self.networks.split()
        return name in names or (OF_NO_TEAM in names and not of_team)

    def names_bridge(self, name: str) -> bool:
        return _named(name, self.bridges)

    def names_device(self, name: str) -> bool:
        return _named(name, self.devices)

    def names_pool(self, name: str) -> bool:
        return _named(name, self.pools)

    def has_block(self, block: str) -> bool:
        """Return whether the team may use a block for its networks."""
        wanted = ip_network(block, strict=False)
        spaces = (ip_network(each) for each in self.blocks.split())
        return any(wanted.version == space.version and wanted.subnet_of(space) for space in spaces)


def _named(name: str, patterns: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns.split())
