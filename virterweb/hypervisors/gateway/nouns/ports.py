"""NICs of running VMs on a network: whether each is connected, and how it is reconnected."""

from collections.abc import Iterator
from contextlib import suppress

import libvirt
from lxml import etree

from virterweb.hypervisors.gateway import peer, temporary
from virterweb.hypervisors.gateway.bounds import bounded
from virterweb.hypervisors.gateway.found import FoundPort
from virterweb.hypervisors.gateway.session import Session, bridge_of
from virterweb.messages import Message


class Ports:
    """The connections of running VMs' NICs to networks, each network named by its UUID."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def of_network(self, uuid: str) -> list[FoundPort]:
        """Return the NICs of running VMs on a network, and whether each is connected since its last restart."""
        with self._session.calling(Message("ports.of_network"), libvirt.VIR_ERR_NO_NETWORK):
            network = self._session.libvirt.networkLookupByUUIDString(uuid)
            names = network.name(), temporary.network_name(uuid)
            bridge, ports = bridge_of(network), _port_ids(network)
            running = self._session.libvirt.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE)
            return [nic for domain in running for nic in self._nics_on(domain, names, bridge, ports)]
        return []

    def _nics_on(
        self, domain: libvirt.virDomain, names: tuple[str, str], bridge: str, ports: set[str] | None
    ) -> Iterator[FoundPort]:
        try:
            root = etree.fromstring(domain.XMLDesc())
        except libvirt.libvirtError:  # stopped since the list was made
            return
        for interface in root.iterfind("devices/interface"):
            source = interface.find("source")
            if source is not None and source.get("network") in names:
                half_way = source.get("network") == names[1]
                plugged, seen = self._connected(interface, bridge, ports)
                yield FoundPort(
                    vm_uuid=domain.UUIDString(),
                    vm=domain.name(),
                    mac=interface.find("mac").get("address"),
                    document=etree.tostring(interface, encoding="unicode"),
                    plugged=not half_way and plugged,
                    seen=seen,
                    port=source.get("portid", ""),
                    half_way=half_way,
                )

    def _connected(self, interface: etree._Element, bridge: str, ports: set[str] | None) -> tuple[bool, bool]:
        """Return whether a NIC is connected to its bridge, and whether its tap shows that or only libvirt claims it."""
        if not bridge:
            return True, True  # macvtap and the like have none to lose
        target = interface.find("target")
        if self._session.pid and target is not None:
            seen = peer.bridge_of(self._session.pid, target.get("dev", ""), interface.find("mac").get("address"))
            if seen is not None:
                return seen == bridge, True
        return ports is None or interface.find("source").get("portid") in ports, False

    def packets_received(self, nic: FoundPort) -> int | None:
        """Return how many packets a running NIC received; None if it is gone, or they are not counted."""
        target = etree.fromstring(nic.document).find("target")
        with suppress(libvirt.libvirtError):
            domain = self._session.libvirt.lookupByUUIDString(nic.vm_uuid)
            return bounded(domain.interfaceStats(target.get("dev"))[1]) if target is not None else None
        return None

    def taps_on(self, bridge: str) -> set[str] | None:
        """Return the devices on a bridge of the hypervisor's host; None if they cannot be seen."""
        return peer.taps_on(self._session.pid, bridge) if self._session.pid and bridge else None

    def interrupted_reconnects(self) -> list[str]:
        """Return the UUIDs of networks whose NICs are being reconnected, or were when the worker was killed."""
        with self._session.calling(Message("ports.interrupted_reconnects")):
            return list(filter(None, (temporary.served(network.name()) for network in self._all_networks())))

    def prepare_reconnect(self, uuid: str) -> None:
        """Make the temporary network by which the NICs of a network are reconnected; it must be ended afterwards."""
        with self._session.calling(Message("ports.prepare_reconnect")):
            if not self._temporary_network(uuid):
                document = self._session.libvirt.networkLookupByUUIDString(uuid).XMLDesc()
                self._session.libvirt.networkCreateXML(temporary.network_document(uuid, document))

    def reconnect(self, nic: FoundPort, uuid: str) -> None:
        """Reconnect a running NIC to its network's bridge. The guest's driver does not notice: tap, MAC and slot stay.

        libvirt ignores a change to the state that it has recorded, and newer releases also one to a network with the
        same bridge. So the NIC is moved to the temporary network and back.
        """
        with self._session.calling(Message("ports.reconnect", mac=nic.mac, vm=nic.vm)):
            network = self._session.libvirt.networkLookupByUUIDString(uuid)
            if not bridge_of(network):
                return  # no NIC was disconnected
            domain, name = self._session.libvirt.lookupByUUIDString(nic.vm_uuid), network.name()
            way = [name] if nic.half_way else [temporary.network_name(uuid), name]
            for where in way:
                domain.updateDeviceFlags(temporary.moved(nic.document, where), libvirt.VIR_DOMAIN_AFFECT_LIVE)

    def end_reconnect(self, uuid: str) -> None:
        """Remove the temporary network of a network, unless a NIC is still on it."""
        with self._session.calling(
            Message("ports.end_reconnect"), libvirt.VIR_ERR_NO_NETWORK, libvirt.VIR_ERR_OPERATION_INVALID
        ):
            network = self._temporary_network(uuid)
            if network and not any(nic.half_way for nic in self.of_network(uuid)) and not _port_ids(network):
                network.destroy()

    def _temporary_network(self, uuid: str) -> libvirt.virNetwork | None:
        name = temporary.network_name(uuid)
        return next((network for network in self._all_networks() if network.name() == name), None)

    def _all_networks(self) -> list[libvirt.virNetwork]:
        return self._session.libvirt.listAllNetworks(libvirt.VIR_CONNECT_LIST_NETWORKS_ACTIVE)


def _port_ids(network: libvirt.virNetwork) -> set[str] | None:
    """Return the IDs of the ports of a network; None for drivers that have none, such as libvirt's test driver."""
    if not network.isActive():
        return set()
    try:
        return {port.UUIDString() for port in network.listAllPorts()}
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_SUPPORT:
            return None
        raise
