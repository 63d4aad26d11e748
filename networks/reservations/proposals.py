"""Proposals for DHCP reservations of a network: NICs without one, the missing parts of one, and a warning about it."""

from collections.abc import Iterable, Iterator
from itertools import chain

from django.utils import timezone

from networks.addresses.lease_names import named
from networks.addresses.usage import next_free_address
from networks.attachments import Holder
from networks.definition.lines import DNS_NAME
from networks.definition.spec import HostSpec
from networks.models import Network
from virterweb.messages import Message
from virterweb.people import rights

from .reservations import Known


def unreserved(known: Known) -> list[Holder]:
    """Return the NICs on the network that have no reservation, by VM."""
    taken = {host.mac for host in known.every}
    here = (each for each in known.nics.values() if each.network == known.network.pk)
    return sorted((each for each in here if each.mac not in taken), key=lambda each: each.vm.lower())


def propose(known: Known, mac: str = "", ip: str = "", client_id: str = "") -> HostSpec:
    """Return an entry with missing parts filled in: the leased or next free address, and the name of the VM.

    A guest is known by its MAC for IPv4, by its client ID, which is a DUID, for IPv6.
    """
    entries = known.entries
    ip = ip or next((ip for ip, _ in _leases(known.network, mac) if ":" not in ip and ip not in entries), "")
    ip = ip or next_free_address(known.network)
    six = ":" in ip
    own = [host for host in entries.values() if six and client_id and host.duid == client_id]
    own += [host for host in entries.values() if mac and host.mac == mac]
    names = {host.name.lower() for host in entries.values() if (":" in host.ip) == six and host not in own}
    candidates = chain((host.name for host in own), _names(known, mac))
    name = next((each for each in candidates if DNS_NAME.match(each) and each.lower() not in names), "")
    return HostSpec(mac="" if six else mac, duid=client_id if six else "", ip=ip, name=name)


def _names(known: Known, mac: str) -> Iterator[str]:
    """Yield the names of a guest: of its VM, then those that it tells the DHCP server."""
    if mac in known.nics:
        yield known.nics[mac].vm
    yield from (hostname for _, hostname in _leases(known.network, mac))


def _leases(network: Network, mac: str) -> Iterable[tuple[str, str]]:
    """Return the address and host name of each current lease of a MAC."""
    return network.leases.current().filter(mac=mac).values_list("ip", "hostname") if mac else []


def leased_to_another(network: Network, host: HostSpec, user: rights.Actor = None) -> Message:
    """Return a warning that another guest has the address now; an empty message if none has."""
    lease = network.leases.current().filter(ip=host.ip).exclude(mac=host.mac).first()
    if lease is None or (host.duid and lease.client_id == host.duid):
        return Message()
    if not (host.mac or host.duid) and host.name.lower() == lease.hostname.lower():
        return Message()  # known by what it calls itself
    known = named([lease], user)[0].vm or lease.hostname
    until = f"{timezone.localtime(lease.expires_at):%H:%M}" if lease.expires_at else ""
    return Message("reservation.leased", ip=host.ip, known=known, mac=lease.mac, until=until)
