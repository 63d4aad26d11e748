"""The columns of tables that a user has hidden."""

from django.conf import settings
from django.db import models


class HiddenColumns(models.Model):
    """What a user does not want to see of a table. Columns that are added later are shown."""

    class Table(models.TextChoices):
        NETWORKS = "networks", "networks"
        VMS = "vms", "VMs"
        ATTACHED = "attached", "attached VMs of a network"
        NICS = "nics", "attached NICs"
        IMAGES = "images", "images"
        POOLS = "pools", "storage pools"
        VOLUMES = "volumes", "volumes of a pool"
        UNUSED_VOLUMES = "unused-volumes", "unused volumes of a pool"
        HYPERVISORS = "hypervisors", "hypervisors"
        ACTIVITY = "activity", "activity log"
        LEASES = "leases", "leases"
        RESERVATIONS = "reservations", "DHCP reservations"
        ADDRESSES = "addresses", "address plan"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    table = models.CharField(choices=Table)
    columns = models.JSONField(default=list, help_text="the keys of the hidden columns")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "table"], name="hidden_columns_once_a_table")]
        verbose_name_plural = "hidden columns"

    def __str__(self) -> str:
        return f"{self.get_table_display()} of {self.user}"
