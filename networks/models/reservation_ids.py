"""DHCP reservations by Virter's IDs."""

from ipaddress import IPv4Interface

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from networks.definition import addressing
from networks.definition.events import Event
from virterweb.messages import InvalidValue, Message
from virterweb.people import rights
from virterweb.people.verbs import Verb

from .reservation import DHCPHost


class ReservationIDs:
    """Methods of `Network` that reserve addresses by ID, as Virter does."""

    def reserve_ids(self, first: int, count: int, by: AbstractBaseUser | None = None) -> None:
        """Request reservations for IDs first … first+count−1, as Virter does; raise InvalidValue if any is refused."""
        rights.require(by, Verb.EDIT, self)
        block = self.definition.block()
        if block is None:
            raise InvalidValue(Message("value.ids_block", network=self))
        if first < 1 or count < 1:
            raise InvalidValue(Message("value.ids_first"))
        with self.kept_limits(), self.transition():
            entries = self._new_entries(block, first, count)
            self.hosts.filter(mac__in=[entry.mac for entry in entries]).delete()
            DHCPHost.objects.bulk_create(entries)
            self.change(by=by, **_of_ids(Event.ID_RESERVED, Event.IDS_RESERVED, first, count))

    def _new_entries(self, block: IPv4Interface, first: int, count: int) -> list[DHCPHost]:
        """Return reservations for IDs; raise InvalidValue if the MAC or the address of one is reserved."""
        going = set(self.hosts.exclude(removed_at=None).values_list("mac", "ip"))
        rows = (self.found_hosts.all(), self.hosts.filter(removed_at=None))
        found, wanted = (set(row.values_list("mac", "ip")) for row in rows)
        # What was removed outside can be reserved again.
        known = (
            (found | wanted) - (going - wanted) - (set(rows[1].filter(asked_at=None).values_list("mac", "ip")) - found)
        )
        macs, ips = {mac for mac, _ in known}, {ip for _, ip in known}
        entries = []
        for number in range(first, first + count):
            mac, ip = addressing.mac_of_id(number), str(addressing.ip_of_id(block, number))
            if mac in macs:
                raise InvalidValue(Message("value.id_reserved", number=number, mac=mac))
            if ip in ips or ip == str(block.ip):
                raise InvalidValue(Message("value.id_taken", number=number, ip=ip))
            entries.append(DHCPHost(network=self, mac=mac, ip=ip))
        return entries

    def release_ids(self, first: int, count: int, by: AbstractBaseUser | None = None) -> None:
        """Request the removal of all reservations for the MACs of these IDs, regardless of who created them."""
        rights.require(by, Verb.EDIT, self)
        macs = {addressing.mac_of_id(number) for number in range(first, first + count)}
        with transaction.atomic():
            for host in self.found_hosts.all():
                if host.mac in macs:
                    self.hosts.get_or_create(mac=host.mac, duid=host.duid, name=host.name, ip=host.ip)
            self.hosts.filter(mac__in=macs).update(removed_at=timezone.now())
            self.change(by=by, **_of_ids(Event.ID_RELEASED, Event.IDS_RELEASED, first, count))


def _of_ids(one: Event, several: Event, first: int, count: int) -> dict:
    """Return the event of reservations by ID with its parameters, as arguments of `change`."""
    last = first + count - 1
    return {"event": one if count == 1 else several, "about": {"first": first, "last": last}}
