"""Networks: which there are, and the calls that define, start, update and remove one."""

from contextlib import suppress

import libvirt

from virterweb.hypervisors.gateway import temporary
from virterweb.hypervisors.gateway.found import Busy, FoundNetwork, Guard, NetworkUpdate, Refused, fail_on_unreadable
from virterweb.hypervisors.gateway.marks import Mark
from virterweb.hypervisors.gateway.session import Session, create, object_name
from virterweb.messages import Message

_UPDATES = {
    "add": libvirt.VIR_NETWORK_UPDATE_COMMAND_ADD_LAST,
    "delete": libvirt.VIR_NETWORK_UPDATE_COMMAND_DELETE,
    "change": libvirt.VIR_NETWORK_UPDATE_COMMAND_MODIFY,
}
_SECTIONS = {
    "ip-dhcp-host": libvirt.VIR_NETWORK_SECTION_IP_DHCP_HOST,
    "ip-dhcp-range": libvirt.VIR_NETWORK_SECTION_IP_DHCP_RANGE,
    "forward-interface": libvirt.VIR_NETWORK_SECTION_FORWARD_INTERFACE,
    "portgroup": libvirt.VIR_NETWORK_SECTION_PORTGROUP,
    "dns-host": libvirt.VIR_NETWORK_SECTION_DNS_HOST,
    "dns-txt": libvirt.VIR_NETWORK_SECTION_DNS_TXT,
    "dns-srv": libvirt.VIR_NETWORK_SECTION_DNS_SRV,
}


class Networks:
    """The virtual networks of a hypervisor, each named by its UUID."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def all(self, guard: Guard = fail_on_unreadable) -> list[FoundNetwork]:
        with self._session.calling(Message("networks.all")):
            active, autostart, persistent = (
                {network.UUIDString() for network in self._session.libvirt.listAllNetworks(flag)}
                for flag in (
                    libvirt.VIR_CONNECT_LIST_NETWORKS_ACTIVE,
                    libvirt.VIR_CONNECT_LIST_NETWORKS_AUTOSTART,
                    libvirt.VIR_CONNECT_LIST_NETWORKS_PERSISTENT,
                )
            )
            networks = [one for one in self._session.libvirt.listAllNetworks() if not temporary.served(one.name())]
        found, self._session.networks = [], (listed := {network.UUIDString(): network for network in networks})
        for uuid, network in listed.items():
            gone = libvirt.VIR_ERR_NO_NETWORK  # since the list was made
            with guard(uuid, object_name(network)), self._session.calling(Message("networks.all_one"), gone):
                found.append(
                    FoundNetwork(
                        uuid=uuid,
                        name=network.name(),
                        **self._documents(network, differ=uuid in active & persistent),
                        active=uuid in active,
                        autostart=uuid in autostart,
                        persistent=uuid in persistent,
                    )
                )
        return found

    def get(self, uuid: str) -> FoundNetwork | None:
        with self._session.calling(Message("networks.get"), libvirt.VIR_ERR_NO_NETWORK):
            network = self._session.libvirt.networkLookupByUUIDString(uuid)
            active, persistent = bool(network.isActive()), bool(network.isPersistent())
            return FoundNetwork(
                uuid=uuid,
                name=network.name(),
                **self._documents(network, differ=active and persistent),
                active=active,
                autostart=bool(persistent and network.autostart()),
                persistent=persistent,
            )
        return None

    def _documents(self, network: libvirt.virNetwork, *, differ: bool) -> dict[str, str | Mark | None]:
        """Return the definitions of a network, which may `differ`, and which other portal was the last to define it."""
        live = network.XMLDesc()
        (stored, document), other = self._session.unmarked(_stored(network) if differ else live, live)
        return {"document": document, "stored": stored, "other": other}

    def uuid_of(self, name: str) -> str | None:
        with self._session.calling(Message("networks.uuid_of", name=name), libvirt.VIR_ERR_NO_NETWORK):
            return self._session.libvirt.networkLookupByName(name).UUIDString()
        return None

    def define(self, document: str, name: str) -> None:
        with self._session.calling(Message("networks.define", name=name)):
            self._session.libvirt.networkDefineXML(self._session.marked(document))

    def sign(self, uuid: str, name: str) -> None:
        """Leave the portal's mark in the stored definition, as after changes that did not define it.

        libvirt before 9.7 can only define it again, so it is done where the mark is missing or another portal's.
        """
        gone = libvirt.VIR_ERR_NO_NETWORK
        with suppress(Refused, Busy), self._session.calling(Message("networks.define", name=name), gone):
            network = self._session.libvirt.networkLookupByUUIDString(uuid)
            if network.isPersistent() and not self._session.is_marked(document := _stored(network)):
                self._session.libvirt.networkDefineXML(self._session.marked(document))

    def set_autostart(self, uuid: str, name: str, autostart: bool) -> None:
        with self._session.calling(Message(f"networks.{'autostart' if autostart else 'no_autostart'}", name=name)):
            self._session.libvirt.networkLookupByUUIDString(uuid).setAutostart(autostart)

    def start(self, uuid: str, name: str) -> None:
        with self._session.calling(Message("networks.start", name=name)):
            network = self._session.libvirt.networkLookupByUUIDString(uuid)
            if not network.isActive():
                create(network)

    def stop(self, uuid: str, name: str) -> None:
        gone = (libvirt.VIR_ERR_NO_NETWORK, libvirt.VIR_ERR_OPERATION_INVALID)
        with self._session.calling(Message("networks.stop", name=name), *gone):
            self._session.libvirt.networkLookupByUUIDString(uuid).destroy()

    def undefine(self, uuid: str, name: str) -> None:
        gone = (libvirt.VIR_ERR_NO_NETWORK, libvirt.VIR_ERR_OPERATION_INVALID)
        with self._session.calling(Message("networks.undefine", name=name), *gone):
            self._session.libvirt.networkLookupByUUIDString(uuid).undefine()

    def update(self, uuid: str, update: "NetworkUpdate", what: Message) -> None:
        """Change one entry of one of a network's lists, live, stored or both; deleting a missing one succeeds."""
        deleting = update.command.value == "delete"
        gone = (libvirt.VIR_ERR_OPERATION_INVALID,) if deleting else ()
        with self._session.calling(Message("networks.update", what=what), *gone):
            network = self._session.libvirt.networkLookupByUUIDString(uuid)
            flags = libvirt.VIR_NETWORK_UPDATE_AFFECT_LIVE if update.live else 0
            if update.stored and network.isPersistent():
                flags |= libvirt.VIR_NETWORK_UPDATE_AFFECT_CONFIG
            command, section = _UPDATES[update.command.value], _SECTIONS[update.section]
            network.update(command, section, update.index, update.xml, flags)


def _stored(network: libvirt.virNetwork) -> str:
    """Return the stored definition, from which an active network may differ until it is restarted."""
    try:
        return network.XMLDesc(libvirt.VIR_NETWORK_XML_INACTIVE)
    except libvirt.libvirtError as error:
        if error.get_error_code() not in (libvirt.VIR_ERR_INVALID_ARG, libvirt.VIR_ERR_NO_SUPPORT):
            raise
        return network.XMLDesc()  # libvirt's test driver knows only one definition
