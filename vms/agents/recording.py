"""Records the addresses that agents and ARP tables report for NICs."""

from collections import Counter
from collections.abc import Iterable
from ipaddress import ip_address

from django.db import transaction
from django.utils import timezone

from virterweb.hypervisors.gateway.found import FoundAddress
from vms.models import NICAddress, Power, VMStatus
from vms.observed.addresses import Source


def write_addresses(status: VMStatus, source: Source, found: Iterable[FoundAddress] | None) -> None:
    """Replace what one source reported of a VM's NICs, where it differs; guests have other cards, too.

    With None, for a source that could not be read, the previous report is kept and marked with its age.
    """
    rows = [row for row in status.addresses.all() if row.source == source]
    if found is None:
        if new := [row.pk for row in rows if row.as_of is None]:
            NICAddress.objects.filter(pk__in=new).update(as_of=timezone.now())
        return
    count = Counter(nic.mac for nic in status.nics.all())
    macs = {mac for mac in count if count[mac] == 1}  # otherwise it is unknown which NIC is meant
    now = {(address.mac, str(ip_address(address.ip))) for address in found if address.mac in macs and _counts(address)}
    before = {(row.mac, row.ip): row.pk for row in rows}
    if old := [row.pk for row in rows if row.as_of]:
        NICAddress.objects.filter(pk__in=old).update(as_of=None)
    if now == before.keys():
        return
    with transaction.atomic():
        NICAddress.objects.filter(pk__in=[pk for key, pk in before.items() if key not in now]).delete()
        if VMStatus.objects.select_for_update().filter(pk=status.pk, power=Power.RUNNING).exists():
            new = [NICAddress(vm=status, mac=mac, ip=ip, source=source) for mac, ip in now - before.keys()]
            NICAddress.objects.bulk_create(new, ignore_conflicts=True)


def _counts(address: FoundAddress) -> bool:
    """Return whether an address is usable from outside: loopback and IPv6 link-local addresses are not."""
    try:
        ip = ip_address(address.ip)
    except ValueError:  # an agent can report anything
        return False
    return not (ip.is_loopback or (ip.version == 6 and ip.is_link_local))
