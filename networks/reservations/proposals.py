"""Proposals for DHCP reservations of a network: NICs without one, the missing parts of one, and a warning about it."""

from django.utils import timezone

from networks.addresses.usage import next_free_address
from networks.attachments import Holder, attachments
from networks.definition.lines import DNS_NAME
from networks.definition.spec import HostSpec
from networks.models import Network
from virterweb.messages import Message

from .reservations import all_entries, entries


def unreserved(network: Network) -> list[Holder]:
    """Return the NICs on the network that have no reservation, by VM."""
    taken = {host.mac for host in all_entries(network)}
    here = (each for each in attachments().holders(network.hypervisor).values() if each.network == network.pk)
    return sorted((each for each in here if each.mac not in taken), key=lambda each: each.vm.lower())


def propose(network: Network, mac: str = "", ip: str = "", client_id: str = "") -> HostSpec:
    """Return an entry with missing parts filled in: the leased or next free address, and the name of the VM.

    A guest is known by its MAC for IPv4, by its client ID, which is a DUID, for IPv6.
    """
    known = entries(network)
    if not ip and mac:
        leased = network.leases.current().filter(mac=mac).exclude(ip__contains=":").values_list("ip", flat=True)
        ip = next((each for each in leased if each not in known), "")
    ip = ip or next_free_address(network)
    six = ":" in ip
    holder = attachments().holders(network.hypervisor).get(mac)
    hostname = network.leases.current().filter(mac=mac).exclude(hostname="").values_list("hostname", flat=True).first()
    own = [host for host in known.values() if six and client_id and host.duid == client_id]
    own += [host for host in known.values() if mac and host.mac == mac]
    names = {host.name.lower() for host in known.values() if (":" in host.ip) == six and host not in own}
    candidates = (name for name in (*(host.name for host in own), holder and holder.vm, hostname) if name)
    name = next((each for each in candidates if DNS_NAME.match(each) and each.lower() not in names), "")
    return HostSpec(mac="" if six else mac, duid=client_id if six else "", ip=ip, name=name)


def leased_to_another(network: Network, host: HostSpec) -> Message:
    """Return a warning that another guest has the address now; an empty message if none has."""
    lease = network.leases.current().filter(ip=host.ip).exclude(mac=host.mac).first()
    if lease is None or (host.duid and lease.client_id == host.duid):
        return Message()
    if not (host.mac or host.duid) and host.name.lower() == lease.hostname.lower():
        return Message()  # known by what it calls itself
    known = lease.vm or lease.hostname
    until = f"{timezone.localtime(lease.expires_at):%H:%M}" if lease.expires_at else ""
    return Message("reservation.leased", ip=host.ip, known=known, mac=lease.mac, until=until)
