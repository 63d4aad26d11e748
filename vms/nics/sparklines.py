"""The last hour of NICs and networks as small charts in rows of tables, in one query for all rows."""

from collections.abc import Iterable
from functools import cached_property

from django.utils import timezone

from vms.models import TrafficHistory
from vms.observed.charts import Sparkline, sparkline
from vms.observed.history import History
from vms.observed.rates import MINUTE


class Sparklines:
    """The sparklines of VMs' NICs; `vms` are the keys of the VMs' statuses. A page that shows none reads none."""

    def __init__(self, vms: Iterable[int]) -> None:
        self._vms = list(vms)
        self._now = current_minute()

    @cached_property
    def _histories(self) -> dict[tuple[int, str], History]:
        return TrafficHistory.objects.of_nics(self._vms)

    def of(self, vm: int, nic: str) -> Sparkline:
        """Return the sparkline of a NIC by the key of its VM's status and its own."""
        return sparkline(self._histories.get((vm, nic), History.unpacked(b"")).hour(self._now))


def of_networks(networks: Iterable[int]) -> dict[int, Sparkline]:
    """Return the sparklines of networks; those that were never measured are omitted."""
    now = current_minute()
    histories = TrafficHistory.objects.of_networks(list(networks))
    return {network: sparkline(history.hour(now)) for network, history in histories.items()}


def current_minute() -> int:
    return int(timezone.now().timestamp() // MINUTE)
